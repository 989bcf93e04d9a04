"""An older backup hears again who was erased, before it serves."""

import json
import shutil
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils.timezone import now

from tenants.erasure import ledger
from tenants.erasure.models import Erasure, ErasureStatement
from tenants.erasure.queries import line_of
from tenants.erasure.replaying import look, replay, replay_all
from tenants.ids import uuid7
from tenants.isolation import depot
from tenants.isolation.depot import StoreUnreachable
from tenants.isolation.scope import tenant_scope
from tenants.subjects.directory import find, resolve
from tenants.subjects.models import Suppression
from tenants.subjects.renaming import rename
from tenants.subjects.suppression import digest_of, erased, suppress
from tests.tenants.erasure.erasures import ANNA, BEN, erase, fill, work


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.ERASURE_ROOT = tmp_path / "erasures"
    return settings.ERASURE_ROOT


class _Restored(Exception):
    """Takes everything back, as a restored backup does."""


def erased_and_restored(business, external_id: str = ANNA) -> None:
    """The person is erased; then the database becomes what it was before."""
    try:
        with transaction.atomic():
            erase(business, external_id)
            raise _Restored
    except _Restored:
        return


def test_s22_a_restored_backup_does_not_bring_an_erased_person_back(alice, client):
    """GDPR 17."""
    fill(alice)
    erased_and_restored(alice)
    with alice.scope:
        anna = find(ANNA)
        assert anna is not None and not Erasure.objects.exists()
    call_command("replay_erasures")
    with alice.scope:
        assert find(ANNA) is None and find(BEN) is not None
        again = Erasure.objects.get()
        assert again.subject_id == anna.id and again.request_ref == "request-1"
        assert Suppression.objects.count() == 1
    address = f"/v1/recommendations?user_id={ANNA}"
    assert client.get(address, headers=alice.headers).json()["code"] == "unknown_user"
    work(alice)
    with alice.scope:
        again.refresh_from_db()
        assert again.state == Erasure.SWEPT
        assert ErasureStatement.objects.get().erasure == again
    assert replay_all() == 0


def renamed_erased_and_restored(business) -> None:
    """Anna gets another id, and is erased under it; the backup is from before both."""
    try:
        with transaction.atomic():
            with business.scope:
                rename(find(ANNA).id, "anna-2")
            erase(business, "anna-2")
            raise _Restored
    except _Restored:
        return


def test_s22_a_backup_from_before_a_person_got_another_id_finds_them(alice):
    """GDPR 17: under the old id, and by neither is an old file let in afterwards."""
    fill(alice)
    renamed_erased_and_restored(alice)
    with alice.scope:
        anna = find(ANNA)
    replay_all()
    with alice.scope:
        assert find(ANNA) is None and find("anna-2") is None and find(BEN) is not None
        assert Erasure.objects.get().subject_id == anna.id
        assert set(erased([ANNA, "anna-2", BEN])) == {ANNA, "anna-2"}
    before = ledger.read(alice.tenant.id)
    work(alice)
    assert ledger.read(alice.tenant.id) == before
    with alice.scope:
        assert line_of(Erasure.objects.get()) == before[0]


def test_a_line_from_before_there_was_a_reference_still_holds(alice, monkeypatch):
    fill(alice)
    content = ledger.Line.content

    def older(self, tenant_id):
        told = {**content(self, tenant_id), "v": 1}
        return {name: value for name, value in told.items() if name != "reference"}

    with monkeypatch.context() as patch:
        patch.setattr(ledger.Line, "content", older)
        erased_and_restored(alice)
    assert ledger.read(alice.tenant.id)[0].reference == b""
    assert replay(alice.tenant.id) == 1
    with alice.scope:
        assert find(ANNA) is None


def test_s22_a_number_that_is_somebody_elses_by_now_stays_theirs(alice):
    """GDPR 17: who came after the backup was made is not in it."""
    fill(alice)
    with alice.scope:
        other = resolve(["somebody-else"])["somebody-else"]
    erased_and_restored(alice)
    line = ledger.read(alice.tenant.id)[0]
    ledger.path_of(alice.tenant.id).unlink()
    ledger.write(
        alice.tenant.id,
        ledger.Line(line.erasure_id, other, line.digest, line.erased_at, line.request_ref),
    )
    replay(alice.tenant.id)
    with alice.scope:
        assert find("somebody-else").id == other
        assert Suppression.objects.count() == 1  # and an old file still finds the door closed


