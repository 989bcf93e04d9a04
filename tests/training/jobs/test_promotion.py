"""From a gate's answer to what serves: one person, two people, or nobody at all."""

from pathlib import Path

import pytest

from tenants.accounts.models import Member, Person, Role
from tenants.accounts.services import add_member
from tenants.audit.actor import Actor, system
from tenants.audit.models import AuditEntry
from tenants.errors import AppError, Conflict, Denied, NotFound
from tests.trained import give_version
from training.engine.sealed import sha256_of
from training.jobs import finishing
from training.jobs.champion import champion_folder
from training.jobs.models import Publication, Version, VersionOverride
from training.jobs.overriding import confirm_override, request_override
from training.jobs.services import (
    approve_version,
    publish_version,
    roll_back,
    set_standing_approval,
)


def given(business, artifact, **outcomes: str) -> Version:
    """A version whose stored gates answered so; the others passed."""
    version = give_version(business, artifact)
    lines = {"best_source_serves": "pass", **outcomes}
    version.gates = [
        {"gate": gate, "outcome": outcome, "reason": "x", "figures": {}}
        for gate, outcome in lines.items()
    ]
    with business.scope:
        version.save()
    return version


def colleague(business, role: Role = Role.ADMIN) -> Actor:
    """Another member of the business."""
    person = Person.objects.create_user(f"{role}-2-{business.tenant.id.hex}@example.com", "x")
    with business.scope:
        add_member(person=person, role=role, actor=business.actor)
        member = Member.objects.get(person=person)
    return Actor(type="member", ref=member.public_id, role=role, auth="test")


def state(business, version: Version) -> tuple[object, ...]:
    """Everything that a denied act must leave alone."""
    with business.scope:
        version.refresh_from_db()
        overrides = VersionOverride.objects.order_by("id")
        return (
            version.state, version.approved_by,
            list(overrides.values_list("reason", "asked_by", "confirmed_by")),
            Publication.objects.count(), AuditEntry.objects.count(),
        )  # fmt: skip


def refused(business, version, error, act, **how) -> str:
    """The code of the refusal, after which everything is as it was."""
    before = state(business, version)
    with pytest.raises(error) as found, business.scope:
        act(version_id=version.id, **how)
    assert state(business, version) == before
    return found.value.code


def test_s42_a_failed_gate_cannot_be_approved_by_one_person(alice, artifact):
    version = given(alice, artifact, not_worse_than_champion="fail")
    how = {"actor": alice.actor, "reason": "Please."}
    assert refused(alice, version, Conflict, approve_version, **how) == "gate_failed"


def test_s42_a_second_member_makes_an_override_of_a_request(alice, artifact):
    version, admin = given(alice, artifact, not_worse_than_champion="fail"), colleague(alice)
    with alice.scope:
        request_override(version_id=version.id, actor=alice.actor, reason="The old one is stale.")
        confirm_override(version_id=version.id, actor=admin)
        version.refresh_from_db()
        assert (version.state, version.approved_by) == (Version.APPROVED, admin.ref)
        publish_version(version_id=version.id, actor=admin)
        actions = list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))
    assert actions[-3:] == [
        "version.override_requested", "version.override_confirmed", "version.published",
    ]  # fmt: skip


def test_nobody_confirms_what_they_asked_for_themselves(alice, artifact):
    version = given(alice, artifact, not_worse_than_champion="fail")
    with alice.scope:
        request_override(version_id=version.id, actor=alice.actor, reason="Trust me.")
    found = refused(alice, version, Conflict, confirm_override, actor=alice.actor)
    assert found == "own_override"


def test_nothing_is_confirmed_that_nobody_asked_for(alice, artifact):
    version = given(alice, artifact, not_worse_than_champion="fail")
    assert refused(alice, version, NotFound, confirm_override, actor=alice.actor) == "not_found"


def test_a_request_without_a_reason_is_none(alice, artifact):
    version = given(alice, artifact, not_worse_than_champion="fail")
    how = {"actor": alice.actor, "reason": " "}
    assert refused(alice, version, AppError, request_override, **how) == "reason_missing"


def test_a_key_is_no_person(alice, artifact):
    version = given(alice, artifact, not_worse_than_champion="fail")
    key = Actor(type="key", ref="key_1")
    how = {"actor": key, "reason": "Because."}
    assert refused(alice, version, Denied, request_override, **how) == "person_needed"
    with alice.scope:
        request_override(version_id=version.id, actor=alice.actor, reason="Why not.")
    assert refused(alice, version, Denied, confirm_override, actor=key) == "person_needed"


