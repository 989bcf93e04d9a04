"""Asking for requests: the inbox, what is overdue."""

from datetime import date
from uuid import UUID

from django.db.models import Case, F, QuerySet, Value, When

from tenants.errors import NotFound
from tenants.rights import kinds
from tenants.rights.models import RightsRequest


def open_requests() -> "QuerySet[RightsRequest]":
    """What still waits for an answer."""
    return RightsRequest.objects.filter(state__in=kinds.OPEN)


def overdue(today: date) -> "QuerySet[RightsRequest]":
    """Open requests whose last day is over."""
    return open_requests().filter(due_on__lt=today)


def inbox() -> "QuerySet[RightsRequest]":
    """Open requests first, the soonest due on top; then those that have ended, newest first."""
    ended = Case(When(state__in=kinds.OPEN, then=Value(0)), default=Value(1))
    due = Case(When(state__in=kinds.OPEN, then=F("due_on")))
    return RightsRequest.objects.order_by(ended, due, F("closed_at").desc(nulls_last=True), "-id")


def listed(
    today: date, *, state: str = "", kind: str = "", late: bool = False
) -> "QuerySet[RightsRequest]":
    """Requests by what a list may be narrowed to; `open` stands for every state before the end."""
    rows = overdue(today) if late else RightsRequest.objects.all()
    if state:
        rows = rows.filter(state__in=kinds.OPEN if state == "open" else (state,))
    return rows.filter(kind=kind) if kind else rows


def found(request_id: UUID) -> RightsRequest:
    """The request; NotFound."""
    request = RightsRequest.objects.filter(pk=request_id).first()
    if request is None:
        raise NotFound("rights request")
    return request
