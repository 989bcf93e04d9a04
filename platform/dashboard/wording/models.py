"""What jobs and versions speak of, in words: stages, score sources, notes, job events."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = dict[str, str | Promise]

STAGES: Words = {
    "read": _("Reading the data"),
    "encode": _("Encoding the items' texts"),
    "tune": _("Fitting the simple sources"),
    "sequence": _("Training the sequence model"),
    "finetune": _("Fine-tuning the language model"),
    "match": _("Learning which texts follow which"),
    "fuse": _("Learning how to combine the sources"),
    "evaluate": _("Evaluating on the held-out weeks"),
    "refit": _("Fitting again on all data"),
    "publish": _("Sealing the result"),
    "done": _("Done"),
}
SOURCES: Words = {
    "fusion": _("All sources combined"),
    "own_history": _("Own history"),
    "own_repeats": _("Own history, learnt rhythm"),
    "popular_7d": _("Popular, 7 days"),
    "popular_30d": _("Popular, 30 days"),
    "neighbours": _("Bought together"),
    "neighbours_text": _("Bought together or alike in text"),
    "content": _("Similar texts"),
    "content_matched": _("Similar texts, learnt from what follows what"),
    "sequence": _("Sequence model, frozen text"),
    "sequence_finetuned": _("Fine-tuned language model"),
}
# Each source keeps its colour on every page; those of one kind share it.
SOURCE_COLOURS = {
    "own_history": 1,
    "own_repeats": 1,
    "neighbours": 2,
    "neighbours_text": 2,
    "sequence_finetuned": 3,
    "sequence": 4,
    "content": 5,
    "content_matched": 5,
    "popular_7d": 6,
    "popular_30d": 6,
    "fusion": 1,
}
# Series of a run's curves -> the source that is being trained.
SERIES = {"finetune": "sequence_finetuned", "matching": "content_matched"}
SKIPPED: Words = {
    "no_text_vectors": _("Skipped: the base model read no text of the items."),
    "no_repeats": _("Skipped: people rarely take the same item again."),
    "not_fitted": _("Skipped: there is too little data for it."),
    "switched_off": _("Skipped: this run was told not to fine-tune."),
    "base_cannot_be_adapted": _("Skipped: the base model has no layers that can be adapted."),
    "base_cannot_read_text": _("Skipped: the base model cannot read the items' texts."),
    "read_by_characters": _("Skipped: the base model cannot read the items' texts."),
    "no_text": _("Skipped: the items have no texts."),
    "no_new_items": _("Skipped: hardly any item is new to everybody."),
}
LANGUAGE_NOTES: Words = {
    "read": _("The base model reads the items' texts."),
    "base_reads_part": _(
        "The base model reads only part of the items' texts. Choose a base for this language."
    ),
    "base_cannot_read_text": _(
        "The base model cannot read the items' texts, so sources that need text were left out. "
        "Choose a base for this language."
    ),
    "read_by_characters": _(
        "The base model cannot read the items' texts. An encoder of their characters, learned from "
        "these texts, reads them in its place."
    ),
    "no_text": _("The items have no texts. Add titles to let the language model help."),
}
TRIGGERS: Words = {
    "manual": _("Started by hand"),
    "first_data": _("Started with the first data"),
    "schedule": _("Started by schedule"),
    "new_data": _("Started because enough new data came"),
    "drift": _("Started because people take up items that the version does not know"),
    "taint": _("Started because data were erased"),
}
JOB_EVENTS: Words = {
    "job.created": _("Ordered"),
    "job.queued": _("Waits for its turn"),
    "job.running": _("Started, attempt %(attempt)s"),
    "job.started": _("Started, attempt %(attempt)s"),
    "job.taken_up": _("Taken up after its worker went down, attempt %(attempt)s"),
    "job.pausing": _("Asked to pause"),
    "job.paused": _("Paused"),
    "job.cancelling": _("Asked to cancel"),
    "job.cancelled": _("Cancelled"),
    "job.succeeded": _("Finished"),
    "job.failed": _("Failed"),
    "engine.died": _(
        "The training process ended unexpectedly (%(stage)s, %(percent)s %% of the whole); the job "
        "goes on from its last state"
    ),
    "engine.out_of_memory": _(
        "The training process ran out of memory (%(stage)s, %(percent)s %% of the whole); the job "
        "goes on from its last state"
    ),
    "job.store_unreachable": _(
        "The shared store does not answer; the job waits and tries again by itself"
    ),
    "job.disk_full": _("The disk is full: free space, then resume the job"),
    "job.consent_stopped": _("Ended because a consent in its data did not hold"),
    "job.erased": _("Ended because a person in its data was erased"),
    "checkpoint.damaged": _("A damaged checkpoint was left out; the one before it was used"),
}
MEASURES: Words = {
    "loss": _("Loss"),
    "valid_ndcg@10": _("Validation NDCG@10"),
}


def said(
    table: Mapping[str, str | Promise], code: str, params: Mapping[str, Any] | None = None
) -> str:
    """The words for `code`; a code that has none yet is shown as it is, never hidden."""
    words = str(table.get(code, code))
    return words % _Told(params or {}) if "%(" in words else words


class _Told(dict[str, Any]):
    """Parameters of a sentence; what was not yet told when it was stored is left open."""

    def __missing__(self, name: str) -> str:
        return "…"
