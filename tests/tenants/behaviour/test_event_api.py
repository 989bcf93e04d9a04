"""`POST /v1/events`: every outcome as in an upload, nothing of persons for a public key."""

import hashlib
from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.audit.sealing import seal
from tenants.audit.verify import verify_chain
from tenants.behaviour.models import Event, EventBatch, Item, QuarantinedRow
from tenants.behaviour.wording import STREAMED, WORDING
from tenants.consent.vocabulary import ConsentEvent
from tenants.subjects.directory import external_id_of
from tenants.work.run import run_waiting
from tests.connections import in_threads
from tests.tenants.behaviour.streams import counts, ended, event, kept, post, public_key, sent
from tests.tenants.behaviour.uploads import agree, events, outcomes, process, tell


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def stored(business) -> list[tuple[str, str, int]]:
    with business.scope:
        found = Event.objects.select_related("subject", "item").order_by("occurred_at", "id")
        return [(external_id_of(e.subject), e.item.external_id, e.type) for e in found]


def test_one_event_is_stored_with_all_it_says(alice):
    agree(alice, "u1")
    reply = post(
        alice,
        event(
            type="Add To Cart", event_id="e-1", price=6.95, quantity=2, order_id="o-1",
            item_title="Lamp", item_category="Light", occurred_at="2026-03-01T11:00:00.25+01:00",
        ),
    )  # fmt: skip
    assert reply.status_code == 202
    with alice.scope:
        found, batch, item = Event.objects.get(), EventBatch.objects.get(), Item.objects.get()
    assert reply.json() == {
        "id": batch.public_id, "object": "event_batch", "received": 1, "accepted": 1,
        "duplicate": 0, "quarantined": 0, "rejected": 0, "gpc": None, "rows": [],
    }  # fmt: skip
    assert batch.public_id.startswith("evb_")
    assert (found.type, found.value, found.quantity) == (3, 13.9, 2.0)
    assert found.occurred_at.isoformat() == "2026-03-01T10:00:00.250000+00:00"
    assert found.upload_id == batch.id
    assert (item.external_id, item.title, item.category, item.price) == (
        "i1",
        "Lamp",
        "Light",
        6.95,
    )


def test_an_event_without_a_time_happened_now(alice):
    agree(alice, "u1")
    sent(alice, event(occurred_at=None))
    with alice.scope:
        found, batch = Event.objects.get(), EventBatch.objects.get()
    assert found.occurred_at == batch.received_at
    assert now() - found.occurred_at < timedelta(minutes=1)


def test_every_event_has_its_outcome_and_the_counts_add_up(alice):
    agree(alice, "u1")
    answer = sent(
        alice, event(), event(), event(user_id="u2"), event(type="veiw"), event(user_id="null"),
        event(occurred_at="1970-01-01T00:00:00Z"), event(occurred_at="9999-12-31T23:59:59Z"),
        event(event_id="e-1"), event(event_id="e-1", item_id="i2"),
    )  # fmt: skip
    assert counts(answer) == {
        "received": 9, "accepted": 2, "duplicate": 2, "quarantined": 1, "rejected": 4,
    }  # fmt: skip
    assert ended(answer) == [
        (1, "duplicate", "duplicate"),
        (2, "quarantined", "no_record"),
        (3, "rejected", "unknown_type"),
        (4, "rejected", "missing_user"),
        (5, "rejected", "bad_time"),
        (6, "rejected", "future_time"),
        (8, "duplicate", "duplicate"),
    ]
    assert all(row["message"].endswith(".") for row in answer["rows"])
    assert "file" not in " ".join(row["message"] for row in answer["rows"])
    assert stored(alice) == [("u1", "i1", 1), ("u1", "i1", 1)]


def test_an_act_counts_once_whether_it_comes_by_stream_or_by_file(alice):
    """Acceptance: the same act by its event id, or else by its whole content."""
    agree(alice, "u1")
    process(alice, events(("u1", "i1", "01")))
    assert ended(sent(alice, event())) == [(0, "duplicate", "already_stored")]
    assert counts(sent(alice, event(item_id="i2"))) == {"received": 1, "accepted": 1}
    again = process(alice, events(("u1", "i2", "01"), ("u1", "i3", "01")))
    assert outcomes(again) == {("duplicate", "already_stored"): (1, [1])}
    by_id = event(event_id="e-1", item_id="i4")
    assert counts(sent(alice, by_id)) == {"received": 1, "accepted": 1}
    assert ended(sent(alice, {**by_id, "item_id": "i5"})) == [(0, "duplicate", "already_stored")]
    assert len(stored(alice)) == 4


def test_an_event_without_consent_waits_for_it(alice):
    agree(alice, "u1")
    assert ended(sent(alice, event(user_id="u2"))) == [(0, "quarantined", "no_record")]
    assert ended(sent(alice, event(user_id="u2"))) == [(0, "duplicate", "already_stored")]
    assert stored(alice) == []
    with alice.scope:
        row, batches = QuarantinedRow.objects.get(), list(EventBatch.objects.order_by("id"))
    assert (row.upload_id, row.row_no) == (batches[0].id, 1)
    tell(alice, ConsentEvent.GIVEN, ["u2"])
    run_waiting("default")
    assert stored(alice) == [("u2", "i1", 1)]


