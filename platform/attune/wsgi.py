"""The WSGI entry point of the web server."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attune.settings")
# One answer is small work: a second thread of the linear algebra only waits for the first.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A thread that comes back from the database waits this long for one that computes: Python's own
# 5 ms would add up over the questions of one answer whenever a neighbour's is being computed.
sys.setswitchinterval(0.0005)
_django = get_wsgi_application()

# Behind Django's start: the door reads settings.
from tenants.access.door import Door  # noqa: E402
from tenants.access.rates import RATES  # noqa: E402

application = Door(_django, RATES)
