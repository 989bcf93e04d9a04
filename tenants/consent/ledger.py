"""Appending consent records and keeping the derived state true, for one record or thousands."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string
from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.audit.canonical import leaf_hash
from tenants.consent.fold import (
    IN_PLACE,
    STOPPING,
    SUSPENDED,
    Fact,
    Flag,
    State,
    fold,
    lapse,
)
from tenants.consent.minors import NOBODY, Minors, ended_with, minors_of, relatives
from tenants.consent.models import ConsentFlag, ConsentRecord, ConsentState, Notice
from tenants.consent.vocabulary import (
    AgeBand,
    CollectionMethod,
    ConsentEvent,
    FlagKind,
    LawfulBasis,
    Purpose,
)
from tenants.errors import AppError
from tenants.ids import encode, uuid7
from tenants.isolation.scope import current_tenant
from tenants.subjects.models import Subject

CLOCK_SKEW = timedelta(minutes=5)
BATCH = 2000


@dataclass(frozen=True)
class ConsentInput:
    """One act as it reached us. `event_time` has a zone; `notice_sha256` names archived bytes.

    `record_id`: the id that its record must have, where others name it before it is stored.
    """

    subject_id: int
    purpose: Purpose
    event: ConsentEvent
    event_time: datetime
    collection_method: CollectionMethod
    lawful_basis: LawfulBasis = LawfulBasis.CONSENT
    notice_id: str = ""
    notice_version: str = ""
    notice_language: str = ""
    notice_sha256: bytes | None = None
    pii_categories: Sequence[str] = ()
    jurisdiction: str = ""
    expires_at: datetime | None = None
    retention_until: datetime | None = None
    age_band: str = ""
    guardian_record_id: UUID | None = None
    recipients: Sequence[str] = ()
    storage_country: str = ""
    transfer_mechanism: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    ui_variant: str = ""
    withdrawal_method: str = ""
    receipt_id: str = ""
    supersedes: UUID | None = None
    upload_id: UUID | None = None
    row_no: int | None = None
    record_id: UUID | None = None


# Whoever reads notices to fold by them holds this until the end of the transaction, and whoever
# archives one waits: nobody stores a state that does not know of the notice that suspends it.
NOTICES = "hashtextextended('notices' || app_tenant()::text, 0)"
READING = f"select pg_advisory_xact_lock_shared({NOTICES})"


class Notices:
    """The tenant's archived notices, looked up by hash or by name, version and language.

    `known_at`: only those archived by then.
    """

    def __init__(self, known_at: datetime | None = None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(READING)
        found = Notice.objects.defer("body")
        archived = list(found.filter(archived_at__lte=known_at) if known_at else found)
        self._suspends = {old.pk: _replaced_at(old, archived) for old in archived}
        self._by_hash = {bytes(n.sha256): n for n in archived}
        self._by_name = {(n.notice_id, n.version, n.language): n for n in archived}

    def find(self, act: ConsentInput) -> Notice | None:
        """The notice that `act` names, or None when nothing archived answers to it."""
        if act.notice_sha256:
            return self._by_hash.get(act.notice_sha256)
        return self._by_name.get((act.notice_id, act.notice_version, act.notice_language))

    def suspends_at(self, notice_pk: UUID | None) -> datetime | None:
        """From when a notice that says other things stands in this one's place."""
        return self._suspends.get(notice_pk) if notice_pk else None


def _replaced_at(old: Notice, archived: Iterable[Notice]) -> datetime | None:
    return min((new.begins_at for new in archived if new.changes(old)), default=None)


def lies_ahead(event_time: datetime, at: datetime) -> bool:
    """Whether it lies further in the future than clocks differ."""
    return event_time > at + CLOCK_SKEW


def bad_time() -> AppError:
    """The refusal of an act that is yet to happen."""
    return AppError("bad_time", "event_time lies in the future.", param="event_time")


