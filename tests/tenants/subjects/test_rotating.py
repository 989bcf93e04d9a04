"""The master key is rotated while people are read and made: nobody is lost, nothing is made twice,
and the old key can go.
"""

import base64
import io
import os

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from attune.checks import master_keys_are_counted
from recommend.context import context_in_scope
from tenants.accounts.services import create_tenant
from tenants.audit.actor import system
from tenants.audit.models import AuditEntry
from tenants.audit.signing import public_key
from tenants.audit.verify import verify_chain
from tenants.behaviour.arriving import vault
from tenants.behaviour.models import Event
from tenants.isolation.keys import MasterKeyMissing, current_version, tenant_key
from tenants.isolation.lasting import USES, lasting_key
from tenants.isolation.models import KnownTenant, LastingKey
from tenants.isolation.scope import tenant_scope
from tenants.subjects import rotating
from tenants.subjects.directory import audit_ref, external_id_of, find, known, resolve
from tenants.subjects.models import Subject, SubjectKey
from tenants.subjects.rotating import left, needs_rotation
from tenants.subjects.store import SubjectRows
from tenants.subjects.suppression import digest_of
from tenants.work import queue
from tenants.work.run import run_waiting
from tests.tenants.behaviour.uploads import agree, events, lose_the_worker, outcomes, process

USERS = [f"u{n}" for n in range(7)]


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def rotate(settings):
    """Put another master key in front of the present one."""

    def turn() -> None:
        settings.ATTUNE_MASTER_KEY_PREVIOUS = settings.ATTUNE_MASTER_KEY
        settings.ATTUNE_MASTER_KEY = new_key()
        settings.ATTUNE_MASTER_KEY_VERSION += 1

    return turn


@pytest.fixture
def drop(settings):
    """Take the key before away."""

    def away() -> None:
        settings.ATTUNE_MASTER_KEY_PREVIOUS = ""

    return away


def rekey(*businesses) -> None:
    for business in businesses:
        with business.scope:
            queue.enqueue("rotation", tenant_id=business.tenant.id, object_id=business.tenant.id)
    run_waiting("default")


def people(business) -> dict[str, int]:
    """Each person's own id, opened, with the integer."""
    with business.scope:
        return {external_id_of(one): one.id for one in Subject.objects.filter(erased_at=None)}


def test_people_are_found_and_made_once_before_during_and_after(alice, rotate, drop):
    with alice.scope:
        before = resolve(USERS)
        refs = {user: audit_ref(pk) for user, pk in before.items()}
    rotate()
    with alice.scope:
        assert resolve([*USERS, "new"]) | before == resolve([*USERS, "new"])
        assert known(USERS) == before and find("u3").id == before["u3"]
        new = find("new")
        assert (new.key_version, left()) == (2, 7)
    rekey(alice)
    with alice.scope:
        assert left() == 0 and not needs_rotation(alice.tenant.id)
    drop()
    with alice.scope:
        assert resolve(USERS) == before
        assert {user: audit_ref(pk) for user, pk in before.items()} == refs
    assert people(alice) == {**before, "new": new.id}


class Killed(BaseException):
    """Ends a worker as SIGKILL would: nothing catches it."""


def test_a_rotation_that_is_killed_midway_goes_on_where_it_was(alice, rotate, drop, monkeypatch):
    with alice.scope:
        before = resolve(USERS)
    rotate()
    monkeypatch.setattr(rotating, "BATCH", 3)
    whole = rotating._rekey
    done: list[int] = []

    def dying(subjects):
        whole(subjects)
        done.append(len(subjects))
        if len(done) == 2:
            raise Killed  # the second batch was written and not committed

    monkeypatch.setattr(rotating, "_rekey", dying)
    with pytest.raises(Killed):
        rekey(alice)
    with alice.scope:
        assert left() == 4
        assert resolve(USERS) == before
    assert people(alice) == before
    monkeypatch.setattr(rotating, "_rekey", whole)
    lose_the_worker()
    queue.reap()
    run_waiting("default")
    drop()
    with alice.scope:
        assert left() == 0 and resolve(USERS) == before
        entry = AuditEntry.objects.get(action="keys.rotated")
        assert entry.detail.get().details == {"key_version": 2, "subjects": 4}
    assert people(alice) == before


