"""The WSGI entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attune.settings")
# One answer is small work: a second thread of the linear algebra only waits for the first.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
_django = get_wsgi_application()

# Behind Django's start: the door reads settings.
from tenants.access.door import Door  # noqa: E402
from tenants.access.rates import RATES  # noqa: E402

application = Door(_django, RATES)
