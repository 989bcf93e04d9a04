"""What happened to a job, as English sentences for the API. Pages have their own, translated."""

from collections.abc import Mapping
from typing import Any

# Code of an event -> its sentence.
EVENTS = {
    "job.created": "The job is ordered; its data are looked at.",
    "job.queued": "The job waits for its turn.",
    "job.running": "The job runs, attempt {attempt}.",
    "job.started": "The job runs, attempt {attempt}.",
    "job.taken_up": "The job was taken up after its worker went down, attempt {attempt}.",
    "job.pausing": "The job was asked to pause.",
    "job.paused": "The job is paused. Resume it to let it go on from where it was.",
    "job.cancelling": "The job was asked to cancel.",
    "job.cancelled": "The job is cancelled.",
    "job.succeeded": "The job is done; a version came of it.",
    "job.failed": "The job failed; its error says why.",
    "job.store_unreachable": "The shared store does not answer. The job waits and tries again by "
    "itself.",
    "job.disk_full": "The disk is full. Free space, then resume the job.",
    "job.consent_stopped": "A consent in the job's data did not hold, so the job ends.",
    "job.erased": "A person in the job's data was erased, so the job ends.",
    "checkpoint.damaged": "A damaged checkpoint was left out; the one before it was used.",
    "engine.out_of_memory": "The training process had no memory left; the job goes on from its "
    "last state. A smaller batch_size takes less.",
    "engine.died": "The training process ended unexpectedly; the job goes on from its last state.",
}
# Code of a failure -> its sentence, where the engine that failed has not told its own.
FAILURES = {
    "too_little_data": "Only {events} events may be used for training; {needed} are needed. "
    "Upload more events, or consent records for the people in them.",
    "poisoned": "The training process died at the same place {deaths} times. Look at the events, "
    "then start a new job.",
}


def event_text(code: str, params: Mapping[str, Any]) -> str:
    """The sentence of an event; a code that has none yet is shown as it is, never hidden."""
    return _filled(EVENTS.get(code, code), params)


def failure_text(code: str, params: Mapping[str, Any]) -> str:
    """The sentence of a failure: ours, else the engine's own, else its code."""
    own = str(params.get("message") or code)
    return _filled(FAILURES[code], params) if code in FAILURES else own


def _filled(text: str, params: Mapping[str, Any]) -> str:
    try:
        return text.format_map(params) if "{" in text else text
    except KeyError:
        return text
