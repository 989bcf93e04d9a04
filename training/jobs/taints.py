"""Why a version may have to go, and what follows from it: the one table, and what it forbids.

GDPR 7(3), 17; PIPL 15, 47; FTC in the matter of Everalbum. Changes nothing.
"""

from dataclasses import dataclass

from django.utils.timezone import now

from tenants.errors import Conflict
from training.jobs.models import Version


@dataclass(frozen=True)
class Taint:
    """`stops`: no answer may come from the version any more. `aborts`: jobs on the data end, and
    the data go. `publishable`: until its deadline the version may still be published."""

    code: str
    stops: bool = False
    aborts: bool = False
    publishable: bool = False


# The weakest first; a stronger reason takes a weaker one's place.
WITHDRAWAL = Taint("withdrawal", publishable=True)
# A withdrawal that was made before the data were frozen and told of later.
BACKDATED = Taint("backdated", aborts=True)
ERASURE = Taint("erasure", aborts=True)
# The consent was never lawful: what was learnt from it was not, either.
INVALIDATED = Taint("invalidated", stops=True, aborts=True)
TAINTS = {one.code: one for one in (WITHDRAWAL, BACKDATED, ERASURE, INVALIDATED)}
RANK = {code: rank for rank, code in enumerate(["", *TAINTS])}

REFUSALS = {
    "version_gone": "The weights of this version are destroyed. Train a new one.",
    "version_stopped": "This version may not serve any more. Train a new one.",
    "version_tainted": "People in this version's data have gone. Train a new one.",
}


def is_refused(version: Version) -> bool:
    """Whether no answer may come from the version; the same as in `recommend_subject`."""
    over = version.due_at is not None and version.due_at <= now()
    return version.is_gone or version.stopped_at is not None or over


def fault_of(version: Version) -> str:
    """Why the version must not begin to serve, a row of REFUSALS; "" when it may."""
    if version.is_gone:
        return "version_gone"
    if is_refused(version):
        return "version_stopped"
    if version.taint and not TAINTS[version.taint].publishable:
        return "version_tainted"
    return ""


def check_publishable(version: Version) -> None:
    """Conflict with a row of REFUSALS where the version must not begin to serve."""
    fault = fault_of(version)
    if fault:
        raise Conflict(fault, REFUSALS[fault])


def check_untainted(version: Version) -> None:
    """Conflict where one would go back to a version that holds traces of whoever has gone."""
    check_publishable(version)
    if version.taint:
        raise Conflict("version_tainted", REFUSALS["version_tainted"])
