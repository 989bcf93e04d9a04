"""The fate of a version, and how far an erasure is, as badges and words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.wording.states import Badge
from tenants.erasure.models import Erasure

FATES: dict[str, Badge] = {
    "clean": Badge(_("Clean"), "good"),
    "tainted": Badge(_("To be replaced"), "warn"),
    "stopped": Badge(_("Stopped"), "bad"),
    "replaced": Badge(_("Replaced"), "neutral"),
    "retired": Badge(_("Retired"), "neutral"),
}
ERASURES: dict[str, Badge] = {
    Erasure.SWEEPING: Badge(_("Being swept"), "info", busy=True),
    Erasure.SWEPT: Badge(_("Swept"), "good"),
    Erasure.MODELS_DUE: Badge(_("Versions are to be replaced"), "warn"),
    Erasure.FINISHED: Badge(_("Finished"), "good"),
}
# What an erasure counts, by the name of a store's table or of a reach.
COUNTED: dict[str, str | Promise] = {
    "subject": _("Person"),
    "subject_key": _("Key of the person"),
    "consent_record": _("Consent records"),
    "consent_state": _("States of consent"),
    "consent_flag": _("Restrictions and objections"),
    "event": _("Events"),
    "quarantined_row": _("Rows held back"),
    "erasure": _("This erasure"),
    "rights_request": _("Rights requests"),
    "open_requests": _("Open requests"),
    "correction": _("Corrections"),
    "profile_removal": _("Removals from the profile"),
    "snapshot_subject": _("Places in frozen data"),
    "decision": _("Answers"),
    "exports": _("Exports"),
    "waiting_uploads": _("Files that wait to be read"),
    "waiting_requests": _("Tracking requests that wait to be stored"),
    "rejected_rows": _("Rejected rows of uploads"),
    "kept_answers": _("Answers kept for a day"),
    "snapshot_files": _("Frozen data"),
    "version_weights": _("Weights of versions"),
    "popular_list": _("Popular list"),
}
WHY_KEPT: dict[str, str | Promise] = {
    "consent_record": _("kept as proof, leads to nobody"),
    "rights_request": _("kept as proof, leads to nobody"),
    "snapshot_subject": _("kept as lineage, leads to nobody"),
    "erasure": _("this erasure"),
}