def test_who_opted_out_is_held_back_from_the_next_request_on(alice):
    agree(alice, "u1")
    assert counts(sent(alice, event())) == {"received": 1, "accepted": 1}
    tell(alice, ConsentEvent.WITHDRAWN, ["u1"], days=2)
    assert ended(sent(alice, event(item_id="i2"))) == [(0, "quarantined", "withdrawn")]


def test_a_public_key_learns_nothing_about_persons(alice):
    """Who has consented and who was seen before reads the same as anybody else."""
    agree(alice, "u1")
    key = public_key(alice)
    told = [
        sent(alice, event(user_id="u1"), key=key),
        sent(alice, event(user_id="u1"), key=key),
        sent(alice, event(user_id="u2"), key=key),
        sent(alice, event(user_id="u2"), key=key),
    ]
    for answer in told:
        assert answer.pop("id").startswith("evb_")
    assert told == [
        {"object": "event_batch", "received": 1, "accepted": 1, "duplicate": 0, "quarantined": 0,
         "rejected": 0, "gpc": None, "rows": []},
    ] * 4  # fmt: skip
    with alice.scope:
        batches = EventBatch.objects.order_by("id")
        assert [(b.accepted, b.duplicate, b.quarantined) for b in batches] == [
            (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 0),
        ]  # fmt: skip


def test_a_public_key_is_told_what_is_wrong_with_an_event(alice):
    agree(alice, "u1")
    mixed = (event(), event(), event(user_id="u2"), event(type="veiw"))
    answer = sent(alice, *mixed, key=public_key(alice))
    assert counts(answer) == {"received": 4, "accepted": 3, "rejected": 1}
    assert ended(answer) == [(3, "rejected", "unknown_type")]


def test_the_answer_to_a_public_key_stays_small(alice):
    """Whoever reads the key in a page can have an answer of each request kept for a day."""
    agree(alice, "u1")
    faulty = [event(type="pseudo", item_id="postage"), event(occurred_at="1970-01-01T00:00:00Z")]
    body = {"events": [*faulty * 249, event(), event(item_id="i2")]}
    reply = post(alice, body, key=public_key(alice))
    answer = reply.json()
    assert counts(answer) == {"received": 500, "accepted": 2, "rejected": 498}
    assert [row["index"] for row in answer["rows"]] == list(range(20))
    assert len(reply.content) < 4096
    assert len(post(alice, body).json()["rows"]) == 500


def test_every_wording_of_its_own_is_of_an_outcome_that_there_is():
    assert {code for bucket, code in STREAMED if code not in WORDING[bucket]} == set()


def test_minus_nothing_is_nothing(alice):
    """Two spellings of one number are one act, held back or not."""
    agree(alice, "u1")
    for user in ("u1", "u2"):
        answer = sent(alice, event(user_id=user, value=0.0), event(user_id=user, value=-0.0))
        assert ended(answer)[-1] == (1, "duplicate", "duplicate")


def test_another_tenant_is_not_touched(alice, bob):
    agree(alice, "u1")
    before = kept(bob)
    sent(alice, event())
    assert kept(bob) == before
    assert ended(sent(bob, event())) == [(0, "quarantined", "no_record")]


def test_a_request_leaves_a_record_that_is_sealed_and_no_entry_of_its_own(alice):
    """Law 5: what changes governed data is recorded in the same transaction."""
    agree(alice, "u1")
    with alice.scope:
        told = AuditEntry.objects.count()
    sent(alice, event(), event(user_id="u2"), event(type="veiw"))
    sent(alice, event())
    with alice.scope:
        assert AuditEntry.objects.count() == told
        first, second = EventBatch.objects.order_by("id")
        acts = [Event.objects.get().dedup.bytes, QuarantinedRow.objects.get().dedup.bytes]
    assert bytes(first.acts_sha256) == hashlib.sha256(b"".join(acts)).digest()
    assert bytes(second.acts_sha256) == hashlib.sha256().digest()
    assert first.actor_ref.startswith("key_")
    assert (first.received, first.accepted, first.quarantined, first.rejected) == (3, 1, 1, 1)
    assert seal(alice.tenant.id) == 2
    with alice.scope:
        assert verify_chain().ok
        entry = AuditEntry.objects.order_by("-seq").first()
        assert entry.detail.get().details["stream"] == "event_batches"


def test_a_record_that_was_altered_is_found(alice):
    sent(alice, event())
    seal(alice.tenant.id)
    with alice.scope, pytest.raises(ProgrammingError), transaction.atomic():
        EventBatch.objects.update(accepted=7)
    with alice.scope, pytest.raises(ProgrammingError), transaction.atomic():
        EventBatch.objects.all().delete()


def test_senders_at_the_same_moment_count_each_act_once(committed):
    """Held and stored rows alike; nobody is answered with an error."""
    carol = committed("Carol")
    agree(carol, "u1")
    body = [event(user_id=user, item_id=f"i{n}") for n in range(20) for user in ("u1", "u2", "u3")]

    def send(events):
        return lambda: counts(sent(carol, *events))

    told = in_threads([send(body), send(body[::-1]), send(body), send(body[::-1])])
    total = {name: sum(each.get(name, 0) for each in told) for name in ("accepted", "quarantined")}
    assert total == {"accepted": 20, "quarantined": 40}
    with carol.scope:
        assert (Event.objects.count(), QuarantinedRow.objects.count()) == (20, 40)
