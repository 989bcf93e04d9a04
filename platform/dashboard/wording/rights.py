"""Rights requests in words: kinds, laws, states, evidence, reasons, steps."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.wording.models import Words
from dashboard.wording.states import Badge
from tenants.rights import kinds
from tenants.rights.models import SubjectExport

KINDS: Words = {
    kinds.ACCESS: _("See one's data"),
    kinds.PORTABILITY: _("Take one's data along"),
    kinds.RECTIFICATION: _("Correct one's data"),
    kinds.RESTRICTION: _("Stop every use, keep the data"),
    kinds.OBJECTION: _("Object to being profiled"),
    kinds.ERASURE: _("Be erased"),
    kinds.OPT_OUT: _("Switch personal recommendations off"),
}
LAWS: Words = {
    "gdpr": _("GDPR (European Union, EEA, United Kingdom)"),
    "ccpa": _("CCPA (California)"),
    "pipl": _("PIPL (China)"),
    "usual": _("No law with days of its own: 15 working days"),
}
# A place of each law, for the form: the law follows from the place.
PLACES: dict[str, str | Promise] = {
    "": _("Ours"),
    "DE": _("European Union or EEA"),
    "GB": _("United Kingdom"),
    "US-CA": _("California"),
    "CN": _("China"),
    "US": _("Elsewhere"),
}
STATES: dict[str, Badge] = {
    kinds.RECEIVED: Badge(_("Identity to be checked"), "warn"),
    kinds.IDENTITY_NEEDED: Badge(_("Proof of identity missing"), "warn"),
    kinds.IN_PROGRESS: Badge(_("To be carried out"), "info"),
    kinds.DONE: Badge(_("Done"), "good"),
    kinds.REFUSED: Badge(_("Refused"), "neutral"),
}
EXPORTS: dict[str, Badge] = {
    SubjectExport.WAITING: Badge(_("Waiting"), "neutral"),
    SubjectExport.RUNNING: Badge(_("Being made"), "info", busy=True),
    SubjectExport.DONE: Badge(_("Ready"), "good"),
    SubjectExport.FAILED: Badge(_("Failed"), "bad"),
    SubjectExport.EXPIRED: Badge(_("Deleted"), "neutral"),
}
EVIDENCE: Words = {
    "signed_in": _("Signed in to their account"),
    "e_mail_reply": _("Answered from their e-mail address"),
    "document": _("Showed a document"),
    "known_answers": _("Knew what only they know"),
    "in_person": _("Came in person"),
    "agent": _("An agent with authority"),
    "other": _("In another way"),
}
REFUSALS: Words = {
    "identity_not_shown": _("We could not tell that it is them"),
    "unfounded_or_excessive": _("Unfounded, or repeated too often"),
    "legal_duty": _("A law obliges us to keep it"),
    "legal_claims": _("Needed for legal claims"),
    "rights_of_others": _("It would harm the rights of others"),
    "not_covered": _("The right does not reach that far"),
}
# Why a request was not carried out, chosen or not.
ENDS: Words = {**REFUSALS, kinds.PERSON_ERASED: _("They were erased before it was answered")}
EXTENSIONS: Words = {
    "complex": _("It is complex"),
    "many_requests": _("There are many requests"),
}
STEPS: Words = {
    "opened": _("Taken in"),
    "acknowledged": _("Receipt confirmed"),
    "verified": _("Identity verified"),
    "export_promised": _("Export asked for"),
    "export_made": _("Export made"),
    "downloaded": _("Export downloaded"),
    "extended": _("Extended"),
    "overdue": _("Overdue"),
    "erasure_begun": _("Erasure begun"),
    "event_changed": _("Event corrected"),
    "event_deleted": _("Event deleted"),
    "id_changed": _("User id corrected"),
    "done": _("Done"),
    "refused": _("Refused"),
}
TABLES: Words = {
    "subject": _("The person, as a pseudonym"),
    "subject_key": _("Their own key"),
    "consent_record": _("Consent records"),
    "consent_state": _("States of consent"),
    "consent_flag": _("Restrictions and objections"),
    "consent_signal": _("Foreign consent signals"),
    "event": _("Events"),
    "quarantined_row": _("Rows that wait for consent"),
    "rights_request": _("Rights requests"),
    "profile_removal": _("Taken out of a profile"),
    "correction": _("Corrections"),
    "snapshot_subject": _("Frozen data sets"),
    "decision": _("Answers given"),
    "erasure": _("Erasures"),
}
EXTENDED = Badge(_("Extended"), "neutral")
OVERDUE = Badge(_("Overdue"), "bad")
