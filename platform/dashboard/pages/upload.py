"""`/data/uploads/<id>/`: what became of every row of one file."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from dashboard.wording.errors import error_text
from dashboard.wording.models import LANGUAGE_NOTES
from dashboard.wording.states import BUCKETS, SCRIPTS, UPLOAD_KINDS, UPLOADS, Badge
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.arriving.accepting import RIGHT_TO_UPLOAD
from tenants.behaviour.cleaning.item_texts import shares, unread_share
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.rejected import csv_reply, rejected_file
from tenants.behaviour.processing.report import Report
from tenants.behaviour.wording import PERSONAL, outcome_text
from tenants.errors import NotFound
from tenants.ids import parse_id
from training.engine.text import reading_of


@dataclass(frozen=True)
class Row:
    """One outcome: how many rows, what share of all, what it means, the first row numbers."""

    badge: Badge
    count: int
    share: float
    means: str
    first_rows: tuple[int, ...] = ()


@page(Right.READ_EVENTS)
def upload(request: PageRequest, upload_id: str) -> HttpResponse:
    """The report, or its live part when htmx asks for news."""
    found = Upload.objects.filter(pk=parse_id("upload", upload_id)).first()
    if found is None:
        raise NotFound("upload")
    template = "dashboard/_upload.html" if request.htmx else "dashboard/upload.html"
    return render(request, template, _context(request, found))


@page(Right.WRITE_EVENTS)
def rejected_rows(request: PageRequest, upload_id: str) -> HttpResponse:
    """The rejected rows as a file to repair."""
    found = Upload.objects.filter(pk=parse_id("upload", upload_id)).first()
    if found is None or not _may_fetch(request, found):
        raise NotFound("upload")
    return csv_reply(found, rejected_file(upload=found, actor=request.actor))


def _may_fetch(request: PageRequest, upload: Upload) -> bool:
    """They are for who might have sent the file."""
    return {Right.WRITE_EVENTS, RIGHT_TO_UPLOAD[upload.kind]} <= request.rights


def _context(request: PageRequest, upload: Upload) -> dict[str, Any]:
    report = _report(upload)
    return {
        "rejected": _may_fetch(request, upload) and upload.rejected_rows.exists(),
        "upload": upload,
        "kind": UPLOAD_KINDS[upload.kind],
        "badge": UPLOADS[upload.state],
        "live": upload.state in Upload.MOVING,
        "asked": upload.state in Upload.ASKED,
        "arriving": upload.state == Upload.RECEIVING,
        "report": report,
        "rows": rows(report) if report else [],
        "personal": personal(report) if report else [],
        "written": written(report) if report else None,
        "plan": report.plan if report else {},
        "error": error_text(upload.error["code"], upload.error.get("params", {}))
        if upload.error
        else "",
    }


def personal(report: Report) -> list[tuple[str, int]]:
    """What looks like personal data in texts: its name, and in how many rows."""
    return [(str(PERSONAL[kind]), count) for kind, count in sorted(report.personal.items())]


@dataclass(frozen=True)
class Written:
    """Scripts with their shares of the letters, and what the base model makes of the texts."""

    items: int
    scripts: list[tuple[str, float]]
    unread: float | None
    says: str


def written(report: Report) -> Written | None:
    """What the items' texts are written in; None where a file brought no such texts."""
    if not report.texts:
        return None
    unread = unread_share(report.texts)
    says = "" if unread is None else str(LANGUAGE_NOTES[reading_of(1 - unread).code])
    scripts = [(str(SCRIPTS.get(name, name)), share) for name, share in shares(report.texts)]
    return Written(report.texts["items"], scripts, unread, says)


def _report(upload: Upload) -> Report | None:
    """The report, or what it says so far while the file is being processed."""
    plain = upload.report.get("so_far") or upload.report
    return Report.from_plain(plain) if "received" in plain else None


def rows(report: Report) -> list[Row]:
    """Every outcome, the accepted first; their counts add up to the rows received."""
    whole = report.received or 1
    stored = _("Stored, and used only as consent allows.")
    accepted = Row(BUCKETS["accepted"], report.accepted, report.accepted / whole, stored)
    return [
        accepted,
        *(
            Row(
                BUCKETS[one.bucket],
                one.count,
                one.count / whole,
                outcome_text(one.bucket, one.code),
                one.first_rows,
            )
            for one in report.outcomes
        ),
    ]
