"""Data are frozen while somebody is erased: whichever ends first, the person is not kept."""

from concurrent.futures import ThreadPoolExecutor, wait

import polars as pl
import pytest
from django.db import connection

from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Upload
from tenants.erasure.services import begin_erasure
from tenants.subjects.directory import find
from tenants.work.run import run_waiting
from tests import shop
from tests.connections import in_threads
from tests.stocked import archive
from training.jobs import freezing
from training.jobs.freezing import freeze
from training.jobs.models import Snapshot, SnapshotSubject

PEOPLE = range(4)


@pytest.fixture
def stocked(committed):
    business = committed("frozen")
    archive(business)
    files = {Upload.CONSENTS: shop.consents(PEOPLE), Upload.EVENTS: shop.purchases(PEOPLE)}
    for kind, content in files.items():
        with business.scope:
            accept_upload(kind=kind, name=kind, chunks=[content], actor=business.actor)
        run_waiting("default")
    return business


def erase(business, person: int) -> int:
    """In a connection of its own, to the end; the number that was theirs."""
    with business.scope:
        subject_id = find(shop.user(person)).id
        begin_erasure(subject_id=subject_id, actor=business.actor)
    return subject_id


def members(snapshot: Snapshot) -> set[int]:
    rows = SnapshotSubject.objects.filter(snapshot=snapshot)
    return set(rows.values_list("subject_id", flat=True))


def test_s27_whoever_is_erased_while_data_are_frozen_is_not_in_them(stocked, tmp_path, monkeypatch):
    """The freezing has read the events; the erasure sees no snapshot yet, and commits."""
    gone = []
    meanwhile = freezing._excluded

    def excluded():
        if not gone:
            gone.extend(in_threads([lambda: erase(stocked, 0)]))
        return meanwhile()

    monkeypatch.setattr(freezing, "_excluded", excluded)
    with stocked.scope:
        snapshot = freeze(tmp_path / "frozen", actor=stocked.actor)
    with stocked.scope:
        kept = members(snapshot)
        assert len(kept) == snapshot.subjects == len(PEOPLE) - 1 and gone[0] not in kept
        assert Snapshot.objects.count() == 1
    frozen = pl.read_parquet(tmp_path / "frozen" / "events.parquet")
    assert set(frozen["subject"]) == kept


def test_s27_an_erasure_that_begins_when_the_frozen_data_are_written_down_waits_and_finds_them(
    stocked, tmp_path, monkeypatch
):
    with ThreadPoolExecutor(1) as pool:
        begun = []

        def alone() -> int:
            try:
                return erase(stocked, 1)
            finally:
                connection.close()

        write = freezing.record

        def record(*args, **values):
            begun.append(pool.submit(alone))
            assert wait(begun, timeout=0.5).not_done
            return write(*args, **values)

        monkeypatch.setattr(freezing, "record", record)
        with stocked.scope:
            snapshot = freeze(tmp_path / "frozen", actor=stocked.actor)
        subject_id = begun[0].result(timeout=20)
    with stocked.scope:
        snapshot.refresh_from_db()
        assert subject_id in members(snapshot)
        assert snapshot.destroyed_at and snapshot.taint == "erasure"