def test_the_ledger_names_nobody_and_says_each_erasure_once(alice):
    fill(alice)
    erase(alice)
    text = ledger.path_of(alice.tenant.id).read_text()
    assert ANNA not in text and len(text.splitlines()) == 1
    erase(alice, BEN)
    assert len(ledger.read(alice.tenant.id)) == 2


def test_an_altered_line_stops_the_start(alice):
    fill(alice)
    erase(alice)
    path = ledger.path_of(alice.tenant.id)
    told = json.loads(path.read_text())
    told["line"] = told["line"].replace('"subject":', '"subject":1')
    path.write_text(json.dumps(told) + "\n")
    with pytest.raises(ledger.LedgerDamaged):
        replay_all()
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("replay_erasures")


def test_another_tenants_ledger_is_no_good(alice, bob):
    fill(alice)
    erase(alice)
    target = ledger.path_of(bob.tenant.id)
    target.parent.mkdir(parents=True)
    shutil.copy(ledger.path_of(alice.tenant.id), target)
    with pytest.raises(ledger.LedgerDamaged):
        replay(bob.tenant.id)


def test_with_a_shared_store_any_machine_hears_of_it(alice, settings, tmp_path):
    settings.ARTIFACT_STORE = f"memory://{tmp_path.name}"
    fill(alice)
    erased_and_restored(alice)
    shutil.rmtree(settings.ERASURE_ROOT)  # this machine is a new one
    look(alice.tenant.id)
    with tenant_scope(alice.tenant.id):
        assert find(ANNA) is None


def test_s22_an_old_erasure_that_is_told_again_does_not_hide_a_later_one(alice):
    """GDPR 17: erased, come back with a fresh consent, and erased again. The first erasure has no
    row in this database, so each look hears of it anew."""
    early = now() - timedelta(days=9)
    late = now() - timedelta(days=2)
    with alice.scope:
        digest = digest_of(alice.tenant.id, ANNA)
        suppress(digest, late)
    ledger.write(alice.tenant.id, ledger.Line(uuid7(), 10**9, digest, early))
    replay(alice.tenant.id)
    with alice.scope:
        assert Suppression.objects.get().erased_at == late
        suppress(digest, late + timedelta(days=1))
        assert Suppression.objects.get().erased_at == late + timedelta(days=1)


def test_lines_in_the_store_that_the_database_knows_are_not_read(
    alice, settings, tmp_path, monkeypatch
):
    settings.ARTIFACT_STORE = f"memory://{tmp_path.name}"
    fill(alice)
    erase(alice)
    shutil.rmtree(settings.ERASURE_ROOT)
    monkeypatch.setattr(depot, "read", lambda *words, **how: pytest.fail("read"))
    assert replay(alice.tenant.id) == 0


def test_a_store_that_is_away_does_not_keep_this_machines_lines_from_being_replayed(
    alice, settings, tmp_path, monkeypatch
):
    fill(alice)
    erased_and_restored(alice)
    settings.ARTIFACT_STORE = f"memory://{tmp_path.name}"

    def away(*words):
        raise StoreUnreachable("away")

    monkeypatch.setattr(depot, "listing", away)
    with pytest.raises(StoreUnreachable):
        replay_all()
    look(alice.tenant.id)
    with tenant_scope(alice.tenant.id):
        assert find(ANNA) is None


def test_a_line_in_the_store_under_anothers_name_is_no_good(alice, settings, tmp_path):
    settings.ARTIFACT_STORE = f"memory://{tmp_path.name}"
    fill(alice)
    erase(alice)
    path = ledger.path_of(alice.tenant.id)
    for name in (f"{uuid7()}.json", "note.txt"):
        depot.upload(path, alice.tenant.id, ledger.ROOM, name)
        with pytest.raises(ledger.LedgerDamaged):
            replay(alice.tenant.id)
        depot.remove(alice.tenant.id, ledger.ROOM, name)
