"""A file of consent records, from the door to the ledger."""

import functools
from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.behaviour.models import Upload
from tenants.behaviour.processing import working
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.subjects.directory import external_id_of
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.run import run_one, run_waiting
from tests.tenants.behaviour.uploads import (
    accept,
    adds_up,
    events,
    fresh,
    outcomes,
    process,
    stored,
    told,
)
from tests.tenants.consent.acts import archive

CONSENTS_HEAD = (
    "user_id,purpose,event,event_time,lawful_basis,notice_id,notice_version,notice_lang,"
    "collection_method,jurisdiction,age_band,record_id,guardian_record_id"
)


def consent_line(user, event="given", day="01", purpose="service", notice="privacy", **more):
    named = ("consent", notice, "1", "en", "web_form", "GB") if event == "given" else ("",) * 6
    tail = (more.get("age", ""), more.get("record", ""), more.get("guardian", ""))
    return ",".join((user, purpose, event, f"2026-02-{day}T10:00:00Z", *named, *tail))


def consents(*lines: str) -> bytes:
    return "\n".join((CONSENTS_HEAD, *lines, "")).encode()


def states(business) -> dict[str, str]:
    with business.scope:
        return {
            external_id_of(state.subject): state.code or state.state
            for state in ConsentState.objects.select_related("subject")
        }


def test_a_file_of_consents_lands_in_the_ledger(alice):
    archive(alice)
    upload = process(
        alice,
        consents(
            consent_line("u1"),
            consent_line("u2"),
            consent_line("u2", "withdrawn", "02"),
            consent_line("u3", notice="nothing"),
            consent_line("u4", purpose="marketing"),
            consent_line("u5", event="agreed"),
        ),
        Upload.CONSENTS,
    )
    assert outcomes(upload) == {
        ("rejected", "unknown_event"): (1, [6]),
        ("rejected", "notice_unknown"): (1, [4]),
        ("rejected", "purpose_not_in_notice"): (1, [5]),
    }
    assert (upload.report["accepted"], adds_up(upload)) == (3, True)
    assert states(alice) == {"u1": "given", "u2": "withdrawn"}
    actions = [action for action, _ in told(alice, upload)]
    assert actions == ["upload.accepted", "consent.uploaded", "upload.finished"]
    with alice.scope:
        record = ConsentRecord.objects.get(row_no=3)
        details = dict(told(alice, upload))["consent.uploaded"]
    assert (record.upload_id, record.event) == (upload.id, "withdrawn")
    assert details["counts"]["accepted"] == 3
    assert [len(root) for root in details["roots"]] == [64]


def test_the_same_consents_twice_count_once(alice):
    archive(alice)
    content = consents(consent_line("u1", record="A"), consent_line("u2"))
    process(alice, content, Upload.CONSENTS)
    again = process(alice, content, Upload.CONSENTS)
    assert outcomes(again) == {("duplicate", "already_stored"): (2, [1, 2])}
    with alice.scope:
        assert ConsentRecord.objects.count() == 2


def test_an_id_that_a_file_gives_twice_swallows_no_withdrawal(alice):
    """Many systems number the person's choice, not the act."""
    archive(alice)
    content = consents(
        consent_line("u1", record="A"), consent_line("u1", "withdrawn", "02", record="A")
    )
    upload = process(alice, content, Upload.CONSENTS)
    assert upload.report["accepted"] == 2
    assert states(alice) == {"u1": "withdrawn"}
    again = process(alice, content, Upload.CONSENTS)
    assert outcomes(again) == {("duplicate", "already_stored"): (2, [1, 2])}


def test_a_child_is_guarded_by_a_record_that_is_stored(alice):
    """Acceptance statement 10: a guardian's id that leads nowhere guards nobody."""
    archive(alice)
    process(alice, consents(consent_line("parent", record="G")), Upload.CONSENTS)
    upload = process(
        alice,
        consents(
            consent_line("child", age="under_13", guardian="G"),
            consent_line("other", age="under_13", guardian="H"),
            consent_line("third", age="toddler"),
        ),
        Upload.CONSENTS,
    )
    assert outcomes(upload) == {("rejected", "unknown_age_band"): (1, [3])}
    assert states(alice) == {
        "parent": "given",
        "child": "given",
        "other": "minor_no_guardian",
    }
    held = process(alice, events(("other", "i1", "01"), ("child", "i1", "01")))
    assert outcomes(held) == {("quarantined", "minor_no_guardian"): (1, [1])}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("rows", [1, 100])
def test_s10_a_guardian_may_stand_behind_the_child_in_one_file(alice, monkeypatch, backwards, rows):
    """Acceptance statement 10: what is known counts, not its order; also in another batch, and
    where one name stands for the choice of all purposes.
    """
    small = functools.partial(open_table, limits=Limits(batch_rows=rows))
    monkeypatch.setattr(working, "open_table", small)
    archive(alice)
    both = ("service", "model_training")
    lines = [
        *(consent_line("parent", purpose=purpose, record="G") for purpose in both),
        consent_line("gone", record="W"),
        consent_line("gone", "withdrawn", "01", record="W"),
        *(consent_line(f"child-{n}", day="02", purpose=purpose, age="under_13", guardian="G")
          for n, purpose in enumerate(both)),
        consent_line("other", day="02", age="under_13", guardian="W"),
    ]  # fmt: skip
    process(alice, consents(*(lines[::-1] if backwards else lines)), Upload.CONSENTS)
    assert states(alice) == {
        "parent": "given",
        "gone": "withdrawn",
        "child-0": "given",
        "child-1": "given",
        "other": "minor_no_guardian",
    }


def test_a_child_is_guarded_by_a_record_that_its_file_repeats(alice):
    archive(alice)
    parent = consent_line("parent", record="G")
    process(alice, consents(parent), Upload.CONSENTS)
    child = consent_line("child", day="03", age="under_13", guardian="G")
    again = process(alice, consents(parent, child), Upload.CONSENTS)
    assert outcomes(again) == {("duplicate", "already_stored"): (1, [1])}
    assert states(alice) == {"parent": "given", "child": "given"}


def test_consents_are_processed_before_events_that_came_later(alice):
    archive(alice)
    accept(alice, consents(consent_line("u1")), Upload.CONSENTS)
    upload = accept(alice, events(("u1", "i1", "01")))
    WorkItem.objects.filter(object_id=upload.id).update(run_at=now() - timedelta(hours=1))
    events_first = queue.claim("default")
    assert events_first and events_first.object_id == upload.id and run_one(events_first)
    assert fresh(alice, upload).state == Upload.RECEIVED
    run_waiting("default")
    assert fresh(alice, upload).state == Upload.DONE
    assert stored(alice) == [("u1", "i1", "01")]
