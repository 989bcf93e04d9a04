"""A plan's limits in words. Pure; knows the plan's names and their units."""

from collections.abc import Callable, Container

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.accounts.plans import NAMES, Plan


def _hours(seconds: float) -> str:
    return _("%(hours)s h") % {"hours": f"{seconds / 3600:,.4g}"}


# Field of a plan -> what it limits, and how its value reads.
LIMITS: dict[str, tuple[str | Promise, Callable[[float], str]]] = {
    "requests_per_second": (gettext_lazy("API requests per second"), "{:,g}".format),
    "burst": (gettext_lazy("Requests above the average at once"), "{:,}".format),
    "at_once": (gettext_lazy("Requests under way in one web process"), "{:,}".format),
    "storage_bytes": (gettext_lazy("Storage"), filesizeformat),
    "events_per_month": (gettext_lazy("Events in a calendar month"), "{:,}".format),
    "device_seconds_per_month": (gettext_lazy("Training in a calendar month"), _hours),
    "jobs_running": (gettext_lazy("Fine-tuning jobs that run at once"), "{:,}".format),
    "jobs_queued": (gettext_lazy("Fine-tuning jobs that wait"), "{:,}".format),
    "weight": (gettext_lazy("Share of the devices, compared with others"), "{:,g}".format),
}


def said_limits(plan: Plan, granted: Container[str]) -> list[tuple[str | Promise, str, bool]]:
    """(what, how much, whether it was granted beside the plan), in the plan's order."""
    return [
        (LIMITS[name][0], LIMITS[name][1](getattr(plan, name)), name in granted) for name in NAMES
    ]
