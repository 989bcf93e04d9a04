"""Landing uploaded consent records in the ledger, each checked against the archived notices."""

from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import polars as pl
from django.utils.timezone import now

from tenants.behaviour.cleaning.consent_cleaning import (
    CONSENT_COLUMNS,
    ConsentRow,
    ConsentWords,
    consent_row,
)
from tenants.behaviour.landing.consent_names import Names
from tenants.behaviour.landing.landed import Landed
from tenants.consent.ledger import ConsentInput, Notices, refusal
from tenants.consent.models import ConsentRecord
from tenants.consent.services import record_batch
from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, LawfulBasis, Purpose
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import known, resolve
from tenants.subjects.suppression import erased

WORDS = ConsentWords(
    purposes=frozenset(Purpose),
    events=frozenset(ConsentEvent),
    granting=frozenset({ConsentEvent.GIVEN, ConsentEvent.RENEWED}),
    lawful_bases=frozenset(LawfulBasis),
)
METHODS = frozenset(CollectionMethod)
IMPORTED = CollectionMethod.IMPORT
# Stands for somebody who is not here yet.
NOBODY = 0
Withheld = dict[tuple[str, str], list[int]]


# What tells one act from another that a file gives the same id.
Told = tuple[int, str, str, datetime, datetime | None]


def land_consents(rows: pl.DataFrame, upload_id: UUID) -> Landed:
    """Append the records that the ledger accepts; the others end with the ledger's code."""
    if not rows.height:
        return Landed()
    read = [consent_row(row) for row in rows.select(CONSENT_COLUMNS).iter_rows(named=True)]
    read, withheld = _without_erased(read)
    subjects = resolve({row.user_id for row in read})
    stored = _known({name for row in read for name in (row.record_id or "", _receipt(row))})
    names = Names(upload_id, read)
    notices, moment = Notices(), now()
    acts: list[ConsentInput] = []
    for row in read:
        told = _told(row, subjects[row.user_id])
        receipt = row.record_id or _receipt(row)
        if stored.get(receipt, told) != told:  # an id given twice must not swallow a withdrawal
            receipt = _receipt(row)
        if receipt in stored:
            withheld.setdefault(("duplicate", "already_stored"), []).append(row.row)
            continue
        act = _act(row, subjects[row.user_id], receipt, upload_id, names)
        refused = refusal(act, notices, moment)
        if refused:
            withheld.setdefault(("rejected", refused.code), []).append(row.row)
            continue
        stored[receipt] = told
        acts.append(act)
    _, root = record_batch(acts=acts)
    return Landed(withheld, root=root)


def refused_consents(rows: pl.DataFrame, upload_id: UUID) -> Withheld:
    """The rows that the ledger would refuse as it is now; writes nothing."""
    read = [consent_row(row) for row in rows.select(CONSENT_COLUMNS).iter_rows(named=True)]
    read, withheld = _without_erased(read)
    subjects = known(row.user_id for row in read)
    stored = _known({name for row in read for name in (row.record_id or "", _receipt(row))})
    names = Names(upload_id, read)
    notices, moment = Notices(), now()
    for row in read:
        subject = subjects.get(row.user_id, NOBODY)
        receipt = row.record_id or _receipt(row)
        if stored.get(receipt) == _told(row, subject):
            withheld.setdefault(("duplicate", "already_stored"), []).append(row.row)
        elif refused := refusal(_act(row, subject, receipt, upload_id, names), notices, moment):
            withheld.setdefault(("rejected", refused.code), []).append(row.row)
    return withheld


def _without_erased(read: list[ConsentRow]) -> tuple[list[ConsentRow], Withheld]:
    """Acts from before a person's erasure are refused: only a fresh consent brings them back."""
    gone = erased(row.user_id for row in read)
    before = {
        row.row for row in read if row.user_id in gone and row.event_time <= gone[row.user_id]
    }
    ended = {("rejected", "erased"): sorted(before)} if before else {}
    return [row for row in read if row.row not in before], ended


def _known(receipts: set[str]) -> dict[str, Told]:
    """The acts that are stored under these receipts."""
    stored = ConsentRecord.objects.filter(receipt_id__in=receipts)
    columns = ("receipt_id", "subject_id", "purpose", "event", "event_time", "expires_at")
    return {receipt: tuple(told) for receipt, *told in stored.values_list(*columns)}


def _told(row: ConsentRow, subject_id: int) -> Told:
    return subject_id, row.purpose, row.event, row.event_time, row.expires_at


def _receipt(row: ConsentRow) -> str:
    """A keyed hash of the whole act, for one without an id of its own."""
    parts = [str(value) for name, value in sorted(vars(row).items()) if name != "row"]
    key = lasting_key(current_tenant(), "dedup")
    return f"rcpt_{blake2b(chr(31).join(parts).encode(), digest_size=16, key=key).hexdigest()}"


def _act(
    row: ConsentRow, subject_id: int, receipt: str, upload_id: UUID, names: Names
) -> ConsentInput:
    method = row.collection_method or ""
    return ConsentInput(
        subject_id=subject_id,
        purpose=Purpose(row.purpose),
        event=ConsentEvent(row.event),
        event_time=row.event_time,
        # How the file says it was collected; what it does not say is hearsay.
        collection_method=CollectionMethod(method) if method in METHODS else IMPORTED,
        lawful_basis=LawfulBasis(row.lawful_basis or "consent"),
        notice_id=row.notice_id or "",
        notice_version=row.notice_version or "",
        notice_language=row.notice_lang or "",
        notice_sha256=bytes.fromhex(row.notice_sha256) if row.notice_sha256 else None,
        pii_categories=row.pii_categories,
        jurisdiction=row.jurisdiction or "",
        expires_at=row.expires_at,
        retention_until=row.retention_until,
        age_band=row.age_band or "",
        guardian_record_id=names.guardian(row),
        recipients=row.recipients,
        storage_country=row.storage_country or "",
        transfer_mechanism=row.transfer_mechanism or "",
        evidence=_evidence(row.evidence),
        ui_variant=row.ui_variant or "",
        withdrawal_method=row.withdrawal_method or "",
        receipt_id=receipt,
        supersedes=names.superseded(row),
        upload_id=upload_id,
        row_no=row.row,
        record_id=names.own(row),
    )


def _evidence(text: str | None) -> dict[str, Any]:
    """Evidence is stored as it came: a TC or GPP string must never be altered."""
    return {"kind": "text", "value": text} if text else {}
