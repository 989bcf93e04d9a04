"""Who leaves taints what was learnt from them, and what becomes of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tenants.audit.models import AuditDetail, AuditEntry
from tenants.consent.ledger import ConsentInput
from tenants.consent.models import ConsentRecord
from tenants.consent.policy import set_uses, uses
from tenants.consent.services import record_consent
from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, Purpose, Use
from tenants.erasure.queries import status_of
from tenants.erasure.sweeping import look
from tenants.errors import AppError, Conflict
from tenants.subjects.directory import find
from tests import shop
from tests.stocked import publish
from tests.tenants.erasure.erasures import ANNA, BEN, a_day_later, erase, fill, work
from tests.trained import give_version, renumbered
from training.jobs import finishing, life, replacing
from training.jobs.artifacts import path_of
from training.jobs.control import DEFAULT_BASE, create_job
from training.jobs.leaving import on_stops
from training.jobs.models import Job, Publication, Snapshot, SnapshotSubject, Version
from training.jobs.rules import set_rule
from training.jobs.services import (
    approve_version,
    publish_version,
    roll_back,
    set_standing_approval,
)
from training.jobs.tainting import taint_at_birth

THIRTY_DAYS = timedelta(days=30)


@pytest.fixture
def shop_of_two(alice):
    fill(alice)
    return alice


def trained(business, artifact, *people: str, parent: Version | None = None) -> Version:
    """A version whose snapshot holds these people, evaluated."""
    version = give_version(business, artifact)
    with business.scope:
        for person in people:
            put_in(version.snapshot, person)
        if parent:
            Version.objects.filter(pk=version.pk).update(parent=parent)
        version.refresh_from_db()
    return version


def put_in(snapshot: Snapshot, person: str) -> None:
    subject = find(person)
    relied_on = ConsentRecord.objects.get(subject=subject, purpose="model_training")
    SnapshotSubject.objects.create(
        snapshot=snapshot, subject=subject, consent_record_id=relied_on.id, events=1,
        content_hash=b"x",
    )  # fmt: skip


def serving(business, artifact, *people: str) -> Version:
    version = trained(business, artifact, *people)
    publish(business, version)
    return version


def stop(
    business, person: str, event: ConsentEvent, at=None, *, purpose=Purpose.MODEL_TRAINING
) -> None:
    with business.scope:
        act = ConsentInput(
            subject_id=find(person).id,
            purpose=purpose,
            event=event,
            event_time=at or now(),
            collection_method=CollectionMethod.API,
        )
        record_consent(act=act, actor=business.actor)


def read(business, version: Version) -> Version:
    with business.scope:
        version.refresh_from_db()
    return version


def answer(client, business, person: str = BEN) -> dict:
    address = f"/v1/recommendations?user_id={person}"
    return client.get(address, headers=business.headers).json()


def told(business, action: str) -> list[dict]:
    with business.scope:
        entries = AuditEntry.objects.filter(action=action).order_by("seq")
        return [AuditDetail.objects.get(entry=entry).details for entry in entries]


def test_s24_every_model_descended_from_an_erased_persons_data_is_tainted_with_a_deadline(
    shop_of_two, artifact
):
    """GDPR 17; Everalbum by analogy."""
    one = trained(shop_of_two, artifact, ANNA, BEN)
    child = trained(shop_of_two, artifact, BEN, parent=one)
    grandchild = trained(shop_of_two, artifact, BEN, parent=child)
    other = trained(shop_of_two, artifact, BEN)
    before = now()
    erasure = erase(shop_of_two, sweep=False)
    for version in (one, child, grandchild):
        found = read(shop_of_two, version)
        assert (found.fate, found.taint) == ("tainted", "erasure")
        assert before + THIRTY_DAYS <= found.due_at <= now() + THIRTY_DAYS
    assert read(shop_of_two, other).fate == "clean"
    assert [line["cause"] for line in told(shop_of_two, "version.tainted")] == ["erasure"] * 3
    with shop_of_two.scope:
        facts = status_of(erasure.id).facts
        assert [line["id"] for line in facts["versions"]] == [
            one.public_id, child.public_id, grandchild.public_id,
        ]  # fmt: skip
        one.snapshot.refresh_from_db()
        assert one.snapshot.destroyed_at and one.snapshot.taint == "erasure"


def test_the_tenant_may_set_a_sooner_deadline_and_no_later_one(shop_of_two, artifact):
    version = serving(shop_of_two, artifact, ANNA)
    how = {"every_days": 7, "new_share": 0.2, "unknown_share": 0.2, "actor": shop_of_two.actor}
    with shop_of_two.scope:
        set_rule(**how, replace_days=3)
        for days in (0, 31):
            with pytest.raises(AppError) as refused:
                set_rule(**how, replace_days=days)
            assert refused.value.code == "bad_replace_days"
    erase(shop_of_two, sweep=False)
    assert read(shop_of_two, version).due_at <= now() + timedelta(days=3)


def test_a_tainted_version_serves_the_others_until_its_deadline(shop_of_two, artifact, client):
    version = serving(shop_of_two, artifact, ANNA)
    erase(shop_of_two)
    given = answer(client, shop_of_two)
    assert (given["personalised"], given["version"]) == (True, version.public_id)
    assert answer(client, shop_of_two, ANNA)["code"] == "unknown_user"
    assert path_of(shop_of_two.tenant.id, bytes(version.manifest_sha256)).is_dir()


def test_s25_past_the_deadline_serving_refuses_the_version_and_its_weights_go(
    shop_of_two, artifact, client
):
    """EDPB 28/2024."""
    version = serving(shop_of_two, artifact, ANNA)
    erase(shop_of_two)
    with shop_of_two.scope:
        Version.objects.update(due_at=now())
    given = answer(client, shop_of_two)
    assert (given["personalised"], given["code"]) == (False, "version_overdue")
    assert given["version"] is None
    replacing.look(shop_of_two.tenant.id)
    assert read(shop_of_two, version).fate == "retired"
    assert not path_of(shop_of_two.tenant.id, bytes(version.manifest_sha256)).exists()
    assert answer(client, shop_of_two)["code"] == "version_stopped"


def test_s26_invalidated_consent_stops_serving_at_once_and_the_weights_go(
    shop_of_two, artifact, client
):
    """FTC."""
    version = serving(shop_of_two, artifact, ANNA, BEN)
    assert answer(client, shop_of_two)["personalised"]
    stop(shop_of_two, ANNA, ConsentEvent.INVALIDATED)
    assert answer(client, shop_of_two)["code"] == "version_stopped"
    assert read(shop_of_two, version).fate == "stopped"
    work(shop_of_two)
    assert read(shop_of_two, version).fate == "retired"
    assert not path_of(shop_of_two.tenant.id, bytes(version.manifest_sha256)).exists()
    assert told(shop_of_two, "version.destroyed") == [{"cause": "invalidated", "state": "retired"}]


def test_s04_a_backdated_withdrawal_flags_every_snapshot_built_after_its_event_time(
    shop_of_two, artifact
):
    """PIPL 15, 47."""
    early, late = (trained(shop_of_two, artifact, ANNA) for _ in range(2))
    with shop_of_two.scope:
        at = {early: now() - timedelta(days=20), late: now() - timedelta(days=2)}
        for version, moment in at.items():
            Snapshot.objects.filter(pk=version.snapshot_id).update(created_at=moment)
    stop(shop_of_two, ANNA, ConsentEvent.WITHDRAWN, at=now() - timedelta(days=10))
    causes = {}
    for version in (early, late):
        read(shop_of_two, version)
        with shop_of_two.scope:
            snapshot = Snapshot.objects.get(pk=version.snapshot_id)
        causes[version.number] = (snapshot.taint, version.taint, bool(snapshot.destroyed_at))
    # The early one was frozen while the consent held: it is replaced in time like any other.
    assert causes == {
        early.number: ("withdrawal", "withdrawal", False),
        late.number: ("backdated", "backdated", True),
    }


def test_a_withdrawal_lets_a_version_be_replaced_in_time_and_still_be_published(
    shop_of_two, artifact
):
    version = trained(shop_of_two, artifact, ANNA)
    stop(shop_of_two, ANNA, ConsentEvent.WITHDRAWN)
    found = read(shop_of_two, version)
    assert (found.fate, found.taint) == ("tainted", "withdrawal")
    assert found.due_at > now() + THIRTY_DAYS - timedelta(hours=1)
    publish(shop_of_two, version)
    work(shop_of_two)
    assert read(shop_of_two, version).fate == "tainted"


def test_a_withdrawal_of_another_purpose_taints_nothing(shop_of_two, artifact):
    version = trained(shop_of_two, artifact, ANNA)
    with shop_of_two.scope:
        act = ConsentInput(
            subject_id=find(ANNA).id, purpose=Purpose.ANALYTICS, event=ConsentEvent.WITHDRAWN,
            event_time=now(), collection_method=CollectionMethod.API,
        )  # fmt: skip
        record_consent(act=act, actor=shop_of_two.actor)
    assert read(shop_of_two, version).fate == "clean"


def also_asked_of_training(business) -> None:
    """From now on the tenant's table asks for `analytics` too, which everybody gave long ago."""
    with business.scope:
        table = {**uses(), Use.TRAINING: [Purpose.MODEL_TRAINING, Purpose.ANALYTICS]}
        set_uses(table=table, actor=business.actor)


