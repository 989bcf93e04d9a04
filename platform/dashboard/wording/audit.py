"""The audit log in words: actors, faults of a verification."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTORS: dict[str, str | Promise] = {
    "member": _("Member"),
    "key": _("API key"),
    "system": _("System"),
    "person": _("Person"),
}
FAULTS: dict[str, str | Promise] = {
    "entry_missing": _("an entry is missing"),
    "link_broken": _("the link to the entry before is broken"),
    "entry_altered": _("the entry was altered"),
    "details_altered": _("the entry's details were altered"),
    "entries_missing": _("entries at the end are missing"),
    "head_missing": _("the end of the chain is not noted"),
    "checkpoint_altered": _("a checkpoint does not bear this tenant's signature"),
    "checkpoint_broken": _("the log up to here is not the one that a checkpoint was made of"),
    "stream_unknown": _("a seal belongs to no known list of answers"),
    "sealed_row_altered": _("a sealed answer was altered"),
    "seal_missing": _("a seal is missing"),
    "seal_broken": _("a seal over answers does not fit"),
}
