"""The one table of how long each class of data is kept, why, and what deletes it.

`docs/data-map.md` follows it. Numbers are days. Laws are named where they ask for a least or a
longest time; where none does, the reason says what the data are for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from compliance.retention.deleting import Delete, consents, rows_of, training_data
from recommend.models import Decision
from tenants.behaviour.models import Event, EventBatch, QuarantinedRow, RejectedRows, Upload
from training.jobs.leftovers import destroy_marked

HALF_A_YEAR, THREE_YEARS, HUNDRED_YEARS = 180, 1095, 36_500


@dataclass(frozen=True)
class RetentionClass:
    """One class of data.

    default  days after which it is deleted; None: as long as the tenant; 0: each row names its end
    least    the fewest days that a tenant may choose; None: there is nothing to choose
    reason   why at least, or at most, that long
    delete   what deletes it; None: it ends by itself, wherever the reason says
    sweep    what destroys the files behind those rows once they are committed, outside any scope
    tables   what the subject stores call the tables of people whose rows go by this time
    """

    code: str
    says: str | Promise
    default: int | None
    least: int | None
    reason: str | Promise
    delete: Delete | None = None
    sweep: Callable[[UUID], None] | None = None
    tables: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """The most days that a tenant may choose: never longer than usual."""
        return HUNDRED_YEARS if self.default is None else self.default

    def allows(self, days: int) -> bool:
        """Whether a tenant may choose that many days."""
        return self.least is not None and self.least <= days <= self.most


CLASSES = (
    RetentionClass(
        "events",
        _("Events: who did what to which item, when"),
        default=None,
        least=30,
        reason=_(
            "No longer than the purposes need (GDPR 5(1)(e); PIPL 19). Training and answers look "
            "at recent behaviour most; versions that learned from deleted events stay."
        ),
        delete=rows_of(Event, "occurred_at"),
        tables=("event",),
    ),
    RetentionClass(
        "quarantine",
        _("Rows that wait for consent"),
        default=30,
        least=1,
        reason=_("Without consent they serve no purpose (GDPR 6; PIPL 13)."),
        delete=rows_of(QuarantinedRow, "created_at"),
        tables=("quarantined_row",),
    ),
    RetentionClass(
        "decisions",
        _("Recommendation decisions with their reasons"),
        default=THREE_YEARS,
        least=HALF_A_YEAR,
        reason=_(
            "A person may ask why (GDPR 15(1)(h); PIPL 24, 48); logs are kept for half a year at "
            "least (AI Act 19, 26(6)). Their hashes stay in the seal."
        ),
        delete=rows_of(Decision, "occurred_at"),
        tables=("decision",),
    ),
    RetentionClass(
        "training_data",
        _("Frozen training data, from which a run can be repeated"),
        default=None,
        least=30,
        reason=_(
            "Needed to repeat a run and to compare a new version with what serves. Hash, counts "
            "and lineage stay (GDPR 5(2); AI Act 10)."
        ),
        delete=training_data,
        sweep=destroy_marked,
    ),
    RetentionClass(
        "uploads",
        _("Reports of uploads"),
        default=THREE_YEARS,
        least=90,
        reason=_("They show what became of every row (GDPR 5(2)). They hold no value of a row."),
        delete=rows_of(Upload, "finished_at", "state in ('done', 'failed')"),
    ),
    RetentionClass(
        "rejected_rows",
        _("Rejected rows of uploads, as they came"),
        default=7,
        least=1,
        reason=_("They are kept to be repaired and sent again; a week is enough for that."),
        delete=rows_of(RejectedRows, "created_at"),
    ),
    RetentionClass(
        "event_batches",
        _("Outcomes of streamed events"),
        default=THREE_YEARS,
        least=HALF_A_YEAR,
        reason=_("As for uploads. The database refuses to delete them sooner."),
        delete=rows_of(EventBatch, "received_at"),
    ),
    RetentionClass(
        "consents",
        _("Consent records"),
        default=0,
        least=None,
        reason=_(
            "Proof of consent (GDPR 7(1), 17(3)(e); PIPL 69). A record goes when its own end of "
            "retention has passed, and with it the others of that person and purpose; one without "
            "such an end stays as long as the tenant."
        ),
        delete=consents,
    ),
    RetentionClass(
        "audit_log",
        _("The audit log"),
        default=settings.AUDIT_DAYS,
        least=None,
        reason=_(
            "The installation keeps it so long (PIPL 56; AI Act 19, 26(6)). Entries go only behind "
            "a signed checkpoint, by a duty of the log's own."
        ),
    ),
    RetentionClass(
        "exports",
        _("Exports, for you and for auditors"),
        default=7,
        least=None,
        reason=_("They are made to be fetched; the file is destroyed after a week."),
    ),
    RetentionClass(
        "idempotent_answers",
        _("Answers kept so that a write that is sent twice happens once"),
        default=1,
        least=None,
        reason=_("A day is what repetition needs."),
    ),
)
BY_CODE = {one.code: one for one in CLASSES}
