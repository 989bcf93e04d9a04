"""What the script of the upload form asks for: a file in parts, gone on with after any break."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tenants.accounts.models import Role
from tenants.behaviour.models import Upload
from tenants.work.run import run_waiting
from tests.tenants.behaviour.uploads import EVENTS_HEAD, agree, events

FILE = events(("u1", "i1", "01"), ("u2", "i1", "02"))


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def order(**changes: object) -> dict[str, object]:
    return {"kind": "events", "name": "mine.csv", "bytes": len(FILE)} | changes


def begin(client, **changes: object) -> str:
    reply = client.post("/data/uploads/begin/", order(**changes))
    assert reply.status_code == 200
    return reply.json()["id"]


def part(client, upload: str, offset: int = 0, content: bytes = FILE):
    sent = {"part": SimpleUploadedFile("part", content)}
    return client.post(f"/data/uploads/{upload}/parts/{offset}/", sent)


def test_a_file_goes_from_the_form_to_its_report(alice):
    agree(alice, "u1")
    client = alice.browser()
    upload = begin(client)
    assert part(client, upload).json() == {
        "id": upload, "here": len(FILE), "bytes": len(FILE), "state": "receiving",
    }  # fmt: skip
    reply = client.post(f"/data/uploads/{upload}/complete/")
    assert (reply.status_code, reply.json()) == (
        202,
        {"next": f"/data/uploads/{upload}/mapping/"},
    )
    run_waiting("default")
    said = {"do": "start", "timezone": "UTC", "decimal_mark": "."}
    said |= {f"field-{name}": name for name in EVENTS_HEAD.split(",")}
    assert client.post(f"/data/uploads/{upload}/mapping/act/", said).status_code == 302
    run_waiting("default")
    with alice.scope:
        row = Upload.objects.get()
    assert (row.state, row.report["accepted"], row.name) == ("done", 1, "mine.csv")
    assert client.get(f"/data/uploads/{upload}/").status_code == 200


def test_a_script_that_was_interrupted_is_told_where_to_go_on(alice):
    client = alice.browser()
    upload = begin(client, bytes=3 << 20)
    first = bytes(1 << 20)
    assert part(client, upload, 0, first).json()["here"] == 1 << 20
    found = client.get(f"/data/uploads/{upload}/arrived/").json()
    assert (found["here"], found["state"]) == (1 << 20, "receiving")
    assert found["step"] % (1 << 20) == 0
    gap = part(client, upload, 2 << 20, first)
    assert (gap.status_code, gap.json()["code"], gap.json()["here"]) == (409, "part_gap", 1 << 20)
    page = client.get(f"/data/uploads/{upload}/").content.decode()
    assert "choose the same file again" in page
    assert "Arriving" in client.get("/data/").content.decode()


def test_faults_of_the_form_come_back_as_the_form(alice):
    client = alice.browser()
    for changes, said in (
        ({"bytes": 0}, "The file is empty. Choose another one."),
        ({"bytes": 11 << 30}, "The file is too large."),
    ):
        reply = client.post("/data/uploads/begin/", order(**changes))
        assert reply.status_code == 422
        assert said in reply.content.decode() and "data-upload" in reply.content.decode()
    with alice.scope:
        assert not Upload.objects.exists()


def test_an_analyst_brings_no_consent_records_in_parts(alice):
    analyst, owner = alice.browser(Role.ANALYST), alice.browser()
    assert analyst.post("/data/uploads/begin/", order(kind="consents")).status_code == 422
    upload = begin(owner, kind="consents")
    assert part(analyst, upload).status_code == 403
    assert part(owner, upload).status_code == 200
    assert analyst.post(f"/data/uploads/{upload}/complete/").status_code == 403
    with alice.scope:
        assert Upload.objects.get().state == Upload.RECEIVING


def test_another_tenants_upload_is_not_there(alice, bob):
    upload = begin(alice.browser())
    stranger = bob.browser()
    for reply in (
        part(stranger, upload),
        stranger.get(f"/data/uploads/{upload}/arrived/"),
        stranger.post(f"/data/uploads/{upload}/complete/"),
    ):
        assert (reply.status_code, json.loads(reply.content)["code"]) == (404, "not_found")