@pytest.mark.parametrize(
    ("event", "days", "cause"),
    [
        (ConsentEvent.WITHDRAWN, 0, "withdrawal"),
        (ConsentEvent.WITHDRAWN, 10, "backdated"),
        (ConsentEvent.INVALIDATED, 0, "invalidated"),
    ],
)
def test_s24_every_purpose_that_the_tenant_asks_of_training_counts(
    shop_of_two, artifact, event, days, cause
):
    """GDPR 7(3); PIPL 15, 29, 39: data that rest on two consents are left by either."""
    also_asked_of_training(shop_of_two)
    version = trained(shop_of_two, artifact, ANNA)
    at = now() - timedelta(days=days)
    stop(shop_of_two, ANNA, event, at, purpose=Purpose.ANALYTICS)
    assert read(shop_of_two, version).taint == cause
    late = trained(shop_of_two, artifact, BEN)
    with shop_of_two.scope:
        put_in(late.snapshot, ANNA)  # frozen before, made into a version behind it
        taint_at_birth(late)
    assert late.taint == ("invalidated" if cause == "invalidated" else "withdrawal")


def test_many_who_stop_at_once_cost_no_more_questions_to_the_ledger(shop_of_two, artifact):
    """Each of them is in every snapshot; the acts are older than all of these."""
    for _ in range(3):
        trained(shop_of_two, artifact, ANNA, BEN)
    asked = []
    for people in ([ANNA], [ANNA, BEN]):
        with shop_of_two.scope:
            ids = [find(person).id for person in people]
            grants = ConsentRecord.objects.filter(subject__in=ids, purpose="model_training")
            acts = list(grants)
            for act in acts:
                act.event = ConsentEvent.INVALIDATED
            with CaptureQueriesContext(connection) as seen:
                on_stops(acts)
        asked.append(sum('FROM "consent_' in query["sql"] for query in seen))
    assert asked[0] == asked[1]


