"""What signals say again and again: the same no comes with every page that is opened.

While a first-hand stop is the last word, another no makes no record: its moment is kept beside the
state, and becomes a record before anything else is written of that person and purpose. So the
ledger stays small, and no yes that is told late slips in between a no and its repetition.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from tenants.consent.fold import GRANTING, STOPPING
from tenants.consent.ledger import ConsentInput, Notices
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.queries import in_force
from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, Purpose

Pair = tuple[int, str]
# How a repeated no was heard -> the act that it is. A foreign signal itself is kept as it came.
HEARD = {
    CollectionMethod.GPC_HEADER: ConsentEvent.OPTED_OUT,
    CollectionMethod.CMP: ConsentEvent.REFUSED,
}
FIRST_HAND_NO = Q(event__in=STOPPING) & ~Q(collection_method=CollectionMethod.IMPORT)
GPC = {"kind": "gpc", "value": "Sec-GPC: 1"}
EVIDENCE = {CollectionMethod.GPC_HEADER: GPC, CollectionMethod.CMP: {"kind": "consent_signal"}}


def news(acts: Sequence[ConsentInput], notices: Notices) -> list[ConsentInput]:
    """Those of these acts by signals, all of one moment, that must become records; of a no that
    only repeats, the moment is kept. The caller holds the subjects (`hold`), so that no other act
    comes between.
    """
    if not acts:
        return []
    subjects = {act.subject_id for act in acts}
    last = _last_words(subjects, max(act.event_time for act in acts))
    standing = set(
        ConsentState.objects.filter(in_force(), subject_id__in=subjects).values_list(
            "subject_id", "purpose"
        )
    )
    new: list[ConsentInput] = []
    repeating: list[ConsentInput] = []
    for act in acts:
        word = last.get(pair_of(act))
        if act.event in STOPPING:
            (repeating if word and _stops(word) else new).append(act)
        elif pair_of(act) not in standing and not (word and _same_yes(word, act, notices)):
            new.append(act)
    _keep(repeating)
    return new


def pair_of(act: ConsentInput) -> Pair:
    """Of whom and what an act speaks."""
    return act.subject_id, act.purpose.value


def repeated(pairs: set[Pair]) -> list[ConsentInput]:
    """The noes that were only repeated of these, as acts; they are kept no longer."""
    rows = ConsentState.objects.filter(
        subject_id__in={subject_id for subject_id, _ in pairs}, repeated_at__isnull=False
    )
    found = [row for row in rows if (row.subject_id, row.purpose) in pairs]
    if found:
        ConsentState.objects.filter(pk__in=[row.pk for row in found]).update(
            repeated_at=None, repeated_by=""
        )
    return [_act(row) for row in found]


def _act(row: ConsentState) -> ConsentInput:
    assert row.repeated_at  # nosec B101 # asked for above
    method = CollectionMethod(row.repeated_by)
    return ConsentInput(
        subject_id=row.subject_id,
        purpose=Purpose(row.purpose),
        event=HEARD[method],
        event_time=row.repeated_at,
        collection_method=method,
        evidence=EVIDENCE[method],
    )


def _last_words(subjects: Iterable[int], until: datetime) -> dict[Pair, ConsentRecord]:
    """The newest record of each person and purpose that happened by then; of one moment, a no."""
    told = ConsentRecord.objects.filter(subject_id__in=subjects, event_time__lte=until)
    newest = told.annotate(no=FIRST_HAND_NO).order_by("subject_id", "purpose", "-event_time", "-no")
    return {(one.subject_id, one.purpose): one for one in newest.distinct("subject_id", "purpose")}


def _stops(word: ConsentRecord) -> bool:
    """Whether the person said no themselves: by hearsay alone it could be undone by hearsay."""
    return word.event in STOPPING and word.collection_method != CollectionMethod.IMPORT


def _same_yes(word: ConsentRecord, act: ConsentInput, notices: Notices) -> bool:
    """Whether the last word is this very yes, even if a flag or an age keeps it from counting."""
    notice = notices.find(act)
    return (
        word.event in GRANTING
        and word.collection_method == act.collection_method
        and word.notice_id == (notice.pk if notice else None)
        and (word.expires_at is None or word.expires_at > act.event_time)
    )


def _keep(acts: Iterable[ConsentInput]) -> None:
    """The moment of each, where it is later than what is kept: one statement for all alike."""
    alike: dict[tuple[str, datetime, str], list[int]] = {}
    for act in acts:
        kind = (act.purpose.value, act.event_time, act.collection_method.value)
        alike.setdefault(kind, []).append(act.subject_id)
    for (purpose, at, method), subjects in alike.items():
        ConsentState.objects.filter(
            Q(repeated_at=None) | Q(repeated_at__lt=at), subject_id__in=subjects, purpose=purpose
        ).update(repeated_at=at, repeated_by=method)
