"""Pages with and without data: what they say, and the fragments that htmx takes alone."""

import json
import re
import shutil

import pytest
from django.urls import reverse
from django.utils.timezone import now

from dashboard.pages import models
from recommend.bundles import BundleCache
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Upload
from tests import shop
from tests.stocked import stock
from training.jobs import life
from training.jobs.artifacts import path_of
from training.jobs.models import Job, JobMetric, Publication, StandingApproval, Version


def text_of(reply) -> str:
    """What a reader sees: tags and scripts away, blanks as one."""
    html = re.sub(r"<(script|style)\b.*?</\1>", " ", reply.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def figure_of(reply, name: str) -> dict:
    """The figure that a chart on the page is drawn from."""
    html = reply.content.decode()
    start = html.index(f'id="{name}"')
    found = re.search(r'<script type="application/json">(.*?)</script>', html[start:], re.DOTALL)
    return json.loads(found.group(1))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "First steps"),
        ("/data/", "Nothing was uploaded yet"),
        ("/data/", "No notice is archived"),
        ("/models/", "No job yet"),
        ("/models/", "No version yet"),
        ("/models/", "No version serves yet"),
    ],
)
def test_an_empty_page_says_what_to_do(pages, path, says):
    assert says in text_of(pages(path))


def test_the_overview_counts_and_draws_what_is_there(serving, pages):
    reply = pages("/")
    with serving.business.scope:
        report = Upload.objects.get(kind=Upload.EVENTS).report
    assert f"Events {report['accepted']:,} People known 12 Items {shop.ITEMS}" in text_of(reply)
    assert sum(filter(None, figure_of(reply, "active-subjects")["data"][0]["y"])) > 0
    names = figure_of(reply, "sources")["data"][0]["y"]
    assert "Fine-tuned language model" in names
    assert "First steps" not in text_of(reply)


def test_days_with_fewer_than_ten_people_are_gaps(serving, pages):
    days = figure_of(pages("/"), "events-per-day")["data"][0]["y"]
    assert None in days
    assert all(count is None or count == 0 or count >= 10 for count in days)


def test_s37_consent_of_a_small_group_is_not_counted_aloud(alice, pages):
    stock(alice, range(5), first_item=2 * shop.FIRST_ITEM)
    text = text_of(pages("/"))
    assert "People known <10".replace("<", "&lt;") in text
    assert "Statistics &lt;10 – " in text


def test_facts_about_the_data_stand_on_every_page_that_shows_them(alice, pages):
    with alice.scope:
        type(alice.tenant).objects.update(shift_weeks=780, synthetic_consent=True)
    for path in ("/", "/data/", "/try/"):
        text = text_of(pages(path))
        assert "every date was moved by the same 780 weeks" in text
        assert "The consent records are synthetic" in text


def test_a_report_shows_every_outcome_and_adds_up_before_the_reader(stocked, pages):
    upload = stocked.uploads["events"]
    with stocked.business.scope:
        report = Upload.objects.get(pk=upload.pk).report
    reply = pages(reverse("dashboard:upload", args=[upload.public_id]))
    table = re.search(r"<tbody>(.*?)</tbody>.*?<tfoot>(.*?)</tfoot>", reply.content.decode(), re.S)
    counts = re.findall(r'class="num" data-label="Rows">([\d,]+)<', table.group(1))
    total = re.search(r'data-label="Rows">([\d,]+)<', table.group(2)).group(1)
    assert sum(int(count.replace(",", "")) for count in counts) == report["received"]
    assert int(total.replace(",", "")) == report["received"]


def test_lists_ask_again_only_while_something_is_under_way(alice, pages):
    assert "hx-trigger" not in pages("/data/", htmx=True).content.decode()
    with alice.scope:
        Upload.objects.create(kind="events", name="a.csv", bytes=1, sha256=b"0", actor_ref="x")
        Job.objects.create(base_model="tiny", actor_ref="x")
    for path in ("/data/", "/models/"):
        html = pages(path, htmx=True).content.decode()
        assert 'hx-trigger="every 2s"' in html
        assert "<html" not in html


def test_the_overview_shows_the_open_job_and_reloads_when_it_has_ended(alice, pages):
    with alice.scope:
        job = Job.objects.create(base_model="tiny", actor_ref="x", state=life.RUNNING)
        Job.objects.update(
            progress={"stage": "finetune", "stage_index": 5, "stages": 9, "fraction": 0.5}
        )
    assert "5 of 9: Fine-tuning the language model 50 %" in text_of(pages("/", htmx=True))
    with alice.scope:
        Job.objects.filter(pk=job.pk).update(state=life.SUCCEEDED, finished_at=now())
    assert pages("/", htmx=True)["HX-Refresh"] == "true"


