"""People for the tests of erasure: what a shop holds of them, and how one of them goes."""

from datetime import timedelta

from django.utils.timezone import now

from tenants.erasure.models import Erasure
from tenants.erasure.services import begin_erasure
from tenants.subjects.directory import find
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import archive, stock

ANNA, BEN = shop.user(0), shop.user(1)


def fill(business, first_item: int = shop.FIRST_ITEM) -> None:
    """Anna and Ben, with consents and purchases."""
    stock(business, range(2), first_item)


def erase(business, external_id: str = ANNA, *, sweep: bool = True) -> Erasure:
    """Erase this person; the erasure, swept when the work behind it has run."""
    with business.scope:
        subject = find(external_id)
        erasure = begin_erasure(
            subject_id=subject.id, actor=business.actor, request_ref="request-1"
        )
    if sweep:
        work(business)
        with business.scope:
            erasure.refresh_from_db()
    return erasure


def work(business) -> None:
    with business.scope:
        run_waiting("default")


def a_day_later(business, erasure: Erasure) -> None:
    """Put the sweep a day and a bit back."""
    with business.scope:
        Erasure.objects.filter(pk=erasure.pk).update(swept_at=now() - timedelta(hours=25))


__all__ = ["ANNA", "BEN", "a_day_later", "archive", "erase", "fill", "work"]
