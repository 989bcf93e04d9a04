"""A tenant's event types: weights it changes, types it adds, and where both are used."""

import polars as pl
import pytest
from django.test import Client

from recommend.answering import history_of
from recommend.context import context_in_scope
from tenants.audit.models import AuditEntry
from tenants.behaviour.columns.schema import EVENT_TYPES, FIRST_OWN, EventType
from tenants.behaviour.models import Event, TenantEventType, Upload
from tenants.behaviour.types import event_types as room
from tenants.behaviour.types.event_types import event_types, event_types_of, set_event_type
from tenants.behaviour.types.type_table import DEFAULTS, TypeTable
from tenants.errors import AppError
from tests import shop
from tests.stocked import stock
from tests.tenants.behaviour.streams import event, sent
from tests.tenants.behaviour.uploads import agree, outcomes, process
from training.jobs.freezing import freeze

PAGE, SAVE = "/data/types/", "/data/types/save/"


def lay(business, name: str, weight: float = 0.5, aliases=(), *, trade: bool = False) -> EventType:
    with business.scope:
        return set_event_type(
            name=name, weight=weight, trade=trade, aliases=aliases, actor=business.actor
        )


def refusal(business, *told, **how) -> str:
    with pytest.raises(AppError) as caught:
        lay(business, *told, **how)
    return caught.value.code


def test_without_changes_the_table_is_the_default_one(alice):
    with alice.scope:
        assert event_types().types == EVENT_TYPES


def test_the_table_survives_the_way_through_json():
    table = TypeTable.over_defaults([EventType("Song played", FIRST_OWN, 0.4, False, ("played",))])
    assert TypeTable.from_plain(table.to_plain()).types == table.types


def test_a_changed_weight_and_sign_hold_for_one_tenant_alone(alice, bob):
    changed = lay(alice, "Comment", -0.5)
    assert (changed.name, changed.code, changed.positive) == ("comment", 8, False)
    with alice.scope:
        assert event_types().by_name["comment"].weight == -0.5
        entry = AuditEntry.objects.get(action="event_type.set")
        assert entry.object_id == "8"
    with bob.scope:
        assert event_types().by_name["comment"].weight == 0.6
    lay(alice, "comment", 0.6)
    with alice.scope:
        assert TenantEventType.objects.count() == 1


def test_codes_of_own_types_are_never_used_again(alice, bob):
    assert lay(alice, "Song played").code == FIRST_OWN
    assert lay(alice, "Booked").code == FIRST_OWN + 1
    assert lay(alice, "song_played", 0.9).code == FIRST_OWN
    assert lay(bob, "Booked").code == FIRST_OWN
    with alice.scope:
        assert [kind.name for kind in event_types().types if kind.own] == ["Song played", "Booked"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (("", 0.5), "bad_event_type"),
        (("?!", 0.5), "bad_event_type"),
        (("x" * 61, 0.5), "bad_event_type"),
        (("a\x00b", 0.5), "bad_event_type"),
        (("Booked", 0.5, [f"y{n}" for n in range(31)]), "bad_event_type"),
        (("Booked", 0.0), "bad_weight"),
        (("Booked", 1.5), "bad_weight"),
        (("Booked", float("nan")), "bad_weight"),
        (("Booked", 0.5, ["Purchase"]), "type_name_taken"),
        (("rating", 0.5, ["dislike"]), "type_name_taken"),
    ],
)
def test_what_cannot_be_a_type_is_refused(alice, told, code):
    assert refusal(alice, *told) == code


def test_there_is_an_end_to_own_types(alice, monkeypatch):
    monkeypatch.setattr(room, "MOST_OWN", 1)
    lay(alice, "Booked")
    assert refusal(alice, "Rented") == "too_many_types"
    lay(alice, "Booked", 0.2)


def test_own_words_go_before_further_names_of_the_default_table(alice):
    """ "review" means a comment, unless a tenant means something else by it."""
    assert DEFAULTS.codes["review"] == 8
    assert lay(alice, "Review").code == FIRST_OWN
    lay(alice, "rating", 0.8, ["thumbsdown"])
    with alice.scope:
        codes = event_types().codes
    assert (codes["review"], codes["thumbsdown"], codes["comment"]) == (FIRST_OWN, 5, 8)


def test_a_file_and_a_stream_bring_own_types(alice):
    agree(alice, "u1")
    lay(alice, "Song played", 0.4, ["hört"])
    head = "user_id,item_id,type,occurred_at\n"
    rows = "u1,i1,song-PLAYED,2026-03-01T10:00:00Z\nu1,i2,Hört,2026-03-01T10:00:00Z\n"
    other = "u1,i3,sung,2026-03-01T10:00:00Z\n"
    upload = process(alice, (head + rows + other).encode())
    assert outcomes(upload) == {("rejected", "unknown_type"): (1, [3])}
    sent(alice, event(item_id="i4", type="song played"))
    with alice.scope:
        assert list(Event.objects.values_list("type", flat=True)) == [FIRST_OWN] * 3


