"""The page on which a person says how a file is read: from a messy export to stored rows."""

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from dashboard.wording.mapping import ENCODINGS
from tenants.accounts.models import Role
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.models import Event, Item, Upload
from tenants.behaviour.reading.encodings import known_codec
from tenants.behaviour.types.event_types import set_event_type
from tenants.work.run import run_waiting
from tests.platform.dashboard.test_pages import text_of
from tests.tenants.behaviour.uploads import agree

MESSY = (
    "Käufer;Artikel;Wann;Sterne;Land;Mail\n"
    "cust-1;movie-10;2026/03/01 10:00;4,5;France;ann@example.com\n"
    "cust-1;movie-11;2026/03/01 10:05;3,0;France;ann@example.com\n"
    "cust-2;movie-10;2026/03/02 11:00;2,5;Spain;bob@example.com\n"
    "cust-2;movie-12;soon;1,0;Spain;bob@example.com\n"
).encode()


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def sent(business, content: bytes = MESSY, kind: str = "events") -> str:
    """The address of the page of an upload that was looked into."""
    file = SimpleUploadedFile("mine.csv", content)
    reply = business.browser().post("/data/upload/", {"kind": kind, "file": file})
    assert reply.status_code == 302 and reply["Location"].endswith("/mapping/")
    run_waiting("default")
    return reply["Location"]


def shown(business, address: str) -> str:
    reply = business.browser().get(address)
    assert reply.status_code == 200
    return unescape(reply.content.decode())


def chosen(page: str) -> dict[str, str]:
    """What the form would send as it stands."""
    found = {}
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        selected = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = selected[1] if selected else ""
    inputs = re.findall(r'<input type="text" name="([^"]+)"(?: value="([^"]*)")?', page)
    return {**found, **dict(inputs)}


def act(business, address: str, do: str, **changes: str):
    data = {**chosen(shown(business, address)), "do": do, **changes}
    return business.browser().post(f"{address}act/", data)


def test_a_messy_export_goes_from_its_file_to_stored_rows_as_proposed(alice):
    agree(alice, "cust-1", "cust-2")
    address = sent(alice)
    form = chosen(shown(alice, address))
    assert {name: form.get(f"field-{name}") for name in ("user_id", "item_id", "occurred_at")} == {
        "user_id": "Käufer", "item_id": "Artikel", "occurred_at": "Wann",
    }  # fmt: skip
    assert (form["default_type"], form["decimal_mark"]) == ("rating", ",")
    reply = act(alice, address, "start", **{"field-value": "Sterne"})
    assert (reply.status_code, reply["Location"]) == (302, address.removesuffix("mapping/"))
    run_waiting("default")
    with alice.scope:
        upload = Upload.objects.get()
        assert (upload.state, upload.report["accepted"]) == (Upload.DONE, 3)
        values = Event.objects.order_by("occurred_at").values_list("value", flat=True)
        assert list(values) == [4.5, 3.0, 2.5]
        assert set(Event.objects.values_list("context", flat=True)) == {None}


def test_dates_with_the_year_last_are_read_as_the_page_proposes(alice):
    agree(alice, "1")
    head = b"user,item,time\n"
    address = sent(alice, head + b"1,a,31/12/2025 2:30 PM\n1,b,1/2/2026 11:00 AM\n")
    form = chosen(shown(alice, address))
    assert (form["field-occurred_at"], form["date_order"]) == ("time", "day")
    act(alice, address, "start", default_type="view")
    run_waiting("default")
    with alice.scope:
        times = Event.objects.order_by("occurred_at").values_list("occurred_at", flat=True)
        assert [f"{one:%Y-%m-%d %H:%M}" for one in times] == [
            "2025-12-31 14:30",
            "2026-02-01 11:00",
        ]


def test_types_that_the_tenant_added_are_offered_and_read(alice):
    with alice.scope:
        set_event_type(name="Booked", weight=0.5, trade=True, aliases=["buchung"],
                       actor=alice.actor)  # fmt: skip
    address = sent(alice, b"user,item,time,what\n1,a,2026-03-01,Buchung\n2,b,2026-03-02,view\n")
    page = shown(alice, address)
    assert chosen(page)["field-type"] == "what"
    assert '<option value="Booked">Booked</option>' in page
    assert text_of(alice.browser().get(address)).count("Booked") == 2  # offered, and read


def test_ids_of_people_and_values_of_unread_columns_are_not_shown(alice):
    page = shown(alice, sent(alice))
    assert "Person 1" in page and "Person 2" in page and "movie-10" in page
    assert "cust-1" not in page and "ann@example.com" not in page and "France" not in page
    assert "2 different values" in page


def test_a_choice_is_read_at_once_and_kept_nowhere(alice):
    address = sent(alice)
    form = chosen(shown(alice, address))
    data = {**form, "field-value": "Sterne", "decimal_mark": "."}
    reply = alice.browser().post(f"{address}read/", data, headers={"HX-Request": "true"})
    text = unescape(text_of(reply))
    assert reply.status_code == 200 and "set the file's decimal mark" in text
    missing = alice.browser().post(f"{address}read/", {**form, "field-user_id": ""})
    assert "Still missing: user_id" in unescape(text_of(missing))
    with alice.scope:
        assert Upload.objects.get().options["mapping"] == {}


def test_a_column_tells_groups_only_where_it_is_chosen(alice):
    agree(alice, "cust-1", "cust-2")
    address = sent(alice)
    page = shown(alice, address)
    (place,) = re.findall(r'<label for="more-(\d+)">Land', page)
    assert chosen(page)[f"more-{place}"] == "left_out"
    act(alice, address, "start", **{f"more-{place}": "context"})
    run_waiting("default")
    with alice.scope:
        assert {event.context["land"] for event in Event.objects.all()} == {"France", "Spain"}


