"""Why a version has to go, as a notice: when, what becomes of it, and who has to act."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.templatetags.shown import day
from training.jobs.models import Version
from training.jobs.taints import is_refused

WHY: dict[str, str | Promise] = {
    "withdrawal": _("People in its data have withdrawn their consent to training since."),
    "backdated": _("People in its data had withdrawn their consent before the data were frozen."),
    "erasure": _("People in its data were erased."),
    "invalidated": _("The consent of people in its data was found never to have been valid."),
}
STOPPED = _("It serves nobody any more: requests get the popular list.")
GONE = _("Its weights are destroyed.")
DUE = _("It serves the others until %(due)s at the latest.")
BY_ITSELF = _("A clean version is trained and published by itself if it passes every check.")
BY_A_PERSON = _("The standing approval is off: start a job, then approve and publish its version.")


@dataclass(frozen=True)
class Notice:
    """`kind` is the notice's colour: error or warning."""

    kind: str
    text: str


def taint_notice(version: Version, *, serves: bool, by_itself: bool) -> Notice | None:
    """What is to be said of a version; None of a clean one."""
    if not version.taint:
        return None
    said = [str(WHY[version.taint])]
    if version.is_gone:
        said.append(str(GONE))
    if serves:
        over = is_refused(version)
        said.append(str(STOPPED) if over else str(DUE) % {"due": _day(version)})
        said.append(str(BY_ITSELF if by_itself else BY_A_PERSON))
    return Notice("error" if serves and is_refused(version) else "warn", " ".join(said))


def _day(version: Version) -> str:
    """The deadline in the tenant's zone."""
    return day(timezone.localtime(version.due_at).date())