def reseal_once(tenant_id) -> None:
    """A step of the rotation, whose worker dies in it; replaced by one that does not."""
    raise Killed


def test_a_rotation_is_not_over_before_all_is_sealed_anew(alice, rotate, settings, monkeypatch):
    """Whoever took the old key away then would leave what is no row under it for ever."""
    settings.KEY_ROTATION = [f"{__name__}.reseal_once"]
    with alice.scope:
        resolve(USERS)
    rotate()
    with pytest.raises(Killed):
        rekey(alice)
    with alice.scope:
        assert left() == 0
    assert needs_rotation(alice.tenant.id)
    queue.WorkItem.objects.filter(kind="rotation").update(state=queue.WorkItem.FAILED)
    told = io.StringIO()
    call_command("rotate_keys", stdout=told)
    assert f"{alice.tenant.id}: 0 people to be re-keyed" in told.getvalue()
    resealed: list[object] = []
    monkeypatch.setattr(f"{__name__}.reseal_once", resealed.append)
    run_waiting("default")
    assert resealed == [alice.tenant.id] and not needs_rotation(alice.tenant.id)


def test_without_the_old_key_what_lies_under_it_is_unreadable(alice, rotate, drop):
    with alice.scope:
        resolve(USERS)
    rotate()
    drop()
    with alice.scope:
        assert known(USERS) == {}
        with pytest.raises(MasterKeyMissing):
            lasting_key(alice.tenant.id, "dedup")


