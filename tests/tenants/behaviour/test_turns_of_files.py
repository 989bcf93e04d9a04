"""Files of one tenant come one after the other, and none waits longer than for the one before."""

import pytest

from tenants.work import queue
from tenants.work.run import run_one, run_waiting
from tests.tenants.behaviour.uploads import accept, agree, events, fresh


@pytest.mark.parametrize("first", [events(("u1", "i1", "01")), b"name,colour\nlamp,red\n"])
def test_the_next_file_begins_once_the_one_before_has_ended(alice, settings, tmp_path, first):
    """A worker that looked too early has put it off; it is looked for at the end, not then."""
    settings.UPLOAD_ROOT = tmp_path
    agree(alice, "u1")
    run_waiting("default")
    uploads = [accept(alice, first), accept(alice, events(("u1", "i2", "02")))]
    leases = [queue.claim("default"), queue.claim("default")]
    assert [lease.object_id for lease in leases] == [upload.id for upload in uploads]
    assert run_one(leases[1]) and fresh(alice, uploads[1]).state == "received"
    assert queue.claim("default") is None
    assert run_one(leases[0])
    run_waiting("default")
    assert fresh(alice, uploads[1]).state == "done"
