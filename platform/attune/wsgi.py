"""The WSGI entry point of the web server."""

import logging
import os
import sys
from multiprocessing import parent_process

from attune.web_process import begin, settle

begin()

from django.core.wsgi import get_wsgi_application  # noqa: E402

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attune.settings")
# One answer is small work: a second thread of the linear algebra only waits for the first.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A thread that comes back from the database waits this long for one that computes: Python's own
# 5 ms would add up over the questions of one answer whenever a neighbour's is being computed.
sys.setswitchinterval(0.0005)
try:
    _django = get_wsgi_application()
except Exception:
    if parent_process() is None:
        raise
    # In a process of the web server, what is raised is printed past the masks of the log.
    logging.getLogger(__name__).exception("the web server cannot start")
    sys.exit(1)

# Behind Django's start: these read settings.
from tenants.access.access_lines import AccessLines  # noqa: E402
from tenants.access.door import Door  # noqa: E402
from tenants.access.places import PLACES  # noqa: E402
from tenants.access.rates import RATES  # noqa: E402
from tenants.access.thread_connections import ThreadConnections  # noqa: E402
from tenants.erasure.replaying import replay_before_serving  # noqa: E402
from tenants.erasure.serving import AfterReplay  # noqa: E402

# A database from an older backup has forgotten who was erased since: nothing is answered before.
_compared = parent_process() is None or replay_before_serving()
_ready = AfterReplay(ThreadConnections(_django), compared=_compared)

application = AccessLines(Door(_ready, RATES, PLACES))
settle()
