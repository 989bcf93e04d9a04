"""Training that starts by itself: each reason with given rows, and everything that forbids it."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, Item, Upload
from tenants.errors import AppError
from tenants.work import queue
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import make_serving, stock
from training.jobs import life
from training.jobs.automatic import retrain, retrain_tainted
from training.jobs.control import DEFAULT_BASE, create_job
from training.jobs.models import Job, RetrainingRule, Snapshot, Version
from training.jobs.rules import rule, set_rule
from training.jobs.services import set_standing_approval

PEOPLE = range(12)


@pytest.fixture(scope="module")
def ready(made_once, artifact):
    """A business with data, a version that serves, made two days ago of all its data, and a
    standing approval: nothing is due."""
    business = make_serving(PEOPLE, artifact)
    with business.scope:
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=business.actor)
        made = now() - timedelta(days=2)
        Job.objects.update(created_at=made, base_model=DEFAULT_BASE)
        Snapshot.objects.update(created_at=made, events=Event.objects.count())
    return business


def waited(business, **how) -> None:
    """As if so much time had gone by since the last snapshot."""
    with business.scope:
        Snapshot.objects.update(created_at=now() - timedelta(**how))


def held(business, events: float) -> None:
    """As if the last snapshot had held this share of the events there are now."""
    with business.scope:
        Snapshot.objects.update(events=int(Event.objects.count() * events))


def started(business) -> list[str]:
    with business.scope:
        return list(Job.objects.exclude(trigger="manual").values_list("trigger", flat=True))


def test_nothing_starts_while_nothing_is_due(ready):
    assert retrain(ready.tenant.id) == ""
    assert started(ready) == []


def test_training_starts_on_schedule(ready):
    waited(ready, days=8)
    assert retrain(ready.tenant.id) == "schedule"
    assert started(ready) == ["schedule"]


def test_what_starts_by_itself_takes_one_device_where_no_machine_has_more(ready):
    with ready.scope:
        Job.objects.update(params={"devices": 2, "dim": 16})
    waited(ready, days=8)
    assert retrain(ready.tenant.id) == "schedule"
    with ready.scope:
        assert Job.objects.order_by("-created_at").first().params == {"dim": 16}


def test_training_starts_when_a_fifth_more_came(ready):
    held(ready, 0.9)
    assert retrain(ready.tenant.id) == ""
    with ready.scope:
        RetrainingRule.objects.update(looked_at=now() - timedelta(hours=2))
    held(ready, 0.8)
    assert retrain(ready.tenant.id) == "new_data"
    assert started(ready) == ["new_data"]


def test_data_are_counted_once_an_hour_at_most(ready):
    assert retrain(ready.tenant.id) == ""
    held(ready, 0.5)
    assert retrain(ready.tenant.id) == ""
    assert started(ready) == []


def test_training_starts_when_people_take_up_items_that_the_version_does_not_know(ready):
    with ready.scope:
        newest = Event.objects.order_by("-occurred_at").first()
        recent = Event.objects.filter(occurred_at__gt=newest.occurred_at - timedelta(days=7))
        strange = Item.objects.create(external_id="new", title="New")
        ids = list(recent.values_list("id", flat=True))
        if len(ids) < 50:  # a week of twelve people is too little to tell: look at more of them
            more = Event.objects.exclude(id__in=ids).values_list("id", flat=True)[:100]
            Event.objects.filter(id__in=list(more)).update(occurred_at=newest.occurred_at)
            ids += list(more)
        Event.objects.filter(id__in=ids[: len(ids) // 3]).update(item=strange)
    assert retrain(ready.tenant.id) == "drift"
    assert started(ready) == ["drift"]


def test_a_job_ordered_before_there_were_data_does_not_keep_the_first_training_back(alice):
    with alice.scope:
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=alice.actor)
        early = create_job(actor=alice.actor)
    run_waiting("default")
    stock(alice, PEOPLE, first_item=2 * shop.FIRST_ITEM)
    with alice.scope:
        early.refresh_from_db()
        assert (early.state, early.error["code"]) == (life.FAILED, "too_little_data")
        queue.enqueue("first_training", tenant_id=alice.tenant.id, object_id=alice.tenant.id)
    run_waiting("default")
    assert started(alice) == ["first_data"]


def test_taint_starts_training_at_once(ready):
    with ready.scope:
        version = Version.objects.get()
        assert retrain_tainted(version=version) is None
        version.tainted_at = now()
        assert retrain_tainted(version=version).trigger == "taint"
        assert retrain_tainted(version=version) is None
    assert started(ready) == ["taint"]


def forbid(business, what: str) -> None:
    with business.scope:
        if what == "no approval":
            set_standing_approval(enabled=False, reason="Not now.", actor=business.actor)
        elif what == "an open job":
            Job.objects.create(base_model="tiny", actor_ref="x", state=life.PAUSED)
            Job.objects.update(created_at=now() - timedelta(days=3))
        elif what == "an upload under way":
            Upload.objects.update(state=Upload.RUNNING)
        elif what == "a job of today":
            Job.objects.update(created_at=now() - timedelta(hours=3))
        elif what == "the rule":
            set_rule(every_days=0, new_share=0, unknown_share=0, actor=business.actor)


@pytest.mark.parametrize(
    "what", ["no approval", "an open job", "an upload under way", "a job of today", "the rule"]
)
def test_whatever_is_due_some_things_forbid_it(ready, what):
    waited(ready, days=30)
    held(ready, 0.1)
    forbid(ready, what)
    assert retrain(ready.tenant.id) == ""
    assert started(ready) == []


def test_a_used_up_month_starts_nothing_and_breaks_nothing(ready, monkeypatch):
    from tenants.errors import TooMany
    from training.jobs import control

    def refuse(meter):
        raise TooMany("quota_exceeded", "Used up.", retry_after=60)

    monkeypatch.setattr(control, "check_month", refuse)
    waited(ready, days=30)
    assert retrain(ready.tenant.id) == ""
    assert started(ready) == []


def test_a_rule_is_changed_with_a_record_and_a_senseless_one_refused(alice):
    with alice.scope:
        assert (rule().every_days, rule().new_share, rule().unknown_share) == (7, 0.2, 0.2)
        for wrong in ({"every_days": -1}, {"new_share": 1.5}, {"unknown_share": -0.1}):
            given = {"every_days": 7, "new_share": 0.2, "unknown_share": 0.2, **wrong}
            with pytest.raises(AppError) as refused:
                set_rule(**given, actor=alice.actor)
            assert refused.value.code == "bad_rule"
        assert not RetrainingRule.objects.exists()
        set_rule(every_days=30, new_share=0.5, unknown_share=0.0, actor=alice.actor)
        assert rule().every_days == 30
        assert AuditEntry.objects.order_by("seq").last().action == "retraining.rule_set"


def test_one_tenants_rule_starts_nothing_at_another(ready, bob):
    waited(ready, days=30)
    assert retrain(bob.tenant.id) == ""
    assert started(ready) == started(bob) == []
