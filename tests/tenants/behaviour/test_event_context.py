"""What is told beside an act is kept only where it was named, and never tells of one person."""

import pytest

from tenants.behaviour.columns.event_context import MOST_VALUES
from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.models import Event, QuarantinedRow, Upload
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.store import BehaviourRows
from tenants.consent.vocabulary import ConsentEvent
from tenants.work.run import run_waiting
from tests.tenants.behaviour.streams import ended, event, kept, post, public_key, sent
from tests.tenants.behaviour.uploads import agree, outcomes, process, tell

HEAD = "user_id,item_id,type,occurred_at,Country,Channel,Note"
MAPPING = {"context.country": "Country", "context.channel": "Channel"}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def sales(*rows: tuple[str, str, str]) -> bytes:
    """A file of views: (user, country, channel)."""
    lines = (
        f"{user},i1,view,2026-03-01T10:00:{second:02d}Z,{country},{channel},secret"
        for second, (user, country, channel) in enumerate(rows)
    )
    return "\n".join((HEAD, *lines, "")).encode()


def told(business) -> list[dict[str, str] | None]:
    with business.scope:
        return list(Event.objects.order_by("occurred_at").values_list("context", flat=True))


def test_a_file_keeps_the_columns_that_its_mapping_names_and_no_other(alice):
    agree(alice, "u1")
    upload = process(alice, sales(("u1", " France ", "web"), ("u1", "", "")), mapping=MAPPING)
    assert told(alice) == [{"country": "France", "channel": "web"}, None]
    assert upload.report["plan"]["unread"] == ["Note"]


def test_a_file_without_such_a_mapping_keeps_nothing_beside_the_act(alice):
    agree(alice, "u1")
    process(alice, sales(("u1", "France", "web")))
    assert told(alice) == [None]


def test_the_same_act_from_another_country_counts_once(alice):
    agree(alice, "u1")
    process(alice, sales(("u1", "France", "web")), mapping=MAPPING)
    again = process(alice, sales(("u1", "Spain", "web")), mapping=MAPPING)
    assert told(alice) == [{"country": "France", "channel": "web"}]
    assert outcomes(again) == {("duplicate", "already_stored"): (1, [1])}


def test_what_waits_for_consent_keeps_its_context_sealed(alice):
    agree(alice, "nobody")
    process(alice, sales(("u1", "France", "web")), mapping=MAPPING)
    with alice.scope:
        assert b"France" not in bytes(QuarantinedRow.objects.get().sealed)
    tell(alice, ConsentEvent.GIVEN, ["u1"])
    run_waiting("default")
    assert told(alice) == [{"channel": "web", "country": "France"}]


def test_a_person_is_told_what_is_kept_beside_their_acts(alice):
    agree(alice, "u1")
    process(alice, sales(("u1", "France", "web")), mapping=MAPPING)
    with alice.scope:
        exported = BehaviourRows().export(Event.objects.get().subject_id)
        first = next(iter(exported["event"]))  # read as it is asked for
    assert first["context"] == {"country": "France", "channel": "web"}


def test_a_column_that_tells_of_single_people_is_refused_and_nothing_of_it_is_kept(alice):
    agree(alice, *(f"u{n}" for n in range(MOST_VALUES + 1)))
    rows = [(f"u{n}", f"place {n}", "") for n in range(MOST_VALUES + 1)]
    content = sales(*((user, country, channel) for user, country, channel in rows[:60]))
    for n, (user, country, _) in enumerate(rows[60:]):
        content += (
            f"{user},i1,view,2026-03-02T{n // 60:02d}:{n % 60:02d}:00Z,{country},,\n".encode()
        )
    upload = process(alice, content, mapping=MAPPING)
    assert (upload.state, upload.error["code"]) == (Upload.FAILED, "context_of_persons")
    assert told(alice) == []


@pytest.mark.parametrize("value", ["ann@example.com", "+49 170 1234567", "id 123456"])
def test_a_row_whose_context_looks_like_one_persons_is_rejected_by_itself(alice, value):
    agree(alice, "u1")
    upload = process(alice, sales(("u1", value, ""), ("u1", "Area 51", "")), mapping=MAPPING)
    assert told(alice) == [{"country": "Area 51"}]
    assert {code for _, code in outcomes(upload)} == {"context_personal"}


@pytest.mark.parametrize("key", ["context", "context_text"])
@pytest.mark.parametrize("value", ["FR", "123", "[1]"])
def test_a_key_may_have_any_name(alice, key, value):
    agree(alice, "u1")
    sent(alice, event(context={key: value, "channel": "web"}))
    assert told(alice) == [{key: value, "channel": "web"}]


def test_what_a_public_key_tells_refuses_nothing_either(alice):
    agree(alice, "u1")
    acts = [event(event_id=str(n), context={f"k{n}": "x"}) for n in range(5)]
    assert post(alice, {"events": acts}, key=public_key(alice)).status_code == 202
    assert told(alice) == [None] * 5


def test_a_row_whose_context_is_too_long_or_cannot_be_stored_is_rejected_by_itself(alice):
    agree(alice, "u1")
    rows = (("u1", "x" * 101, ""), ("u1", "a\x00b", ""), ("u1", "France", ""))
    upload = process(alice, sales(*rows), mapping=MAPPING)
    assert told(alice) == [{"country": "France"}]
    assert {code for _, code in outcomes(upload)} == {"text_too_long", "control_character"}


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"context.Country": "Country"}, "unknown_field"),
        ({"context.": "Country"}, "unknown_field"),
        ({f"context.k{n}": "Country" for n in range(5)}, "too_much_context"),
        ({"context.country": "Land"}, "column_not_found"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(mapping, code):
    with pytest.raises(UploadRefused) as refused:
        make_plan("events", HEAD.split(","), mapping=mapping)
    assert refused.value.code == code


def test_only_events_have_a_context():
    with pytest.raises(UploadRefused) as refused:
        make_plan("items", ["item_id", "Country"], mapping={"context.country": "Country"})
    assert refused.value.code == "unknown_field"


def test_a_streamed_event_may_tell_its_context(alice):
    agree(alice, "u1")
    sent(
        alice,
        event(event_id="1", occurred_at="2026-03-01T10:00:00Z", context={"country": "FR"}),
        event(event_id="2", occurred_at="2026-03-01T11:00:00Z", context={"channel": "shop"}),
        event(event_id="3", occurred_at="2026-03-01T12:00:00Z"),
    )
    assert told(alice) == [{"country": "FR"}, {"channel": "shop"}, None]


def test_what_a_public_key_tells_beside_an_act_is_left_aside(alice):
    agree(alice, "u1")
    answer = sent(alice, event(context={"country": "FR"}), key=public_key(alice))
    assert (ended(answer), told(alice)) == ([], [None])


@pytest.mark.parametrize(
    "context",
    [{"Country": "FR"}, {"a.b": "c"}, dict.fromkeys("abcde", "x"), {"country": 7}, ["FR"]],
)
def test_a_context_of_another_form_is_refused_and_nothing_is_stored(alice, context):
    agree(alice, "u1")
    before = kept(alice)
    assert post(alice, event(context=context)).status_code == 400
    assert kept(alice) == before


def test_a_request_with_more_keys_than_are_kept_is_refused_whole(alice):
    agree(alice, "u1")
    before = kept(alice)
    acts = [event(event_id=str(n), context={f"k{n}": "x"}) for n in range(5)]
    reply = post(alice, {"events": acts})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "too_much_context")
    assert kept(alice) == before
