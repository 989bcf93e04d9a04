"""States of rows in words and colours: one table per kind of row, shown by `design/badge.html`."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.behaviour.columns.schema import EventType
from tenants.behaviour.models import Upload
from tenants.departure.models import TenantExport
from training.jobs import life
from training.jobs.gates import FAIL, NOT_APPLICABLE, PASS, UNPROVED
from training.jobs.models import Version


@dataclass(frozen=True)
class Badge:
    """`tone` is neutral, good, warn, bad, info or accent; a busy one breathes."""

    label: str | Promise
    tone: str
    busy: bool = False


UPLOADS: dict[str, Badge] = {
    Upload.RECEIVING: Badge(_("Arriving"), "info", busy=True),
    Upload.LOOKING: Badge(_("Being looked into"), "info", busy=True),
    Upload.MAPPING: Badge(_("Waits for you"), "warn"),
    Upload.CHECKING: Badge(_("Being checked"), "info", busy=True),
    Upload.RECEIVED: Badge(_("Waiting"), "neutral"),
    Upload.RUNNING: Badge(_("Being processed"), "info", busy=True),
    Upload.DONE: Badge(_("Processed"), "good"),
    Upload.FAILED: Badge(_("Refused"), "bad"),
}
JOBS: dict[str, Badge] = {
    life.VALIDATING: Badge(_("Being checked"), "info", busy=True),
    life.QUEUED: Badge(_("Waiting"), "neutral"),
    life.RUNNING: Badge(_("Running"), "info", busy=True),
    life.PAUSING: Badge(_("Pausing"), "warn", busy=True),
    life.PAUSED: Badge(_("Paused"), "warn"),
    life.CANCELLING: Badge(_("Being cancelled"), "warn", busy=True),
    life.CANCELLED: Badge(_("Cancelled"), "neutral"),
    life.SUCCEEDED: Badge(_("Succeeded"), "good"),
    life.FAILED: Badge(_("Failed"), "bad"),
}
VERSIONS: dict[str, Badge] = {
    Version.EVALUATED: Badge(_("Waits for approval"), "warn"),
    Version.APPROVED: Badge(_("Approved"), "good"),
    Version.REPLACED: Badge(_("Replaced"), "neutral"),
    Version.RETIRED: Badge(_("Retired"), "neutral"),
}
EXPORTS: dict[str, Badge] = {
    TenantExport.WAITING: Badge(_("Waiting"), "neutral"),
    TenantExport.RUNNING: Badge(_("Being made"), "info", busy=True),
    TenantExport.DONE: Badge(_("Ready"), "good"),
    TenantExport.FAILED: Badge(_("Failed"), "bad"),
    TenantExport.EXPIRED: Badge(_("Deleted"), "neutral"),
}
SERVES = Badge(_("Serves"), "accent")
REFUSED = Badge(_("Refused by a check"), "bad")
OUTCOMES: dict[str, Badge] = {
    "success": Badge(_("Done"), "good"),
    "failure": Badge(_("Failed"), "bad"),
    "denied": Badge(_("Denied"), "warn"),
}
DEVICE_FREE = Badge(_("Free"), "good")
DEVICE_FULL = Badge(_("Busy"), "info", busy=True)
DEVICE_MISSED = Badge(_("Not seen"), "warn")
OUTCOMES_OF_GATES: dict[str, Badge] = {
    PASS: Badge(_("Passed"), "good"),
    FAIL: Badge(_("Not passed"), "bad"),
    UNPROVED: Badge(_("Not enough evidence"), "warn"),
    NOT_APPLICABLE: Badge(_("Does not apply"), "neutral"),
}
KEY_VALID = Badge(_("Valid"), "good")
KEY_REVOKED = Badge(_("Revoked"), "neutral")
KEY_EXPIRED = Badge(_("Expired"), "warn")
KEY_REPLACED = Badge(_("Being replaced"), "info")

UPLOAD_KINDS: dict[str, str | Promise] = {
    Upload.EVENTS: _("Events"),
    Upload.ITEMS: _("Items"),
    Upload.CONSENTS: _("Consent records"),
}
EVENT_TYPES: dict[str, str | Promise] = {
    "view": _("Viewed"),
    "click": _("Clicked"),
    "add_to_cart": _("Put into the cart"),
    "purchase": _("Bought"),
    "rating": _("Rated"),
    "like": _("Liked"),
    "share": _("Shared"),
    "comment": _("Commented on"),
    "dislike": _("Disliked"),
    "dismiss": _("Dismissed"),
    "search": _("Searched for"),
}


def act_name(kind: EventType) -> str | Promise:
    """What somebody did, in words; of a tenant's own type its name as the tenant wrote it."""
    return kind.name if kind.own else EVENT_TYPES[kind.name]


BUCKETS: dict[str, Badge] = {
    "accepted": Badge(_("Accepted"), "good"),
    "duplicate": Badge(_("Duplicate"), "neutral"),
    "quarantined": Badge(_("Held back"), "info"),
    "rejected": Badge(_("Left out"), "warn"),
}
# Of a streamed request: what can be no event is in no bucket.
STREAMED: dict[str, Badge] = {**BUCKETS, "passed_over": Badge(_("Passed over"), "neutral")}
PURPOSES: dict[str, str | Promise] = {
    "service": _("Providing the service"),
    "analytics": _("Statistics"),
    "personalised_recommendation": _("Personal recommendations"),
    "model_training": _("Training the model"),
    "marketing": _("Marketing"),
    "third_party_share": _("Passing on to others"),
    "cross_border": _("Transfer abroad"),
    "sensitive": _("Sensitive data"),
}
CONSENT_STATES: dict[str, Badge] = {
    "given": Badge(_("Allowed"), "good"),
    "requested": Badge(_("Asked, not answered"), "neutral"),
    "refused": Badge(_("Refused by the person"), "warn"),
    "withdrawn": Badge(_("Withdrawn"), "warn"),
    "opted_out": Badge(_("Opted out"), "warn"),
    "opt_out_revoked": Badge(_("Opt-out revoked, nothing allowed"), "neutral"),
    "expired": Badge(_("Run out"), "neutral"),
    "suspended": Badge(_("Rests: the notice has changed"), "warn"),
    "conflict": Badge(_("Records contradict each other"), "warn"),
    "minor_no_guardian": Badge(_("A guardian's record is missing"), "warn"),
    "restricted": Badge(_("Restricted"), "bad"),
    "objected": Badge(_("Objected"), "bad"),
    "invalidated": Badge(_("Found invalid"), "bad"),
}
NO_CONSENT = Badge(_("Nothing said"), "neutral")
USES: dict[str, str | Promise] = {
    "training": _("Training a model"),
    "personalised_answer": _("Personal answers"),
    "charts": _("Charts"),
    "popularity": _("Popularity lists"),
    "segments": _("Groups by behaviour"),
}
# What texts are written in, by Unicode's names.
SCRIPTS: dict[str, str | Promise] = {
    "Latin": _("Latin letters"),
    "Han": _("Chinese characters"),
    "Hiragana": _("Japanese, Hiragana"),
    "Katakana": _("Japanese, Katakana"),
    "Hangul": _("Korean"),
    "Cyrillic": _("Cyrillic"),
    "Greek": _("Greek"),
    "Arabic": _("Arabic"),
    "Hebrew": _("Hebrew"),
    "Devanagari": _("Devanagari"),
    "Bengali": _("Bengali"),
    "Tamil": _("Tamil"),
    "Thai": _("Thai"),
    "Georgian": _("Georgian"),
    "Armenian": _("Armenian"),
    "Other": _("Other scripts"),
}
