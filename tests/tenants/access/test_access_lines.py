"""A line per request, without its query; of a flood of refusals one line a second for each key."""

import logging
import re
from http.client import HTTPConnection
from time import sleep
from uuid import uuid4

import pytest
from django.conf import settings

from attune.wsgi import application
from launcher.ports import HOST
from tenants.access.access_lines import AccessLines, Floods
from tenants.access.door import KEY
from tenants.accounts.models import Tenant
from tenants.ids import public_id
from tests.doors import ask
from tests.web_server import WebServer, served

NAME = "tenants.access.access_lines"
LINE = re.compile(
    r"\S+Z INFO tenants\.access\.access_lines \[(req_\w+)\] "
    r"(\w+) (\S+) (\d{3}) (\d+|-) bytes \d+\.\d ms"
)
MORE = re.compile(r"(\d+) more refused with 429 of (key_\w+)")


@pytest.fixture
def lines(caplog, monkeypatch):
    """What was logged about requests so far; of no flood that another test began."""
    monkeypatch.setattr(application, "_floods", Floods())
    with caplog.at_level(logging.INFO, NAME):
        yield lambda: [record.getMessage() for record in caplog.records if record.name == NAME]


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def refusing():
    """The wrapper around an application that refuses whatever this key asks; its clock."""
    clock = Clock()

    def refuse(environ, start_response):
        environ[KEY] = environ.get("HTTP_KEY")
        start_response("429 Too Many Requests", [("Content-Length", "2")])
        return [b"no"]

    return AccessLines(refuse, clock), clock


def test_a_line_tells_what_was_asked_and_answered_and_not_of_whom(alice, lines, caplog):
    reply = ask(application, "/v1/uploads?user_id=person-4711", headers=alice.headers)
    (line,) = lines()
    assert re.fullmatch(rf"GET /v1/uploads 200 {len(reply.body)} bytes \d+\.\d ms", line)
    (record,) = [each for each in caplog.records if each.name == NAME]
    assert record.request_id == reply.headers["x-request-id"]
    assert alice.key not in caplog.text


def test_what_the_door_refuses_has_its_line_too(lines):
    reply = ask(application, "/v1/consents", method="POST", headers={"Transfer-Encoding": "x"})
    (line,) = lines()
    assert line.startswith(f"POST /v1/consents 411 {len(reply.body)} bytes ")


def test_an_answer_that_is_a_fault_of_ours_has_its_line_and_goes_on_to_the_server(lines):
    def broken(environ, start_response):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(AccessLines(broken), "/v1/uploads")
    (line,) = lines()
    assert line.startswith("GET /v1/uploads 500 - bytes ")


def test_a_path_is_written_as_its_sender_meant_it(lines, refusing):
    ask(refusing[0], "/é/".encode().decode("latin-1"))
    ask(refusing[0], "/\xff")
    assert [line.split()[1] for line in lines()] == ["/é/", "/\ufffd"]


def test_of_a_flood_one_line_a_second_is_written_that_tells_how_many(lines, refusing):
    wrapped, clock = refusing
    key = uuid4()
    for _ in range(2000):  # 200 a second
        ask(wrapped, "/v1/usage", headers={"Key": key})
        clock.now += 0.005
    written = lines()
    assert written[0].startswith("GET /v1/usage 429 2 bytes ")
    told = [MORE.fullmatch(line).groups() for line in written[1:]]
    assert {name for _, name in told} == {public_id("key", key)}
    assert 8 <= len(told) <= 10
    clock.now += 1
    ask(wrapped, "/healthz")  # any later request brings the end of it out
    rest = lines()[len(written) :]
    counts = [int(count) for count, _ in told] + [int(MORE.fullmatch(rest[0])[1])]
    assert 1 + sum(counts) == 2000


def test_each_key_has_a_line_of_its_own_and_a_stranger_is_never_folded(lines, refusing):
    wrapped, _ = refusing
    first, second = uuid4(), uuid4()
    for _ in range(3):
        ask(wrapped, "/first", headers={"Key": first})
        ask(wrapped, "/second", headers={"Key": second})
        ask(wrapped, "/without")
    paths = [line.split()[1] for line in lines()]
    assert sorted(paths) == ["/first", "/second", "/without", "/without", "/without"]


def test_a_key_that_is_refused_now_and_then_keeps_its_lines_and_is_forgotten(lines, refusing):
    wrapped, clock = refusing
    for _ in range(3):
        ask(wrapped, "/v1/usage", headers={"Key": uuid4()})
        clock.now += 1.5
    assert [line.split()[0] for line in lines()] == ["GET"] * 3
    ask(wrapped, "/healthz")
    assert wrapped._floods._floods == {}


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory):
    with served(tmp_path_factory.mktemp("web")) as made:
        yield made


def test_every_line_of_the_real_server_has_one_form(server: WebServer):
    reply = server.ask("/nowhere/?user_id=person-4711")
    found = [LINE.fullmatch(line) for line in server.lines()]
    mine = [match.groups() for match in found if match and match[3] == "/nowhere/"]
    length = str(len(reply.body))
    assert mine == [(reply.headers["x-request-id"], "GET", "/nowhere/", "404", length)]
    assert "person-4711" not in server.log.read_text()
    own = [line for line in server.lines() if " _granian" in line]
    assert len(own) > 3
    assert all(re.match(r"\S+Z (INFO|WARNING) _granian[\w.]* \[-\] ", line) for line in own)


def test_a_flood_against_the_real_server_is_counted_whole_and_written_short(server, committed):
    alice = committed("Alice")
    with alice.scope:
        Tenant.objects.update(granted={"requests_per_second": 1.0, "burst": 1})
    line = HTTPConnection(HOST, server.port, timeout=10)
    statuses = []
    for _ in range(300):
        line.request("GET", "/v1/usage", headers=alice.headers)
        answer = line.getresponse()
        answer.read()
        statuses.append(answer.status)
    sleep(1.1)
    line.request("GET", "/healthz")
    assert line.getresponse().read() == b"ok"
    line.close()
    refused = statuses.count(429)
    assert refused > 200
    own = sum(1 for each in server.lines() if " GET /v1/usage 429 " in each)
    more = [int(found[1]) for each in server.lines() if (found := MORE.search(each))]
    assert own + sum(more) == refused
    assert own + len(more) < 20
    assert alice.key not in server.log.read_text()


def test_the_servers_own_lines_are_formed_as_the_products_are():
    import json

    given = json.loads((settings.ROOT / "platform" / "attune" / "web_log.json").read_text())
    ours = settings.LOGGING["formatters"]["line"]
    form = given["formatters"]["line"]
    assert form["()"] == ours["()"] == "tenants.access.log_lines.MaskedFormatter"
    assert form["fmt"] == ours["fmt"].replace("%(request_id)s", "-")
    assert given["root"] == settings.LOGGING["root"]
    assert [each["handlers"] for each in given["loggers"].values()] == [[], []]
