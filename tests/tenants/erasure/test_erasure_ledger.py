"""A line of the ledger is there whole or not at all, whatever happens while it is written."""

import errno
import os
from datetime import UTC, datetime

import pytest

from tenants.erasure import ledger
from tenants.erasure.ledger import Line
from tenants.ids import uuid7

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.ERASURE_ROOT = tmp_path / "erasures"
    return settings.ERASURE_ROOT


def a_line(request_ref: str = "") -> Line:
    return Line(uuid7(), 7, bytes(32), MOMENT, request_ref)


def torn(path) -> None:
    """As a kill in the middle of the last write leaves it."""
    path.write_bytes(path.read_bytes()[:-20])


def test_a_torn_line_is_none_and_the_next_one_begins_on_a_line_of_its_own(alice):
    tenant_id = alice.tenant.id
    first, second, third = a_line(), a_line(), a_line()
    ledger.write(tenant_id, first)
    ledger.write(tenant_id, second)
    torn(ledger.path_of(tenant_id))
    assert ledger.read(tenant_id) == [first]
    ledger.write(tenant_id, third)
    assert ledger.read(tenant_id) == [first, third]


def test_a_line_that_was_torn_is_written_when_its_erasure_tries_again(alice):
    """The id stands in what is left of it; that is not the line."""
    tenant_id, line = alice.tenant.id, a_line()
    ledger.write(tenant_id, line)
    torn(ledger.path_of(tenant_id))
    assert str(line.erasure_id) in ledger.path_of(tenant_id).read_text()
    ledger.write(tenant_id, line)
    assert ledger.read(tenant_id) == [line]


def test_an_id_that_another_line_only_mentions_is_no_line(alice):
    line = a_line()
    other = a_line(f'"erasure":"{line.erasure_id}"')
    ledger.write(alice.tenant.id, other)
    ledger.write(alice.tenant.id, line)
    ledger.write(alice.tenant.id, line)
    assert ledger.read(alice.tenant.id) == [other, line]


def test_a_disk_that_fills_up_leaves_the_file_as_it_was(alice, monkeypatch):
    tenant_id, first, second = alice.tenant.id, a_line(), a_line()
    ledger.write(tenant_id, first)
    before = ledger.path_of(tenant_id).read_bytes()

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ledger.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            ledger.write(tenant_id, second)
    assert ledger.path_of(tenant_id).read_bytes() == before
    ledger.write(tenant_id, second)
    assert ledger.read(tenant_id) == [first, second]


def test_a_new_file_is_on_the_disk_with_the_folders_that_name_it(alice, monkeypatch, folder):
    synced, fsync = [], os.fsync

    def noted(number: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{number}"))
        fsync(number)

    monkeypatch.setattr(ledger.os, "fsync", noted)
    ledger.write(alice.tenant.id, a_line())
    path = ledger.path_of(alice.tenant.id)
    assert synced == [str(path), str(path.parent), str(folder)]
