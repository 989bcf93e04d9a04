"""Reasons and codes of answers as sentences in the reader's language."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from recommend.shown import ShownItem
from training.engine.bundle import Reason

REASONS: dict[str, str | Promise] = {
    "people_who_bought": _("People who chose “%(title)s” chose this too."),
    "sequence_match": _("It fits what you chose lately, above all “%(title)s”."),
    "similar_text": _("Its description is close to “%(title)s”."),
    "follows_text": _("People who choose things like “%(title)s” go on to things like this."),
    "popular_now": _("Chosen by many in the last %(window_days)s days."),
}

WHY_NOT_PERSONAL: dict[str, str | Promise] = {
    "unknown_user": _("This person is not known yet."),
    "no_record": _("There is no consent to personalised recommendations."),
    "withdrawn": _("The person withdrew consent to personalised recommendations."),
    "refused": _("The person refused personalised recommendations."),
    "expired": _("The consent to personalised recommendations has expired."),
    "conflict": _("Consent records contradict each other."),
    "opted_out": _("The person opted out."),
    "invalidated": _("The consent was found invalid."),
    "purpose_missing": _("The person was asked and has not answered."),
    "minor_no_guardian": _("A guardian's consent is missing."),
    "objected": _("The person objected to personalised recommendations."),
    "restricted": _("The use of this person's data is restricted."),
    "notice_changed": _("The notice has changed since the person consented."),
    "no_history": _("Nothing is known yet of what this person chose."),
    "no_version": _("No model version is published yet."),
    "version_stopped": _("The published version may not serve any more."),
    "version_overdue": _("The published version should have been replaced by now."),
    "version_unreadable": _("The files of the published version cannot be read now."),
}


def reason_text(reason: Reason, cited: Mapping[int, ShownItem]) -> str:
    """One sentence that says why an item is in the answer."""
    if reason.code == "bought_before":
        times = int(reason.params["times"])
        sentence = ngettext(
            "You chose this once before.", "You chose this %(times)s times before.", times
        )
        return sentence % {"times": times}
    item = cited.get(int(reason.params["item"])) if "item" in reason.params else None
    template = REASONS.get(reason.code)
    if template is None or (item is None and reason.code != "popular_now"):
        return gettext("It fits what you chose lately.")
    title = (item.title or item.external_id) if item else ""
    return str(template) % {**reason.params, "title": title}


def why_not_personal(code: str) -> str:
    """One sentence for an answer that is not personal; "" for one that is."""
    return str(WHY_NOT_PERSONAL.get(code, "")) if code else ""
