"""How much may wait for consent at once: a tenth of a month's events, whoever sends them."""

import pytest

from tenants.accounts.models import Tenant
from tenants.behaviour.models import Event, Item, QuarantinedRow
from tenants.consent.vocabulary import ConsentEvent
from tenants.subjects.models import Subject
from tenants.work.run import run_waiting
from tests.tenants.behaviour.streams import counts, ended, event, public_key, sent
from tests.tenants.behaviour.uploads import adds_up, agree, events, outcomes, process, tell

NOBODY = [event(user_id=f"n{n}", item_id=f"x{n}") for n in range(9)]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


@pytest.fixture
def narrow(alice):
    """Room for three, of which two are taken; u1 has consented."""
    agree(alice, "u1")
    sent(alice, event(user_id="u2"), event(user_id="u3"))
    with alice.scope:
        Tenant.objects.update(granted={"events_per_month": 39})
    return alice


def kept(business) -> tuple[int, int, int, int]:
    with business.scope:
        tables = (Event, QuarantinedRow, Item, Subject)
        return tuple(table.objects.count() for table in tables)


def test_what_finds_no_room_is_refused_and_consented_events_are_not(narrow):
    answer = sent(narrow, *NOBODY[:2], event(item_id="i2"), event(user_id="u2"))
    assert ended(answer) == [
        (0, "quarantined", "no_record"),
        (1, "rejected", "quarantine_full"),
        (3, "duplicate", "already_stored"),
    ]
    assert counts(answer) == {
        "received": 4, "accepted": 1, "duplicate": 1, "quarantined": 1, "rejected": 1,
    }  # fmt: skip
    assert answer["rows"][1]["message"].startswith("Too many events wait for consent")
    assert kept(narrow) == (1, 3, 3, 4)


def test_the_report_of_a_file_says_so_too(narrow):
    upload = process(
        narrow,
        events(("n1", "i1", "01"), ("n2", "i7", "02"), ("u1", "i1", "03"), ("n3", "i1", "04")),
    )
    assert adds_up(upload)
    assert outcomes(upload) == {
        ("quarantined", "no_record"): (1, [1]),
        ("rejected", "quarantine_full"): (2, [2, 4]),
    }
    assert kept(narrow) == (1, 3, 1, 4)


def test_a_public_key_learns_nothing_of_it(narrow):
    """Else it would tell who has consented: only their events would still be taken."""
    before = kept(narrow)
    answer = sent(narrow, *NOBODY, event(), key=public_key(narrow))
    assert (counts(answer), answer["rows"]) == ({"received": 10, "accepted": 10}, [])
    assert kept(narrow) == (1, 3, before[2] + 1, before[3] + 1)


def test_consent_makes_room(narrow):
    sent(narrow, *NOBODY[:1])
    assert ended(sent(narrow, NOBODY[1])) == [(0, "rejected", "quarantine_full")]
    tell(narrow, ConsentEvent.GIVEN, ["u2"])
    run_waiting("default")
    assert ended(sent(narrow, NOBODY[1])) == [(0, "quarantined", "no_record")]


def test_another_tenants_rows_take_no_room(narrow, bob):
    sent(narrow, *NOBODY)
    assert counts(sent(bob, *NOBODY)) == {"received": 9, "quarantined": 9}
