"""Subjects are found by a keyed pseudonym, and nothing at rest says who they are."""

import os
import random
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from django.db import connection

from tenants.errors import NotFound
from tenants.isolation import keys as tenant_keys
from tenants.subjects import keys
from tenants.subjects.directory import audit_ref, external_id_of, find, keys_of, resolve
from tenants.subjects.models import Subject, SubjectKey
from tenants.subjects.store import SubjectRows
from tests.connections import in_threads


def test_a_subject_is_made_once_and_found_again(alice):
    with alice.scope:
        first = resolve(["u1", "u2", "u1"])
        assert set(first) == {"u1", "u2"}
        assert resolve(["u2", "u3", "u1"]) == {**first, "u3": resolve(["u3"])["u3"]}
        assert Subject.objects.count() == SubjectKey.objects.count() == 3
        assert find("u1").id == first["u1"]
        assert find("nobody") is None


def test_the_id_can_be_read_back_through_the_subjects_key(alice):
    with alice.scope:
        pk = resolve(["Zoë 王"])["Zoë 王"]
        assert external_id_of(Subject.objects.get(pk=pk)) == "Zoë 王"


def test_two_spellings_of_one_unicode_text_are_one_subject(alice):
    with alice.scope:
        composed, decomposed = "Zo\u00eb", "Zoe\u0308"
        assert len(set(resolve([composed, decomposed]).values())) == 1


def test_two_tenants_subjects_of_one_id_share_nothing(alice, bob):
    rows = []
    for business in (alice, bob):
        with business.scope:
            resolve(["u1"])
            rows.append(Subject.objects.get())
            rows[-1].key_bytes = keys_of([rows[-1].id])[rows[-1].id]
    assert bytes(rows[0].lookup) != bytes(rows[1].lookup)
    assert rows[0].key_bytes != rows[1].key_bytes
    with bob.scope:
        assert keys_of([rows[0].id]) == {}


def test_the_pseudonym_needs_the_master_key(alice, settings):
    before = keys.lookup_of(alice.tenant.id, "u1")
    assert keys.lookup_of(alice.tenant.id, "u1") == before
    settings.ATTUNE_MASTER_KEY = "YSBkaWZmZXJlbnQga2V5IG9mIDMyIGJ5dGVzIGhlcmU="
    assert keys.lookup_of(alice.tenant.id, "u1") != before


def test_each_use_of_a_tenants_key_has_its_own(alice):
    uses = ("lookup", "wrap", "files", "dedup")
    assert len({tenant_keys.tenant_key(alice.tenant.id, use) for use in uses}) == len(uses)


def test_what_was_sealed_opens_only_as_it_was_sealed():
    key, other = keys.new_subject_key(), keys.new_subject_key()
    sealed = tenant_keys.seal(key, b"plain", b"here")
    assert tenant_keys.unseal(key, sealed, b"here") == b"plain"
    assert b"plain" not in sealed
    assert tenant_keys.seal(key, b"plain", b"here") != sealed
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for wrong in ((other, sealed, b"here"), (key, sealed, b"there"), (key, flipped, b"here")):
        with pytest.raises(InvalidTag):
            tenant_keys.unseal(*wrong)


def test_a_key_is_wrapped_for_one_subject_of_one_tenant(alice, bob):
    own = keys.new_subject_key()
    lookup = os.urandom(32)
    wrapped = keys.wrap(alice.tenant.id, lookup, own)
    assert keys.unwrap(alice.tenant.id, lookup, wrapped) == own
    for wrong in ((bob.tenant.id, lookup), (alice.tenant.id, os.urandom(32))):
        with pytest.raises(InvalidTag):
            keys.unwrap(*wrong, wrapped)


def test_without_the_key_the_id_is_unreadable_and_the_reference_unlinkable(alice):
    """Acceptance statement 33."""
    with alice.scope:
        pk = resolve(["u1"])["u1"]
        subject = Subject.objects.get(pk=pk)
        assert len(audit_ref(pk)) == 64
        SubjectKey.objects.filter(subject_id=pk).delete()
        with pytest.raises(NotFound):
            external_id_of(subject)
        assert keys_of([pk]) == {}
        assert audit_ref(pk) == ""


def test_the_log_refers_to_one_subject_always_alike_and_to_two_differently(alice):
    with alice.scope:
        a, b = resolve(["a"])["a"], resolve(["b"])["b"]
        assert audit_ref(a) == audit_ref(a) != audit_ref(b)


def test_an_erased_subject_cannot_be_found_by_the_persons_id(alice):
    """Acceptance statements 23 and 33: what remains leads to nobody, and they begin anew."""
    with alice.scope:
        pk = resolve(["u1"])["u1"]
        lookup = bytes(Subject.objects.get(pk=pk).lookup)
        assert SubjectRows().erase(pk) == {"subject_key": 1, "subject": 1}
        assert SubjectRows().count(pk) == {"subject": 0, "subject_key": 0}
        assert find("u1") is None
        left = Subject.objects.get(pk=pk)
        assert left.external_id_sealed is None and left.erased_at is not None
        assert bytes(left.lookup) != lookup
        again = resolve(["u1"])["u1"]
        assert again != pk
        assert external_id_of(Subject.objects.get(pk=again)) == "u1"


def test_many_writers_make_each_subject_once(committed):
    """Also when they come with the same people in different orders: nobody deadlocks."""
    alice = committed("Alice")
    people = [f"u{number}" for number in range(400)]

    def make() -> dict[str, int]:
        mixed = random.sample(people, len(people))
        with alice.scope:
            return resolve(mixed)

    found = in_threads([make] * 6)
    assert all(each == found[0] for each in found)
    with alice.scope:
        assert Subject.objects.count() == SubjectKey.objects.count() == 400
        pk = found[0]["u7"]
        assert external_id_of(Subject.objects.get(pk=pk)) == "u7"


def test_subjects_are_made_in_one_order_by_everybody(alice, monkeypatch):
    """The order in which rows are locked: two that differ in it can wait for each other."""
    from tenants.subjects import directory

    orders = []
    monkeypatch.setattr(directory, "_create", lambda missing: orders.append(list(missing.values())))
    with alice.scope:
        for people in (["a", "b", "c", "d"], ["d", "c", "b", "a"]):
            with pytest.raises(KeyError):
                resolve(people)
    assert orders[0] == orders[1] == sorted(orders[0])


def test_no_subject_is_made_outside_a_scope(db):
    with pytest.raises(RuntimeError, match="enter tenant_scope"):
        resolve([str(uuid4())])
    with connection.cursor() as cursor:
        cursor.execute("select 1")
