"""An erased person does not come back with an old file; they come back with a fresh consent."""

from datetime import UTC, datetime, timedelta

from django.utils.timezone import now

from tenants.accounts.keys import create_key
from tenants.accounts.tokens import PUBLIC
from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Event, QuarantinedRow, Upload
from tenants.consent.models import ConsentState
from tenants.subjects.directory import find
from tenants.subjects.models import Subject
from tests import shop
from tests.tenants.erasure.erasures import ANNA, BEN, erase, fill, work

ACT = {"user_id": ANNA, "item_id": "item-01", "type": "view", "event_id": "new-1"}


def send(business, kind: str, content: bytes, *, read: bool = True) -> Upload:
    with business.scope:
        upload = accept_upload(kind=kind, name=kind, chunks=[content], actor=business.actor)
    if read:
        work(business)
        with business.scope:
            upload.refresh_from_db()
    return upload


def counted(upload: Upload) -> dict[tuple[str, str], int]:
    return {(o["bucket"], o["code"]): o["count"] for o in upload.report["outcomes"]}


def grant(at: datetime) -> dict[str, str]:
    return {
        "user_id": ANNA, "purpose": "service", "event": "given", "event_time": at.isoformat(),
        "notice_id": "privacy", "notice_version": "1", "notice_language": "en",
    }  # fmt: skip


def test_s23_an_erased_persons_old_events_and_consents_are_blocked_until_a_fresh_consent(
    alice, client
):
    """GDPR 17."""
    fill(alice)
    erase(alice)
    with alice.scope:
        people = Subject.objects.count()
    consents = send(alice, Upload.CONSENTS, shop.consents(range(2)))
    events = send(alice, Upload.EVENTS, shop.purchases(range(2)))
    assert counted(consents)[("rejected", "erased")] == len(shop.PURPOSES)
    rejected = counted(events)[("rejected", "erased")]
    assert rejected > 0
    with alice.scope:
        assert find(ANNA) is None
        assert Subject.objects.count() == people
        assert not QuarantinedRow.objects.exists()
    how = {"content_type": "application/json", "headers": alice.headers}
    told = client.post("/v1/events", ACT, **how).json()
    assert told["rows"] == [
        {
            "index": 0, "outcome": "rejected", "code": "erased",
            "message": "Nobody has this id: the person was erased, or their id was corrected. Send "
            "the right id, or a consent that they gave since.",
        }
    ]  # fmt: skip
    old = client.post("/v1/consents", grant(datetime(2026, 1, 1, tzinfo=UTC)), **how)
    assert (old.status_code, old.json()["error"]["code"]) == (400, "erased")
    fresh = client.post("/v1/consents", grant(now() + timedelta(seconds=1)), **how)
    assert fresh.status_code == 201
    with alice.scope:  # it begins in a second: let it begin now
        ConsentState.objects.filter(subject=find(ANNA)).update(valid_from=now())
    again = send(alice, Upload.EVENTS, shop.purchases(range(2)))
    assert ("rejected", "erased") not in counted(again)
    with alice.scope:
        assert Event.objects.filter(subject_id=find(ANNA).id).count() == rejected


def test_s23_a_file_that_waited_does_not_bring_the_person_back(alice):
    """GDPR 17."""
    fill(alice)
    waiting = send(alice, Upload.EVENTS, shop.purchases(range(2), seed=8), read=False)
    erasure = erase(alice, sweep=False)
    assert erasure.before["waiting_uploads"] == 1
    work(alice)
    with alice.scope:
        waiting.refresh_from_db()
        erasure.refresh_from_db()
        assert find(ANNA) is None and find(BEN) is not None
    assert counted(waiting)[("rejected", "erased")] > 0


def test_s23_an_old_signal_does_not_bring_the_person_back(alice, client):
    """GDPR 17."""
    fill(alice)
    erase(alice)
    told = {
        "user_id": ANNA, "kind": "google", "value": {"ad_user_data": "GRANTED"},
        "event_time": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    how = {"content_type": "application/json", "headers": alice.headers}
    answer = client.post("/v1/consents/signals", told, **how)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "erased")
    with alice.scope:
        assert find(ANNA) is None


def test_a_browser_is_not_told_who_was_erased(alice, client):
    fill(alice)
    erase(alice)
    with alice.scope:
        _, text = create_key(name="page", kind=PUBLIC, origins=[], actor=alice.actor)
    headers = {"Authorization": f"Bearer {text}"}
    told = client.post("/v1/events", ACT, content_type="application/json", headers=headers).json()
    assert (told["accepted"], told["rejected"], told["rows"]) == (1, 0, [])


def test_another_tenants_person_of_the_same_name_is_untouched(alice, bob):
    fill(alice)
    fill(bob, shop.FIRST_ITEM + 1000)
    erase(alice)
    upload = send(bob, Upload.EVENTS, shop.purchases(range(2), seed=8))
    assert ("rejected", "erased") not in counted(upload)