def test_a_running_job_shows_stage_time_left_and_curves(stocked, pages):
    with stocked.business.scope:
        job = Job.objects.create(
            base_model="tiny",
            actor_ref="x",
            state=life.RUNNING,
            progress={"stage": "sequence", "fraction": 0.25, "eta_seconds": 200, "loss": 2.5},
        )
        JobMetric.objects.filter(job=stocked.version.job).update(job=job)
    address = reverse("dashboard:job", args=[job.public_id])
    reply = pages(f"{address}?state=running", htmx=True)
    assert "Training the sequence model 25 %, about 3 min 20 s left" in text_of(reply)
    assert 'hx-trigger="every 2s"' in reply.content.decode()
    valid = figure_of(reply, "curve-valid-ndcg-10")["data"]
    assert [trace["name"] for trace in valid] == [
        "Fine-tuned language model",
        "Sequence model, frozen text",
    ]
    assert valid[0]["x"] == [1, 2, 3]


def test_a_failed_job_says_why_in_words(alice, pages):
    with alice.scope:
        job = Job.objects.create(
            base_model="tiny",
            actor_ref="x",
            state=life.FAILED,
            error={"code": "too_little_data", "params": {"events": 3, "needed": 100}},
        )
    text = text_of(pages(reverse("dashboard:job", args=[job.public_id])))
    assert "Too little data may be used for training. Upload more events" in text


def test_a_version_shows_every_source_beside_the_others(stocked, pages):
    reply = pages(reverse("dashboard:version", args=[stocked.version.public_id]))
    text = text_of(reply)
    for source in stocked.version.manifest["sources"]:
        for window in ("validation", "test"):
            figures = source.get("metrics", {}).get(window)
            if figures:
                assert f"{figures['ndcg@10']:.4f}" in text
    assert "Waits for approval" in text


def test_a_version_is_approved_published_and_rolled_back_by_buttons(stocked, artifact):
    from tests.trained import give_version

    alice, first = stocked.business, stocked.version
    second = give_version(alice, artifact)
    client = alice.browser()
    for version in (first, second):
        reason = {"reason": "Looked at it."}
        client.post(reverse("dashboard:approve", args=[version.public_id]), reason)
        client.post(reverse("dashboard:publish", args=[version.public_id]))
    with alice.scope:
        assert Publication.objects.get().version_id == second.pk
    client.post(reverse("dashboard:roll_back"))
    with alice.scope:
        assert Publication.objects.get().version_id == first.pk
        approvals = AuditEntry.objects.filter(action="version.approved")
        assert [entry.actor_type for entry in approvals] == ["member", "member"]


def test_an_approval_without_a_reason_changes_nothing(stocked):
    client = stocked.business.browser()
    reply = client.post(reverse("dashboard:approve", args=[stocked.version.public_id]))
    assert reply.status_code == 400
    assert "Say why, for the record." in text_of(reply)
    with stocked.business.scope:
        assert Version.objects.get().state == Version.EVALUATED


def test_a_version_that_is_not_approved_cannot_be_published(stocked):
    client = stocked.business.browser()
    reply = client.post(reverse("dashboard:publish", args=[stocked.version.public_id]))
    assert reply.status_code == 409
    assert "Approve this version before you publish it." in text_of(reply)
    with stocked.business.scope:
        assert Publication.objects.count() == 0


def test_the_standing_approval_is_switched_with_a_reason(alice):
    client = alice.browser()
    client.post(reverse("dashboard:change_approval"), {"enabled": "yes", "reason": "We trust it."})
    with alice.scope:
        found = StandingApproval.objects.get()
    assert (found.enabled, found.reason) == (True, "We trust it.")


def test_a_job_beyond_the_plans_line_is_refused_beside_the_form(alice, settings):
    client = alice.browser()
    order = {"name": "", "base_model": "tiny", "method": "lora", "seed": 1}
    settings.BASE_MODELS = ["tiny"]
    most = alice.tenant.limits.jobs_queued
    for _ in range(most):
        assert client.post(reverse("dashboard:start_job"), order).status_code == 302
    reply = client.post(reverse("dashboard:start_job"), order)
    assert reply.status_code == 422
    assert f"{most} of your jobs wait already" in text_of(reply)
    with alice.scope:
        assert Job.objects.count() == most


def test_a_base_model_that_is_not_allowed_is_refused_beside_its_field(alice):
    order = {"name": "", "base_model": "/etc", "method": "lora", "seed": 1}
    reply = alice.browser().post(reverse("dashboard:start_job"), order)
    assert reply.status_code == 422
    assert "This installation does not allow that base model." in text_of(reply)
    with alice.scope:
        assert Job.objects.count() == 0


def test_the_last_day_of_the_calendar_is_a_day_to_filter_by(alice):
    client = alice.browser()
    for query in ("until=9999-12-31", "since=0001-01-01", "since=9999-12-31&until=0001-01-01"):
        assert client.get(f"/audit/?{query}").status_code == 200, query


def test_the_pages_say_when_what_serves_cannot_be_read(serving, pages, monkeypatch):
    version = serving.version
    addresses = ("/models/", f"/models/versions/{version.public_id}/")
    told = "so requests get the popular list"
    for address in addresses:
        assert told not in text_of(pages(address))
    monkeypatch.setattr(models, "BUNDLES", BundleCache())
    shutil.rmtree(path_of(version.tenant_id, bytes(version.manifest_sha256)))
    for address in addresses:
        reply = pages(address)
        assert reply.status_code == 200
        assert text_of(reply).count(told) == 1
