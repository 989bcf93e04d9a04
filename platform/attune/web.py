"""`python -m attune.web WORDS`: the web server, which loads the product once before it forks its
processes: they begin in a moment, so does the follower of one that died, and they share that
memory. WORDS are granian's.
"""

import gc
import os
import sys
from multiprocessing import set_start_method


def load() -> None:
    """What every process would load, short of what belongs to one: connections and threads."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attune.settings")
    # Read when the linear algebra is loaded, see wsgi.py; its threads would not be forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import django
    from django.urls import get_resolver

    django.setup()
    _ = get_resolver().url_patterns
    # A collection in a process would write to what is shared, which then is copied.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    try:
        load()
    except Exception:  # noqa: BLE001 # each process meets it again, and tells it behind masks
        os.execv(sys.executable, [sys.executable, "-m", "granian", *sys.argv[1:]])  # nosec B606
    from granian.cli import entrypoint

    set_start_method("fork")
    entrypoint()  # type: ignore[no-untyped-call]
