"""Which stored events a use may read now: the one place where SQL through the ORM asks."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from tenants.behaviour.models import Event
from tenants.consent.models import ConsentState
from tenants.consent.policy import purposes_of
from tenants.consent.queries import consenting, in_force, later_only
from tenants.consent.vocabulary import Use


def usable(use: Use) -> QuerySet[Event]:
    """Events of subjects who allow `use`, without those that withhold one of its purposes and
    those from before a consent to one of them whose notice counts later ones alone.
    """
    purposes = [each.value for each in purposes_of(use)]
    own = Q(withheld=None) | ~Q(withheld__overlap=purposes)
    events = Event.objects.filter(own, subject_id__in=consenting(use).values("subject_id"))
    late = ConsentState.objects.filter(
        in_force(), purpose__in=purposes, record_id__in=later_only().values("id")
    )
    if not late.exists():
        return events
    too_early = late.filter(
        subject_id=OuterRef("subject_id"), valid_from__gt=OuterRef("occurred_at")
    )
    return events.filter(~Exists(too_early))
