"""The kind `lineage`: which versions were made of which frozen data, and the consents behind them.

Nobody is named: a record of consent is, by its id, and the hash of what was used under it.
"""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from tenants.audit.canonical import timestamp
from tenants.evidence.cells import json_line
from tenants.evidence.kinds import EvidenceFile, EvidenceKind, Options
from tenants.ids import public_id
from tenants.isolation.reading import in_chunks
from training.jobs.models import Snapshot, SnapshotSubject, Version


def _versions() -> Iterator[bytes]:
    for version in in_chunks(Version.objects.all(), "number"):
        parent = public_id("version", version.parent_id) if version.parent_id else None
        yield json_line(
            {
                "id": version.public_id,
                "number": version.number,
                "job": public_id("job", version.job_id),
                "snapshot": public_id("snapshot", version.snapshot_id),
                "parent": parent,
                "manifest_sha256": bytes(version.manifest_sha256).hex(),
                "fate": version.fate,
                "cause": version.taint,
                "due_at": _at(version.due_at),
                "destroyed_at": _at(version.destroyed_at),
                "created_at": _at(version.created_at),
            }
        )


def _snapshots() -> Iterator[bytes]:
    for snapshot in in_chunks(Snapshot.objects.all(), "id"):
        yield json_line(
            {
                "id": snapshot.public_id,
                "sha256": bytes(snapshot.sha256).hex(),
                "purpose": snapshot.purpose,
                "policy_version": snapshot.policy_version,
                "events": snapshot.events,
                "subjects": snapshot.subjects,
                "cause": snapshot.taint,
                "destroyed_at": _at(snapshot.destroyed_at),
                "created_at": _at(snapshot.created_at),
            }
        )


def _relied_on() -> Iterator[bytes]:
    for member in in_chunks(SnapshotSubject.objects.all(), "id"):
        yield json_line(
            {
                "snapshot": public_id("snapshot", member.snapshot_id),
                "consent": public_id("consent record", member.consent_record_id),
                "events": member.events,
                "content_sha256": bytes(member.content_hash).hex(),
            }
        )


def _at(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None


def _files(options: Options) -> Iterator[EvidenceFile]:
    yield EvidenceFile("versions.jsonl", _versions())
    yield EvidenceFile("snapshots.jsonl", _snapshots())
    yield EvidenceFile("relied_on.jsonl", _relied_on())


kind = EvidenceKind(says=_("Lineage of models"), files=_files)
