"""`/lineage/`: a person typed in -> consent records -> frozen data -> versions, and back.

The id travels in the body of a POST: it stands in no address, no log and no history.
"""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.pages.trial import TryForm
from dashboard.wording.lineage import FATES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.consent.models import ConsentRecord
from tenants.ids import parse_id, public_id
from tenants.subjects.directory import find
from tenants.subjects.models import Subject
from tenants.subjects.viewing import note_subject_viewed
from training.jobs.lineage import find_version, records_of
from training.jobs.models import SnapshotSubject, Version

SHOWN = 50
SAMPLE = 20


@page(Right.READ_CONSENTS)
def lineage(request: PageRequest) -> HttpResponse:
    """The form and the newest versions; with an id, what was made of that person's data."""
    form = TryForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form, "versions": _lines(Version.objects.all())}
    if form.is_valid():
        user_id = form.cleaned_data["user_id"].strip()
        found = find(user_id)
        context |= {"user_id": user_id, "asked": True}
        if found is not None and found.erased_at is None:
            note_subject_viewed(subject_id=found.id, page="lineage", actor=request.actor)
            context |= {"known": True, **_of_person(found)}
    return render(request, "dashboard/lineage.html", context)


@page(Right.READ_CONSENTS)
def lineage_of_version(request: PageRequest, version_id: str) -> HttpResponse:
    """The way back: on which consent records a version rests."""
    found = find_version(parse_id("version", version_id))
    records = records_of(found)
    context = {
        "version": found,
        "badge": FATES[found.fate],
        "people": records.count(),
        "records": records.order_by("-pk")[:SAMPLE],
        "snapshot": found.snapshot,
    }
    return render(request, "dashboard/lineage_version.html", context)


def _of_person(subject: Subject) -> dict[str, Any]:
    """The records of the person, and each frozen data set with the versions made of it."""
    members = SnapshotSubject.objects.filter(subject=subject).select_related("snapshot")
    newest = list(members.order_by("-id")[:SHOWN])
    versions = Version.objects.filter(snapshot_id__in=[one.snapshot_id for one in newest])
    lines = _lines(versions)
    return {
        "records": ConsentRecord.objects.filter(subject=subject).order_by("-event_time")[:SHOWN],
        "snapshots": [
            {
                "member": one,
                "snapshot": one.snapshot,
                "record": public_id("consent record", one.consent_record_id),
                "versions": [
                    line for line in lines if line["version"].snapshot_id == one.snapshot_id
                ],
            }
            for one in newest
        ],
    }


def _lines(versions: Any) -> list[dict[str, Any]]:
    return [
        {"version": version, "badge": FATES[version.fate]}
        for version in versions.order_by("-number")[:SHOWN]
    ]