def refusal(act: ConsentInput, notices: Notices, at: datetime) -> AppError | None:
    """Why `act` cannot become a record, or None.

    A grant must name the exact notice that was shown (GDPR 7(1), PIPL 17) and that notice must
    ask for its purpose; stopping needs none, so that it takes no more steps than giving.
    """
    if lies_ahead(act.event_time, at):
        return bad_time()
    if act.event not in (ConsentEvent.GIVEN, ConsentEvent.RENEWED):
        return None
    if act.age_band and act.age_band not in set(AgeBand):
        bands = ", ".join(AgeBand)
        return AppError("unknown_age_band", f"age_band is one of {bands}.", param="age_band")
    notice = notices.find(act)
    if notice is None:
        return AppError(
            "notice_unknown",
            "A grant must name an archived notice: send notice_id, notice_version and "
            "notice_language, or notice_sha256.",
            param="notice_id",
        )
    if act.purpose.value not in notice.purposes:
        return AppError(
            "purpose_not_in_notice",
            "That notice does not ask for this purpose.",
            param="purpose",
        )
    return None


def append(acts: Sequence[ConsentInput], notices: Notices) -> list[ConsentRecord]:
    """Write the records of acts that `refusal` let pass, and fold every state they touch."""
    tenant = Tenant.objects.get(id=current_tenant())
    at = now()
    records = [_record(act, tenant, notices.find(act), at) for act in acts]
    ConsentRecord.objects.bulk_create(records, batch_size=BATCH)
    refold({(record.subject_id, record.purpose) for record in records}, notices)
    stops = [record for record in records if record.event in STOPPING]
    if stops:
        stops += ended_with(stops)
        for name in settings.CONSENT_STOPS:
            import_string(name)(stops)
    return records


def _record(
    act: ConsentInput, tenant: Tenant, notice: Notice | None, at: datetime
) -> ConsentRecord:
    record_id = act.record_id or uuid7()
    record = ConsentRecord(
        id=record_id,
        receipt_id=act.receipt_id or f"rcpt_{encode(record_id.int)}",
        controller_name=tenant.name,
        controller_contact=tenant.controller_contact,
        subject_id=act.subject_id,
        purpose=act.purpose.value,
        lawful_basis=act.lawful_basis.value,
        event=act.event.value,
        pii_categories=list(act.pii_categories or (notice.pii_categories if notice else ())),
        sensitive=act.purpose == Purpose.SENSITIVE,
        notice=notice,
        notice_version=notice.version if notice else act.notice_version,
        notice_sha256=bytes(notice.sha256) if notice else act.notice_sha256,
        notice_language=notice.language if notice else act.notice_language,
        collection_method=act.collection_method.value,
        ui_variant=act.ui_variant,
        jurisdiction=act.jurisdiction or tenant.jurisdiction,
        jurisdiction_derivation="declared" if act.jurisdiction else "tenant_default",
        event_time=act.event_time,
        received_at=at,
        recorded_at=at,
        expires_at=act.expires_at,
        retention_until=act.retention_until,
        age_band=act.age_band,
        guardian_record_id=act.guardian_record_id,
        recipients=list(act.recipients),
        storage_country=act.storage_country,
        transfer_mechanism=act.transfer_mechanism,
        evidence=act.evidence,
        withdrawal_method=act.withdrawal_method,
        upload_id=act.upload_id,
        row_no=act.row_no,
        supersedes=act.supersedes,
    )
    record.record_hash = leaf_hash(record.content())
    return record


def fact_of(record: ConsentRecord, notices: Notices, minors: Minors = NOBODY) -> Fact:
    """What the fold needs of a record, by the notices and the ages that are known."""
    return Fact(
        record_id=str(record.id),
        record_hash=bytes(record.record_hash),
        event=ConsentEvent(record.event),
        event_time=record.event_time,
        expires_at=_earlier(record.expires_at, minors.ends.get(record.id)),
        hearsay=record.collection_method == CollectionMethod.IMPORT,
        evidenced=bool(record.evidence),
        minor_unguarded=record.id in minors.alone,
        suspends_at=notices.suspends_at(record.notice_id),
    )


