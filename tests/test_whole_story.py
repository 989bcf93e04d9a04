"""One business from its first file to an audited answer, through the same doors as any tenant."""

from io import BytesIO

from django.core.management import call_command
from django.test import Client

from recommend.models import Decision
from tenants.audit.models import AuditEntry, SealedRow
from tenants.audit.sealing import seal
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import Purpose
from tenants.work.run import run_waiting
from tests import shop
from training.jobs import life
from training.jobs.control import create_job
from training.jobs.gates import GATES
from training.jobs.models import SnapshotSubject, Version
from training.jobs.services import approve_version, publish_version


def upload(business, kind: str, content: bytes) -> dict[str, object]:
    file = BytesIO(content)
    file.name = f"{kind}.csv"
    reply = Client().post("/v1/uploads", {"kind": kind, "file": file}, headers=business.headers)
    assert reply.status_code == 202, reply.content
    return reply.json()


def recommend(business, user_id: str) -> dict[str, object]:
    reply = Client().get(f"/v1/recommendations?user_id={user_id}&limit=5", headers=business.headers)
    assert reply.status_code == 200, reply.content
    return reply.json()


def test_from_an_uploaded_row_to_an_audited_answer(alice, tmp_path, settings):
    with alice.scope:
        archive_notice(
            notice_id="privacy",
            version="1",
            language="en",
            body=shop.NOTICE,
            purposes=list(map(Purpose, shop.PURPOSES)),
            actor=alice.actor,
        )

    # Consent first, then events: nine of ten people consented, the others' rows are held back.
    agreed = range(shop.SUBJECTS - 6)
    upload(alice, "consents", shop.consents(agreed))
    run_waiting("default")
    events = upload(alice, "events", shop.purchases())
    run_waiting("default")
    outcome = Client().get(f"/v1/uploads/{events['id']}", headers=alice.headers).json()
    assert outcome["status"] == "done", outcome
    report = outcome["report"]
    assert report["received"] == (
        report["accepted"] + report["duplicate"] + report["quarantined"] + report["rejected"]
    )
    assert report["quarantined"] > 0
    assert recommend(alice, shop.user(0))["code"] == "no_version"

    # A tiny model is trained in a process of its own, on consented events alone.
    base = shop.tiny_base_model(tmp_path / "base")
    settings.BASE_MODELS = [base]
    with alice.scope:
        job = create_job(actor=alice.actor, base_model=base, params=shop.QUICK)
    run_waiting("default")
    run_waiting("gpu")
    with alice.scope:
        job.refresh_from_db()
        assert job.state == life.SUCCEEDED, (job.error, job.progress)
        assert SnapshotSubject.objects.filter(snapshot=job.snapshot).count() == len(agreed)
        version = Version.objects.get(job=job)
        names = {source["name"] for source in version.manifest["sources"]}
        assert version.serves in names and "sequence_finetuned" in names
        assert [line["gate"] for line in version.gates] == [gate.code for gate in GATES]
        approve_version(version_id=version.id, actor=alice.actor, reason="Looked at its figures.")
        publish_version(version_id=version.id, actor=alice.actor)

    # Answers are personal, say why, and name their version.
    given = recommend(alice, shop.user(0))
    assert given["personalised"] and given["code"] is None
    assert given["version"] == version.public_id
    assert len(given["data"]) == 5
    assert all(line["reason"]["text"] for line in given["data"])

    # A stranger gets the common list; so does whoever withdraws, on the very next request.
    assert recommend(alice, "nobody")["code"] == "unknown_user"
    withdrawal = {
        "user_id": shop.user(0),
        "purpose": "personalised_recommendation",
        "event": "withdrawn",
    }
    reply = Client().post(
        "/v1/consents", withdrawal, content_type="application/json", headers=alice.headers
    )
    assert reply.status_code == 201, reply.content
    after = recommend(alice, shop.user(0))
    assert not after["personalised"] and after["code"] == "withdrawn"
    assert len(after["data"]) == 5

    # Every answer is in the decision log, sealed; the whole record verifies.
    assert seal(alice.tenant.id) == 4
    with alice.scope:
        assert Decision.objects.count() == SealedRow.objects.count() == 4
        actions = list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))
    for action in ("upload.finished", "snapshot.frozen", "version.published", "consent.recorded"):
        assert action in actions
    call_command("audit_verify", tenant=alice.tenant.id)