def test_a_whole_file_may_be_of_an_own_type(alice):
    agree(alice, "u1")
    lay(alice, "Booked", trade=True)
    head = "user_id,item_id,occurred_at,quantity,price\n"
    rows = "u1,i1,2026-03-01T10:00:00Z,2,4.5\nu1,i1,2026-03-02T10:00:00Z,0,4.5\n"
    upload = process(alice, (head + rows).encode(), options={"default_type": "booked"})
    assert outcomes(upload) == {("rejected", "bad_quantity"): (1, [2])}
    with alice.scope:
        assert Event.objects.get().value == 9.0
    with pytest.raises(AppError) as caught:
        process(alice, (head + rows).encode(), options={"default_type": "veiw"})
    assert caught.value.code == "bad_option"


def test_a_resumed_upload_keeps_the_table_with_which_it_began(alice):
    upload = process(alice, b"user_id,item_id,type,occurred_at\nu1,i1,view,2026-03-01\n")
    assert TypeTable.from_plain(upload.options["types"]).types == EVENT_TYPES
    assert upload.state == Upload.DONE


def test_another_process_reads_a_change_within_seconds(alice):
    with alice.scope:
        event_types()
        TenantEventType.objects.create(code=FIRST_OWN, name="Booked", weight=0.5, trade=False)
        assert FIRST_OWN not in event_types().by_code
        assert event_types([FIRST_OWN]).by_code[FIRST_OWN].name == "Booked"
        at, table = room._kept[alice.tenant.id]
        TenantEventType.objects.update(weight=0.1)
        assert event_types().by_name["Booked"].weight == 0.5
        room._kept[alice.tenant.id] = at - room.SECONDS, table
        assert event_types().by_name["Booked"].weight == 0.1


def test_a_changed_weight_counts_at_the_next_answer_and_the_next_freezing(alice, tmp_path):
    stock(alice, range(12))
    with alice.scope:
        before = history_of(context_in_scope(shop.user(1)))
        first = freeze(tmp_path / "before", actor=alice.actor)
    kind = before.types[0]
    lay(alice, kind, -0.25)
    with alice.scope:
        after = history_of(context_in_scope(shop.user(1)))
        second = freeze(tmp_path / "after", actor=alice.actor)
    told = {weight for name, weight in zip(after.types, after.weights, strict=True) if name == kind}
    assert told == {-0.25}
    frozen = pl.read_parquet(tmp_path / "after/events.parquet").filter(pl.col("type") == kind)
    assert set(frozen["weight"]) == {-0.25}
    assert TypeTable.from_plain(first.event_types).types == EVENT_TYPES
    assert TypeTable.from_plain(second.event_types).by_name[kind].weight == -0.25
    assert first.sha256 != second.sha256


def test_the_api_tells_the_table(alice, bob):
    lay(alice, "Booked", -0.3, ["rented"], trade=True)
    reply = Client().get("/v1/event_types", headers=alice.headers).json()
    assert reply["data"][-1] == {
        "object": "event_type", "name": "Booked", "weight": -0.3, "trade": True, "own": True,
        "aliases": ["rented"],
    }  # fmt: skip
    assert (len(reply["data"]), reply["has_more"]) == (len(EVENT_TYPES) + 1, False)
    assert len(Client().get("/v1/event_types", headers=bob.headers).json()["data"]) == 11


def test_the_page_shows_changes_and_adds(alice):
    browser = alice.browser()
    page = browser.get(PAGE).content.decode()
    assert "Put into the cart" in page and "Change or add a type" in page
    told = {"name": "Song <played>", "weight": "-0.4", "aliases": "heard, listened"}
    reply = browser.post(SAVE, told)
    assert (reply.status_code, reply["Location"]) == (302, PAGE)
    page = browser.get(PAGE, {"name": "Song <played>"}).content.decode()
    assert "Song &lt;played&gt;" in page and "heard, listened" in page and 'value="-0.4"' in page
    reply = browser.post(SAVE, {"name": "Other", "weight": "0.4", "aliases": "heard"})
    assert reply.status_code == 422
    assert "“heard” names the type Song &lt;played&gt; already" in reply.content.decode()


def test_a_stored_act_is_shown_by_its_own_name(alice):
    agree(alice, "u1")
    lay(alice, "Song played")
    sent(alice, event(type="Song played"))
    with alice.scope:
        (code,) = Event.objects.values_list("type", flat=True)
        assert event_types_of(alice.tenant.id).by_code[code].name == "Song played"