def _earlier(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment), default=None)


def refold(touched: Iterable[tuple[int, str]], notices: Notices | None = None) -> None:
    """Recompute the states of (subject, purpose) pairs from all of their records; and every state
    of whoever's age is known and of guardians and children, for it may follow from these records.

    The subjects' rows are locked first, in order: two writers of one subject cannot both fold
    from a set that lacks the other's record.
    """
    pairs = set(touched)
    subjects = {subject_id for subject_id, _ in pairs}
    notices = notices or Notices()
    kin = relatives(subjects) - subjects
    live = _lock(subjects | kin)
    everybody = sorted(subjects | (kin & live))
    at = now()
    flags, minors = flags_of(everybody), minors_of(everybody)
    whole = (minors.told | kin) & live
    records = ConsentRecord.objects.filter(subject_id__in=everybody).order_by(
        "subject_id", "purpose"
    )
    states = []
    # Closed at once, also on an error: a cursor that is collected after its transaction is gone
    # would break the one that the connection is in by then.
    with closing(records.iterator()) as stream:  # type: ignore[type-var]
        for pair, group in groupby(stream, key=lambda r: (r.subject_id, r.purpose)):
            if pair in pairs or pair[0] in whole:
                told = flags_for(pair[1], flags.get(pair[0], ()))
                state = fold((fact_of(record, notices, minors) for record in group), flags=told)
                states.append(_state_row(*pair, state, at))
    ConsentState.objects.bulk_create(
        states,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant_id", "subject", "purpose"],
        update_fields=["state", "code", "record_id", "valid_from", "expires_at"],
    )


def hold(subjects: Iterable[int], guards: Iterable[UUID] = ()) -> set[int]:
    """Let nobody else fold or erase these subjects until the transaction ends, nor the guardians
    whose records are `guards`; returns those of the subjects who are not erased. Whoever needs
    `Notices` takes them first.
    """
    asked = set(subjects)
    return _lock(asked | relatives(asked, guards)) & asked


def _lock(subjects: set[int]) -> set[int]:
    """In one order, so that two who lock cannot wait for each other; returns who is not erased."""
    # Rows that refer to a subject may be added meanwhile: of two who have done that, each would
    # else wait for the other.
    chosen = Subject.objects.filter(id__in=sorted(subjects)).order_by("id")
    rows = chosen.select_for_update(no_key=True).values_list("id", "erased_at")
    return {subject_id for subject_id, erased_at in rows if erased_at is None}


def flags_of(subject_ids: Iterable[int]) -> dict[int, list[ConsentFlag]]:
    """Every flag ever set or lifted, by subject."""
    found: dict[int, list[ConsentFlag]] = {}
    for flag in ConsentFlag.objects.filter(subject_id__in=subject_ids):
        found.setdefault(flag.subject_id, []).append(flag)
    return found


def flags_for(purpose: str, flags: Iterable[ConsentFlag]) -> list[Flag]:
    """What the fold needs of the flags that speak of a purpose."""
    return [
        Flag(FlagKind(flag.kind), flag.raised, flag.recorded_at)
        for flag in flags
        if flag.purposes is None or purpose in flag.purposes
    ]


def _state_row(subject_id: int, purpose: str, state: State, at: datetime) -> ConsentState:
    """As SQL asks it: one end, whatever brings it, so that it counts to the moment."""
    lapsed = lapse(state, at)
    if lapsed.state == SUSPENDED:  # whether one is over is asked of the column
        state = lapsed
    return ConsentState(
        subject_id=subject_id,
        purpose=purpose,
        state=state.state,
        code=state.code,
        record_id=UUID(state.record_id) if state.record_id else None,
        valid_from=state.valid_from,
        expires_at=state.ends_at if state.state in IN_PLACE else None,
    )
