"""A worker of jobs stands in the fleet's table while it lives; a real one is started once."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connections

from tests.connections import in_threads
from training.jobs import devices
from training.jobs.models import Device
from training.jobs.presence import Presence


def worker_of(*queues: str) -> SimpleNamespace:
    consumed = SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues)))
    return SimpleNamespace(app=SimpleNamespace(amqp=consumed), hostname="gpu@here", concurrency=2)


def test_only_workers_of_jobs_are_devices():
    assert Presence(worker_of("gpu")).include_if(worker_of("gpu"))
    assert not Presence(worker_of("default")).include_if(worker_of("default"))


def test_a_worker_works_on_when_it_cannot_tell(monkeypatch, caplog):
    def away(*_):
        raise OperationalError

    monkeypatch.setattr(devices, "tell", away)
    in_threads([lambda: Presence(worker_of("gpu"))._tell(worker_of("gpu"))])
    assert "the fleet was not told of this worker" in caplog.text


def found(worker: str, wanted: bool, seconds: float = 120.0) -> list[Device]:
    """The rows of this worker, once they are there or gone as wanted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rows = list(Device.objects.filter(worker=worker))
        if bool(rows) is wanted:
            return rows
        time.sleep(0.2)
    raise AssertionError(f"{worker} was to be {'there' if wanted else 'gone'}")


@pytest.mark.usefixtures("committed")
def test_a_real_worker_tells_of_its_device_and_its_slots_and_leaves(tmp_path):
    database = connections["default"].settings_dict
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    words = "-m celery -A attune worker -Q gpu -n presence@%h --pool threads --concurrency 2"
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, *words.split()],
            env=os.environ | {"DATABASE_URL": url},
            stdout=log,
            stderr=log,
        )
        name = f"presence@{os.uname().nodename}"
        try:
            (row,) = found(name, wanted=True)
            assert (row.slots, row.device in ("cpu", "cuda:0")) == (2, True)
            assert row.owner.endswith(f":{process.pid}")
            process.terminate()
            assert found(name, wanted=False) == []
        finally:
            process.kill()
            process.wait()
            Device.objects.filter(worker=name).delete()
