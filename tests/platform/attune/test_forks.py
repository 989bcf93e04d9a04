"""What a process may not have done before it forks, and what no process loads to begin with."""

import json
import subprocess
import sys
from functools import cache

import pytest

WEB = "from attune.web import load; load()"
WORKER = """
from attune.celery import app
from django.utils.module_loading import import_string
from tenants.work.loading import run_by
app.loader.init_worker()
[import_string(dotted) for dotted in run_by({"default", "gpu"})]
"""
BEAT = "from attune.celery import app; app.loader.init_worker()"
SET_UP = """
import django; django.setup()
from django.core.management import call_command
import attune.management.commands.set_up, demo.load, tenants.erasure.replaying
call_command("migrate", database="owner", plan=True, verbosity=0)
"""
LOOK = """
import json, os, sys
tasks = os.listdir("/proc/self/task")
files = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if n not in "012"
         and os.path.exists(f"/proc/self/fd/{n}")]
print(json.dumps({
    "threads": [open(f"/proc/self/task/{t}/comm").read().strip() for t in tasks],
    "sockets": [name for name in files if name.startswith("socket:")],
    "modules": sorted(sys.modules),
}))
"""
# They take seconds to load, and only a training needs them, which is a process of its own.
TRAINING = {"torch", "transformers", "peft", "accelerate", "tensorboardX"}
FILES = {"pyarrow", "plotly"}
ARRAYS = {"scipy", "polars"}
PAGES = {"attune.urls", "dashboard.urls", "rest_framework.serializers", "drf_spectacular.openapi"}


@cache  # they take seconds to begin, and several tests look at the same one
def loaded(code: str) -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, "-c", code + LOOK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("code", [WEB, WORKER], ids=["web", "worker"])
def test_what_forks_has_asked_polars_nothing_and_is_connected_to_nothing(code):
    """Polars' threads do not live on in a forked process, whose first question would wait for them
    for ever; a connection would be used by both.
    """
    found = loaded(code)
    assert found["sockets"] == []
    assert "polars-0" not in found["threads"]


@pytest.mark.parametrize(
    "code, left_out",
    [
        (WEB, TRAINING | FILES),
        (WORKER, TRAINING | {"attune.urls", "dashboard.urls"}),
        (BEAT, TRAINING | FILES | ARRAYS | PAGES),
        (SET_UP, TRAINING | FILES | PAGES),
    ],
    ids=["web", "worker", "beat", "set-up"],
)
def test_no_process_loads_what_it_does_not_need_to_begin(django_db_setup, code, left_out):
    assert left_out & set(loaded(code)["modules"]) == set()


def test_web_loads_every_page_before_it_forks():
    assert {"attune.urls", "dashboard.urls", "recommend.api"} <= set(loaded(WEB)["modules"])