def test_what_failed_nothing_needs_no_override(alice, artifact):
    version = given(alice, artifact)
    how = {"actor": alice.actor, "reason": "Anyway."}
    assert refused(alice, version, Conflict, request_override, **how) == "nothing_failed"


def test_a_request_lapses_with_the_right_of_who_asked(alice, artifact):
    version, admin = given(alice, artifact, not_worse_than_champion="fail"), colleague(alice)
    with alice.scope:
        request_override(version_id=version.id, actor=admin, reason="Trust me.")
        Member.objects.filter(person__email__startswith="admin-2-").update(role=Role.ANALYST)
    found = refused(alice, version, Conflict, confirm_override, actor=alice.actor)
    assert found == "asker_gone"


def test_another_tenants_version_cannot_be_overridden(alice, bob, artifact):
    version = given(alice, artifact, not_worse_than_champion="fail")
    before = state(alice, version)
    for act, how in ((request_override, {"reason": "Mine?"}), (confirm_override, {})):
        with bob.scope, pytest.raises(NotFound):
            act(version_id=version.id, actor=bob.actor, **how)
    assert state(alice, version) == before


def test_not_enough_evidence_waits_for_a_person_and_then_passes(alice, artifact):
    version = given(alice, artifact, not_worse_than_champion="not_enough_evidence")
    with alice.scope:
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=alice.actor)
        finishing._publish_if_approved(version)
        assert not Publication.objects.exists()
    how = {"actor": system("trainer"), "reason": "By itself.", "standing": True}
    found = refused(alice, version, Conflict, approve_version, **how)
    assert found == "not_enough_evidence"
    with alice.scope:
        approve_version(version_id=version.id, actor=alice.actor, reason="Few people, but new.")
        entry = AuditEntry.objects.order_by("seq").last()
        assert entry.action == "version.approved"
        version.refresh_from_db()
        assert version.approved_by == alice.member


def test_the_standing_approval_publishes_what_passes_everything(alice, artifact):
    version = given(alice, artifact, fair_to_groups="not_applicable")
    with alice.scope:
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=alice.actor)
        finishing._publish_if_approved(version)
        assert Publication.objects.get().version == version


def test_s42_the_standing_approval_never_publishes_what_failed(alice, artifact):
    version = given(alice, artifact, not_worse_than_singles="fail")
    with alice.scope:
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=alice.actor)
        finishing._publish_if_approved(version)
        version.refresh_from_db()
        assert version.state == Version.EVALUATED
        assert not Publication.objects.exists()


def test_rolling_back_needs_no_gate(alice, artifact):
    first, second = given(alice, artifact), given(alice, artifact)
    with alice.scope:
        for version in (first, second):
            approve_version(version_id=version.id, actor=alice.actor, reason="Good figures.")
            publish_version(version_id=version.id, actor=alice.actor)
        roll_back(actor=alice.actor)
        assert Publication.objects.get().version == first


def test_the_engine_is_told_the_folder_of_what_serves(alice, artifact):
    version = given(alice, artifact)
    with alice.scope:
        assert champion_folder("recommendation") is None
        approve_version(version_id=version.id, actor=alice.actor, reason="Good figures.")
        publish_version(version_id=version.id, actor=alice.actor)
        folder = Path(champion_folder("recommendation"))
    assert sha256_of(folder / "manifest.json") == bytes(version.manifest_sha256).hex()


def test_the_page_says_why_a_version_was_refused_and_two_members_overrule_it(alice, artifact):
    version, admin = given(alice, artifact), alice.browser(Role.ADMIN)
    with alice.scope:
        figures = {"champion": 7, "units": 400, "interval": [-0.11, -0.1, -0.09], "margin": 0.005}
        version.gates[0] |= {"gate": "not_worse_than_champion", "outcome": "fail",
                             "reason": "worse", "figures": figures}  # fmt: skip
        version.save()
    owner, address = alice.browser(), f"/models/versions/{version.public_id}/"
    page = owner.get(address).content.decode()
    assert "Against version 7 on the same 400 people: -0.1000 NDCG@10 (95 % interval" in page
    assert "Approve in spite of a failed check" in page
    owner.post(f"{address}override/", {"reason": "The old one is stale."})
    assert owner.post(f"{address}override/agree/").status_code == 409
    assert "The old one is stale." in admin.get(address).content.decode()
    assert admin.post(f"{address}override/agree/").status_code == 302
    with alice.scope:
        version.refresh_from_db()
        assert version.state == Version.APPROVED
