"""Approving, publishing and rolling back versions: gates, records, one row that changes."""

import pytest

from tenants.audit.models import AuditEntry
from tenants.errors import AppError, Conflict, NotFound
from tests.trained import give_version
from training.jobs.artifacts import path_of
from training.jobs.models import Publication, Version
from training.jobs.queries import serving
from training.jobs.services import (
    approve_version,
    publish_version,
    roll_back,
    set_standing_approval,
)


def published(business, artifact) -> Version:
    version = give_version(business, artifact)
    with business.scope:
        approve_version(version_id=version.id, actor=business.actor, reason="Good figures.")
        publish_version(version_id=version.id, actor=business.actor)
    return version


def actions(business) -> list[str]:
    with business.scope:
        return list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))


def test_a_version_is_published_only_after_a_named_approval(alice, artifact):
    version = give_version(alice, artifact)
    with alice.scope:
        with pytest.raises(Conflict, match="Approve this version"):
            publish_version(version_id=version.id, actor=alice.actor)
        assert not Publication.objects.exists()
        approve_version(version_id=version.id, actor=alice.actor, reason="Good figures.")
        publish_version(version_id=version.id, actor=alice.actor)
        assert serving().version == version
        version.refresh_from_db()
        assert version.approved_by == alice.member
    assert actions(alice)[-2:] == ["version.approved", "version.published"]


def test_rolling_back_serves_what_served_before(alice, artifact):
    first, second = published(alice, artifact), published(alice, artifact)
    with alice.scope:
        assert serving().version == second
        roll_back(actor=alice.actor)
        assert serving().version == first
    assert actions(alice)[-1] == "version.rolled_back"


def test_there_is_no_way_back_before_the_first_version(alice, artifact):
    published(alice, artifact)
    with alice.scope, pytest.raises(Conflict, match="no earlier version"):
        roll_back(actor=alice.actor)


def test_a_damaged_artifact_is_not_published(alice, artifact):
    version = give_version(alice, artifact)
    folder = path_of(alice.tenant.id, bytes(version.manifest_sha256))
    victim = next(folder.glob("*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"\x00\x01")
    with alice.scope:
        approve_version(version_id=version.id, actor=alice.actor, reason="Good figures.")
        with pytest.raises(Conflict, match="damaged"):
            publish_version(version_id=version.id, actor=alice.actor)
        assert serving() is None


def test_a_version_that_fails_a_gate_is_not_approved(alice, artifact):
    version = give_version(alice, artifact)
    with alice.scope:
        for source in version.manifest["sources"]:
            if source["name"] != version.serves and source.get("metrics"):
                source["metrics"]["validation"]["ndcg@10"] = 1.0
        version.save()
        with pytest.raises(Conflict, match="best_source_serves"):
            approve_version(version_id=version.id, actor=alice.actor, reason="Please.")
        version.refresh_from_db()
        assert version.state == Version.EVALUATED


def test_another_tenants_version_reads_as_missing(alice, bob, artifact):
    version = give_version(alice, artifact)
    with bob.scope, pytest.raises(NotFound):
        approve_version(version_id=version.id, actor=bob.actor, reason="Mine?")


def test_a_standing_approval_needs_a_reason_and_leaves_a_record(alice):
    with alice.scope:
        with pytest.raises(AppError, match="Say why"):
            set_standing_approval(enabled=True, reason=" ", actor=alice.actor)
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=alice.actor)
    assert actions(alice)[-1] == "approval.standing_set"
