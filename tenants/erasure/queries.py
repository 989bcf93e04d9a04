"""Asking how far an erasure is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tenants.erasure.counting import left
from tenants.erasure.ledger import Line
from tenants.erasure.models import Erasure
from tenants.erasure.reach import reaches
from tenants.errors import NotFound


@dataclass(frozen=True)
class Status:
    """An erasure as pages and answers tell it; `left` is what should be gone and was not yet when
    it was counted last, `facts` what everything beyond rows says of itself now."""

    erasure: Erasure
    left: dict[str, int]
    facts: dict[str, Any]

    @property
    def state(self) -> str:
        return self.erasure.state

    @property
    def finished_at(self) -> datetime | None:
        return self.erasure.finished_at


def status_of(erasure_id: UUID) -> Status:
    """The erasure of the tenant in scope; NotFound."""
    erasure = Erasure.objects.filter(pk=erasure_id).first()
    if erasure is None:
        raise NotFound("erasure")
    return Status(erasure, left(erasure.after), facts_of(erasure.subject_id))


def line_of(erasure: Erasure) -> Line:
    """What the ledger keeps of it outside the database."""
    return Line(
        erasure.id,
        erasure.subject_id,
        bytes(erasure.digest),
        erasure.begun_at,
        erasure.request_ref,
        bytes(erasure.reference),
    )


def facts_of(subject_id: int) -> dict[str, Any]:
    """What is said of everything beyond rows, by name."""
    told: dict[str, Any] = {}
    for reach in reaches():
        told |= reach.facts(subject_id)
    return told
