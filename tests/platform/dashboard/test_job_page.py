"""The page of a job: what may be asked of it there, and that its live part follows its state."""

import pytest
from django.urls import reverse

from tests.platform.dashboard.test_pages import text_of
from training.jobs import life
from training.jobs.models import Job

OFFERED = {
    life.QUEUED: ["pause", "cancel"],
    life.RUNNING: ["pause", "cancel"],
    life.PAUSED: ["resume", "cancel"],
    life.PAUSING: ["cancel"],
    life.CANCELLING: [],
    life.SUCCEEDED: [],
}


def a_job(business, state: str) -> Job:
    with business.scope:
        return Job.objects.create(base_model="tiny", actor_ref="x", state=state)


def test_a_job_offers_what_its_state_allows_and_nothing_else(alice, pages):
    for state, offered in OFFERED.items():
        job = a_job(alice, state)
        page = pages(reverse("dashboard:job", args=[job.public_id])).content.decode()
        found = [asked for asked in ("pause", "resume", "cancel") if f'value="{asked}"' in page]
        assert found == offered, state


def test_a_job_is_paused_resumed_and_cancelled_from_its_page(alice):
    job = a_job(alice, life.QUEUED)
    address = reverse("dashboard:ask_job", args=[job.public_id])
    for asked, state in (("pause", life.PAUSED), ("resume", life.QUEUED), ("cancel", "cancelled")):
        assert alice.browser().post(address, {"ask": asked}).status_code == 302
        with alice.scope:
            job.refresh_from_db()
        assert job.state == state


def test_what_makes_no_sense_is_refused_and_changes_nothing(alice):
    job = a_job(alice, life.QUEUED)
    address = reverse("dashboard:ask_job", args=[job.public_id])
    for asked in ("", "explode", "resume"):
        assert alice.browser().post(address, {"ask": asked}).status_code in (400, 409), asked
    with alice.scope:
        job.refresh_from_db()
    assert job.state == life.QUEUED


@pytest.mark.parametrize("shown", [life.QUEUED, ""])
def test_the_live_part_reloads_the_page_once_the_state_has_changed(alice, pages, shown):
    job = a_job(alice, life.RUNNING)
    address = reverse("dashboard:job", args=[job.public_id])
    assert pages(f"{address}?state={shown}", htmx=True)["HX-Refresh"] == "true"
    assert "Freezing the data" in text_of(pages(f"{address}?state=running", htmx=True))


def test_a_paused_job_promises_no_progress_and_says_what_is_kept(alice, pages):
    job = a_job(alice, life.PAUSED)
    with alice.scope:
        Job.objects.update(progress={"fraction": 0.4, "stage": "train", "eta_seconds": 290})
    told = text_of(pages(reverse("dashboard:job", args=[job.public_id])))
    assert "What it has reached is kept" in told
    assert "You may close this page" not in told and "left" not in told.split("40 %")[1][:12]