def running_on(business, artifact, *people: str) -> Job:
    """A job that runs on frozen data of these people."""
    version = trained(business, artifact, *people)
    with business.scope:
        job = create_job(actor=business.actor, base_model=DEFAULT_BASE, name="mine")
        for state in (life.QUEUED, life.RUNNING):
            Job.objects.filter(pk=job.pk).update(state=state)
        snapshot = version.snapshot
        Version.objects.filter(pk=version.pk).delete()
        Job.objects.filter(pk=job.pk).update(snapshot=snapshot)
        job.refresh_from_db()
    return job


def test_s27_an_erasure_aborts_a_job_that_runs_on_the_person_and_begins_it_anew(
    shop_of_two, artifact
):
    """Amazon Personalize gives no guarantee here."""
    job = running_on(shop_of_two, artifact, ANNA)
    erase(shop_of_two, sweep=False)
    with shop_of_two.scope:
        job.refresh_from_db()
        assert (job.state, job.error["code"]) == (life.CANCELLING, "erased")
        assert list(job.events.order_by("-id").values_list("code", flat=True)[:2]) == [
            "job.cancelling", "job.erased",
        ]  # fmt: skip
        again = Job.objects.exclude(pk=job.pk).get(name="mine")
        assert (again.state, again.snapshot_id) == (life.VALIDATING, None)


def test_s27_a_job_on_other_people_goes_on(shop_of_two, artifact):
    job = running_on(shop_of_two, artifact, BEN)
    erase(shop_of_two, sweep=False)
    with shop_of_two.scope:
        job.refresh_from_db()
        assert job.state == life.RUNNING


def test_s27_a_version_made_after_the_person_was_erased_is_born_tainted(shop_of_two, artifact):
    """The erasure has committed between the freezing, which it did not see, and the version."""
    version = trained(shop_of_two, artifact, BEN)
    with shop_of_two.scope:
        anna = find(ANNA)
        erase(shop_of_two, sweep=False)
        SnapshotSubject.objects.create(
            snapshot=version.snapshot, subject=anna, consent_record_id=version.id, events=1,
            content_hash=b"x",
        )  # fmt: skip
        taint_at_birth(version)
        assert (version.fate, version.taint) == ("tainted", "erasure")
        with pytest.raises(Conflict) as refused:
            approve_version(version_id=version.id, actor=shop_of_two.actor, reason="Good.")
        assert refused.value.code == "version_tainted"