def test_what_was_counted_once_is_not_counted_again(alice, rotate, drop, settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    agree(alice, "u1")
    process(alice, events(("u1", "i1", "01")))
    rotate()
    again = process(alice, events(("u1", "i1", "01"), ("u1", "i1", "02")))
    assert outcomes(again) == {("duplicate", "already_stored"): (1, [1])}
    rekey(alice)
    drop()
    last = process(alice, events(("u1", "i1", "01"), ("u1", "i1", "02"), ("u1", "i1", "03")))
    assert outcomes(last) == {("duplicate", "already_stored"): (2, [1, 2])}
    with alice.scope:
        assert Event.objects.count() == 3


def test_signatures_and_suppressions_outlive_two_rotations(alice, rotate, drop):
    pinned = public_key(alice.tenant.id)
    digest = digest_of(alice.tenant.id, "gone")
    for version in (2, 3):
        rotate()
        assert (public_key(alice.tenant.id), digest_of(alice.tenant.id, "gone")) == (pinned, digest)
        rekey(alice)
        drop()
        assert (public_key(alice.tenant.id), digest_of(alice.tenant.id, "gone")) == (pinned, digest)
        with alice.scope:
            rows = LastingKey.objects.filter(use__in=USES)
            assert {row.key_version for row in rows} == {version} and len(rows) == len(USES)
    with alice.scope:
        assert verify_chain().ok


def test_a_tenant_made_after_a_rotation_needs_none(alice, rotate, drop):
    rotate()
    born = create_tenant(name="Later", actor=system("tests"))
    assert KnownTenant.objects.get(pk=born.id).key_version == 2
    assert not needs_rotation(born.id)
    key = public_key(born.id)
    drop()
    assert public_key(born.id) == key
    rotate()
    with tenant_scope(born.id):
        resolve(USERS)
        queue.enqueue("rotation", tenant_id=born.id, object_id=born.id)
    run_waiting("default")
    drop()
    assert public_key(born.id) == key and not needs_rotation(born.id)


def test_an_erased_person_stays_erased(alice, rotate, drop):
    with alice.scope:
        (gone,) = resolve(["gone"]).values()
        SubjectRows().erase(gone)
        before = bytes(Subject.objects.get(pk=gone).lookup)
    rotate()
    rekey(alice)
    drop()
    with alice.scope:
        row = Subject.objects.get(pk=gone)
        assert (bytes(row.lookup), row.key_version, row.external_id_sealed) == (before, 2, None)
        assert find("gone") is None and not SubjectKey.objects.filter(subject=gone).exists()


def test_an_answer_knows_the_person_while_the_key_is_rotated(alice, rotate):
    with alice.scope:
        subject = resolve(["u1"])["u1"]
    rotate()
    with alice.scope:
        assert context_in_scope("u1").subject_id == subject
        assert context_in_scope("nobody").subject_id is None
    query = {"user_id": "u1"}
    reply = Client().get("/v1/recommendations", query, headers=alice.headers)
    assert reply.status_code == 200 and reply.json()["code"] != "unknown_user"
    rekey(alice)
    with alice.scope:
        assert context_in_scope("u1").subject_id == subject


def test_a_write_that_is_sent_again_after_the_change_happens_once(alice, rotate):
    def send():
        return Client().post(
            "/v1/consents",
            {"user_id": "u1", "purpose": "analytics", "event": "refused"},
            content_type="application/json",
            headers={**alice.headers, "Idempotency-Key": "k1"},
        )

    first = send()
    rotate()
    second = send()
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json() and second["Idempotent-Replayed"] == "true"


def test_a_file_that_waits_opens_under_the_key_before(alice, rotate, settings, tmp_path):
    from tenants.ids import uuid7

    settings.UPLOAD_ROOT = tmp_path
    upload = uuid7()
    vault.store(alice.tenant.id, upload, [b"a,b\n" * 400_000])
    rotate()
    assert vault.opened(alice.tenant.id, upload).read() == b"a,b\n" * 400_000


def test_a_file_goes_on_arriving_under_the_key_that_it_began_with(
    alice, rotate, settings, tmp_path
):
    from tenants.ids import uuid7

    settings.UPLOAD_ROOT = tmp_path
    upload, part = uuid7(), b"a,b\n" * 262_144
    vault.store_part(alice.tenant.id, upload, 0, part, last=False)
    rotate()
    assert vault.part_of(alice.tenant.id, upload, 0, len(part), whole=False) == part
    vault.store_part(alice.tenant.id, upload, len(part), b"end", last=True)
    assert vault.opened(alice.tenant.id, upload).read() == part + b"end"
    assert vault.part_of(alice.tenant.id, upload, len(part), 3, whole=True) == b"end"


def test_one_tenants_rotation_leaves_the_other_alone(alice, bob, rotate):
    for business in (alice, bob):
        with business.scope:
            resolve(USERS)
    rotate()
    rekey(alice)
    with bob.scope:
        assert left() == 7
    assert set(people(bob)) == set(USERS)


def test_two_rows_of_one_person_stop_the_rotation_and_change_nothing(alice, rotate, settings):
    with alice.scope:
        resolve(["u1"])
    rotate()
    previous, settings.ATTUNE_MASTER_KEY_PREVIOUS = settings.ATTUNE_MASTER_KEY_PREVIOUS, ""
    with alice.scope:
        resolve(["u1"])  # by a process that was not told of the key before
    settings.ATTUNE_MASTER_KEY_PREVIOUS = previous
    with alice.scope, pytest.raises(rotating.TwinSubjects):
        rotating._rekey(list(Subject.objects.filter(key_version=1)))
    with alice.scope:
        assert left() == 1


def test_the_command_asks_for_the_work_and_says_what_is_left(alice, rotate):
    with pytest.raises(CommandError, match="There is one master key"):
        call_command("rotate_keys")
    with alice.scope:
        resolve(USERS)
    rotate()
    told = io.StringIO()
    call_command("rotate_keys", stdout=told)
    assert f"{alice.tenant.id}: 7 people to be re-keyed" in told.getvalue()
    assert "wait for a worker" in told.getvalue()
    run_waiting("default")
    told = io.StringIO()
    call_command("rotate_keys", stdout=told)
    assert "All rows lie under version 2" in told.getvalue()


@pytest.mark.parametrize("fault", ["same", "first", "short"])
def test_keys_that_do_not_fit_are_a_fault_of_the_installation(settings, fault):
    assert master_keys_are_counted(None) == []
    settings.ATTUNE_MASTER_KEY_VERSION = 1 if fault == "first" else 2
    settings.ATTUNE_MASTER_KEY_PREVIOUS = {
        "same": settings.ATTUNE_MASTER_KEY,
        "first": new_key(),
        "short": base64.b64encode(b"short").decode(),
    }[fault]
    (found,) = master_keys_are_counted(None)
    assert found.id == "attune.E006"


def test_each_version_has_keys_of_its_own(alice, rotate):
    first = tenant_key(alice.tenant.id, "wrap")
    rotate()
    assert current_version() == 2
    assert tenant_key(alice.tenant.id, "wrap", 1) == first != tenant_key(alice.tenant.id, "wrap")
