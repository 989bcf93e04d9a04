"""The kind `consents`: every consent record and flag as it is kept, the notices with their bytes.

A person goes by the integer that the records' hashes cover, and by the reference under their own
key that the audit log uses; nobody's own id is in it.
"""

import base64
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from tenants.audit.canonical import timestamp
from tenants.consent.models import ConsentFlag, ConsentRecord, Notice
from tenants.csv_cells import csv_line
from tenants.evidence.cells import json_line
from tenants.evidence.kinds import EvidenceFile, EvidenceKind, Options
from tenants.isolation.reading import CHUNK, in_chunks
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import keys_of
from tenants.subjects.keys import audit_pseudonym

FEW = 100  # notices come with their bytes
CONDITIONS = {
    "since": "recorded_at__gte", "until": "recorded_at__lt", "subject_id": "subject_id",
}  # fmt: skip
COLUMNS = (
    "id", "subject_ref", "purpose", "event", "lawful_basis", "event_time", "recorded_at",
    "expires_at", "retention_until", "notice_version", "notice_sha256", "notice_language",
    "collection_method", "jurisdiction", "age_band", "record_hash",
)  # fmt: skip


def _chosen(options: Options) -> "QuerySet[ConsentRecord]":
    wanted = {CONDITIONS[name]: options[name] for name in CONDITIONS if name in options}
    return ConsentRecord.objects.filter(**wanted)


def _rows(options: Options) -> Iterator[dict[str, Any]]:
    """Every chosen record with its hash and its person's reference, a chunk at a time."""
    records = in_chunks(_chosen(options), "id")
    while part := list(islice(records, CHUNK)):
        keys, tenant_id = keys_of({one.subject_id for one in part}), current_tenant()
        for one in part:
            key = keys.get(one.subject_id)
            yield {
                **one.content(),
                "subject_ref": audit_pseudonym(key, tenant_id, one.subject_id) if key else "",
                "record_hash": bytes(one.record_hash).hex(),
            }


def _flags(options: Options) -> Iterator[bytes]:
    """Restrictions and objections, set and lifted, which lie over every consent."""
    wanted = {CONDITIONS[name]: options[name] for name in CONDITIONS if name in options}
    flags = in_chunks(ConsentFlag.objects.filter(**wanted), "id")
    while part := list(islice(flags, CHUNK)):
        keys, tenant_id = keys_of({one.subject_id for one in part}), current_tenant()
        for one in part:
            key = keys.get(one.subject_id)
            yield json_line({
                "id": str(one.id), "kind": one.kind, "raised": one.raised,
                "purposes": one.purposes, "actor": one.actor_ref,
                "recorded_at": timestamp(one.recorded_at), "subject_id": str(one.subject_id),
                "subject_ref": audit_pseudonym(key, tenant_id, one.subject_id) if key else "",
            })  # fmt: skip


def _notices() -> Iterator[bytes]:
    for notice in in_chunks(Notice.objects.all(), "archived_at", "id", size=FEW):
        yield json_line({
            "notice_id": notice.notice_id, "version": notice.version, "language": notice.language,
            "purposes": notice.purposes, "pii_categories": notice.pii_categories,
            "later_events_only": notice.later_events_only, "sha256": bytes(notice.sha256).hex(),
            "archived_at": timestamp(notice.archived_at),
            "body_base64": base64.b64encode(bytes(notice.body)).decode(),
        })  # fmt: skip


def _files(options: Options) -> Iterator[EvidenceFile]:
    yield EvidenceFile("consents.jsonl", map(json_line, _rows(options)))
    yield EvidenceFile("consents.csv", _table(options))
    yield EvidenceFile("flags.jsonl", _flags(options))
    yield EvidenceFile("notices.jsonl", _notices())


def _table(options: Options) -> Iterator[bytes]:
    yield csv_line(COLUMNS, one_line=True)
    for row in _rows(options):
        yield csv_line((row[name] for name in COLUMNS), one_line=True)


kind = EvidenceKind(_("Consent ledger"), _files, filters=("since", "until", "subject"))