def test_further_columns_of_items_are_kept_unless_left_out(alice):
    content = b"sku,Title,Colour,Shelf\n1,Mug,blue,A\n2,Lamp,red,B\n"
    address = sent(alice, content, "items")
    page = shown(alice, address)
    assert "blue · red" in page
    (shelf,) = re.findall(r'<label for="more-(\d+)">Shelf', page)
    act(alice, address, "start", **{f"more-{shelf}": "left_out"})
    run_waiting("default")
    with alice.scope:
        assert Item.objects.get(external_id="1").attributes == {"Colour": "blue"}


def test_a_check_shows_its_report_and_the_next_file_is_proposed_as_this_one(alice):
    agree(alice, "cust-1")
    address = sent(alice)
    assert act(alice, address, "check")["Location"] == address
    waits = alice.browser().get(address, headers={"HX-Request": "true"})
    assert "Being checked" in unescape(text_of(waits))
    run_waiting("default")
    page = shown(alice, address)
    assert "What would become of every row" in page and "Would be stored." in page
    with alice.scope:
        assert not Event.objects.exists()
    assert act(alice, address, "start").status_code == 302
    run_waiting("default")
    assert "As you chose for the last such file" in shown(alice, sent(alice))


def test_what_cannot_be_read_so_comes_back_with_the_choices(alice):
    address = sent(alice)
    for changes, said in (
        ({"field-user_id": ""}, "No column was found for: user_id"),
        ({"timezone": "Mars"}, "Write an IANA name"),
    ):
        reply = act(alice, address, "start", **changes)
        assert reply.status_code == 422 and said in unescape(text_of(reply))
    with alice.scope:
        assert Upload.objects.get().state == Upload.MAPPING


def test_what_was_said_of_other_columns_is_forgotten(alice):
    address = sent(alice)
    act(alice, address, "check", **{"field-order_id": "Sterne"})
    run_waiting("default")
    act(alice, address, "again", delimiter=",")
    run_waiting("default")
    form = chosen(shown(alice, address))
    assert form["field-order_id"] == "" and "Käufer;Artikel" in shown(alice, address)


@pytest.mark.parametrize("far", ["9999-12-31 23:59:59", "9999-12-31T23:59:59-05:00", "0001-01-01"])
def test_a_time_at_the_end_of_the_calendar_breaks_no_page(alice, far):
    address = sent(alice, f"user_id,item_id,type,occurred_at\nu,i,view,{far}\n".encode())
    assert "The first rows as they would be read" in shown(alice, address)


def test_options_that_no_field_shows_are_remembered_too(alice):
    agree(alice, "cust-1")
    with alice.scope:
        plain = UploadOptions(pseudo_items=()).to_plain()
    first = sent(alice)
    with alice.scope:
        Upload.objects.update(
            options={
                **Upload.objects.get().options,
                "options": {"pseudo_items": plain["pseudo_items"]},
            }
        )
    act(alice, first, "start")
    run_waiting("default")
    act(alice, sent(alice), "start")
    run_waiting("default")
    with alice.scope:
        latest = Upload.objects.order_by("-id").first()
        assert latest.options["options"]["pseudo_items"] == plain["pseudo_items"]


def test_a_wide_catalogue_keeps_as_many_attributes_as_there_is_room_for(alice):
    heads = ",".join(f"c{n}" for n in range(60))
    cells = ",".join("x" for _ in range(60))
    address = sent(alice, f"item_id,title,{heads}\n1,Mug,{cells}\n".encode(), "items")
    act(alice, address, "start")
    run_waiting("default")
    with alice.scope:
        assert len(Item.objects.get().attributes) == 40


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name])
def test_every_encoding_that_is_offered_can_be_read(encoding):
    assert known_codec(encoding)


def test_another_delimiter_is_tried_and_the_file_given_up(alice):
    address = sent(alice)
    assert act(alice, address, "again", delimiter=",")["Location"] == address
    run_waiting("default")
    assert "Käufer;Artikel" in shown(alice, address)
    assert act(alice, address, "give_up")["Location"] == address.removesuffix("mapping/")
    with alice.scope:
        assert Upload.objects.get().state == Upload.FAILED


def test_a_file_that_could_not_be_opened_asks_for_its_encoding(alice):
    address = sent(alice, b"user_id,user_id,item\n1,2,3\n")
    page = shown(alice, address)
    assert "The file could not be opened so" in page and "Open it so" in page
    assert "Store it" not in page


def test_the_page_of_the_upload_and_the_list_lead_to_it(alice):
    address = sent(alice)
    assert "Waits for you" in shown(alice, "/data/")
    page = shown(alice, address.removesuffix("mapping/"))
    assert f'href="{address}"' in page and "hx-trigger" not in page


def test_nobody_else_sees_it(alice, bob):
    address = sent(alice)
    assert bob.browser().get(address).status_code == 404
    assert alice.browser(Role.AUDITOR).get(address).status_code == 403
    consents = sent(alice, b"user_id,purpose,event,event_time\nu,service,given,x\n", "consents")
    assert alice.browser(Role.ANALYST).get(consents).status_code == 403


def test_hostile_headings_are_shown_as_text(alice):
    evil = "<script>alert(1)</script>"
    address = sent(alice, f"user_id,item_id,{evil}\n1,2,3\n".encode())
    page = alice.browser().get(address).content.decode()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