def made_by_job(business, version: Version) -> Version:
    """What finishing makes of a run whose bundle is that of `version`."""
    with business.scope:
        job = Job.objects.create(
            base_model="tiny", state=life.RUNNING, snapshot=version.snapshot, actor_ref="x"
        )
        return finishing._make_version(
            job, version.manifest, bytes(version.manifest_sha256), version.bytes
        )


def test_a_version_made_while_a_tainted_one_serves_does_not_descend_from_it(shop_of_two, artifact):
    serving(shop_of_two, artifact, ANNA)
    clean = trained(shop_of_two, artifact, BEN)
    assert made_by_job(shop_of_two, clean).parent is not None
    erase(shop_of_two, sweep=False)
    born = made_by_job(shop_of_two, clean)
    assert (born.parent, born.fate) == (None, "clean")


def approve_standing(business) -> None:
    with business.scope:
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=business.actor)
        Job.objects.update(base_model=DEFAULT_BASE)


def test_a_clean_version_is_trained_by_itself_and_then_the_old_weights_go(
    shop_of_two, artifact, tmp_path
):
    old = serving(shop_of_two, artifact, ANNA)
    approve_standing(shop_of_two)
    erasure = erase(shop_of_two)
    with shop_of_two.scope:
        assert erasure.state == "models_due"
        assert list(Job.objects.filter(trigger="taint").values_list("state", flat=True)) != []
    replacing.look(shop_of_two.tenant.id)  # and no second one beside it
    with shop_of_two.scope:
        assert Job.objects.filter(trigger="taint").count() == 1
    clean = trained(shop_of_two, renumbered(artifact, tmp_path / "new", shop.FIRST_ITEM), BEN)
    publish(shop_of_two, clean)
    work(shop_of_two)
    assert read(shop_of_two, old).fate == "replaced"
    assert read(shop_of_two, clean).fate == "clean"
    a_day_later(shop_of_two, erasure)
    look(shop_of_two.tenant.id)
    with shop_of_two.scope:
        erasure.refresh_from_db()
        assert erasure.state == "finished"


def test_versions_that_may_still_serve_do_not_hold_up_the_second_look(shop_of_two, artifact):
    """They have a deadline of their own, and the erasure ends behind it."""
    version = serving(shop_of_two, artifact, ANNA)
    erasure = erase(shop_of_two)
    a_day_later(shop_of_two, erasure)
    look(shop_of_two.tenant.id)
    with shop_of_two.scope:
        erasure.refresh_from_db()
        assert erasure.state == "models_due" and erasure.rescanned_at
        Version.objects.update(due_at=now())
    assert told(shop_of_two, "erasure.rescanned") == [{"found": {}, "left": {}}]
    replacing.look(shop_of_two.tenant.id)
    assert read(shop_of_two, version).is_gone
    look(shop_of_two.tenant.id)
    with shop_of_two.scope:
        erasure.refresh_from_db()
        assert erasure.state == "finished"


def test_without_a_standing_approval_nothing_starts_and_the_pages_say_who_must_act(
    shop_of_two, artifact
):
    version = serving(shop_of_two, artifact, ANNA)
    erase(shop_of_two)
    with shop_of_two.scope:
        assert not Job.objects.filter(trigger="taint").exists()
    browser = shop_of_two.browser()
    for address in ("/models/", f"/models/versions/{version.public_id}/"):
        page = browser.get(address).content.decode()
        assert "People in its data were erased." in page
        assert "The standing approval is off" in page


def test_nobody_goes_back_to_a_version_that_holds_traces_or_has_lost_its_weights(
    shop_of_two, artifact
):
    serving(shop_of_two, artifact, ANNA)
    serving(shop_of_two, artifact, BEN)
    erase(shop_of_two, sweep=False)
    for code in ("version_tainted", "version_gone"):
        with pytest.raises(Conflict) as refused, shop_of_two.scope:
            roll_back(actor=shop_of_two.actor)
        assert refused.value.code == code
        work(shop_of_two)
    with shop_of_two.scope:
        assert Publication.objects.get().version.fate == "clean"


def test_a_tainted_version_is_not_published(shop_of_two, artifact):
    version = trained(shop_of_two, artifact, ANNA)
    with shop_of_two.scope:
        approve_version(version_id=version.id, actor=shop_of_two.actor, reason="Good.")
    erase(shop_of_two, sweep=False)
    with pytest.raises(Conflict) as refused, shop_of_two.scope:
        publish_version(version_id=version.id, actor=shop_of_two.actor)
    assert refused.value.code == "version_tainted"
