"""The kind `audit`: the tenant's log as lines, whole or filtered, with the checkpoints over it.

A filter leaves the hashes of what it omits, so that the chain can still be followed.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from tenants.audit.checkpoints import between, line_of
from tenants.audit.models import AuditDetail, AuditEntry, AuditHead
from tenants.csv_cells import csv_line
from tenants.evidence.cells import json_line
from tenants.evidence.kinds import EvidenceFile, EvidenceKind, Options

CHUNK = 2000
# Filter -> the condition that it is; the others of its options are for other kinds.
CONDITIONS = {
    "since": "recorded_at__gte",
    "until": "recorded_at__lt",
    "action": "action",
    "actor": "actor_ref",
    "outcome": "outcome",
    "subject_ref": "subject_ref",
}
COLUMNS = (
    "seq", "recorded_at", "occurred_at", "actor_type", "actor_ref", "actor_role", "actor_auth",
    "action", "object_type", "object_id", "object_version", "subject_ref", "purpose",
    "lawful_basis", "outcome", "reason", "request_id", "policy_version",
)  # fmt: skip


def conditions_of(options: Options) -> dict[str, Any]:
    """The filters as conditions on entries."""
    return {CONDITIONS[name]: options[name] for name in CONDITIONS if name in options}


class _Log:
    """The entries from the first that is kept up to the last one now, in chunks."""

    def __init__(self, options: Options) -> None:
        self._chosen = AuditEntry.objects.filter(**conditions_of(options))
        head = AuditHead.objects.first()
        first = AuditEntry.objects.order_by("seq").values_list("seq", flat=True).first()
        self.ends_at = head.seq if head else 0
        self.begins_behind = first - 1 if first else self.ends_at
        self.shown = self.omitted = 0

    def facts(self) -> Mapping[str, Any]:
        return {
            "begins_behind": self.begins_behind,
            "ends_at": self.ends_at,
            "shown": self.shown,
            "omitted": self.omitted,
        }

    def lines(self) -> Iterator[bytes]:
        """Every entry of the range, as itself or as a stub."""
        for start in self._starts():
            chosen = {entry.seq: line for entry, line in self._chunk(start)}
            every = self._range(AuditEntry.objects.all(), start)
            for seq, entry_hash in every.values_list("seq", "entry_hash"):
                line = chosen.get(seq)
                self.shown += line is not None
                self.omitted += line is None
                stub = {"seq": seq, "entry_hash": bytes(entry_hash).hex(), "omitted": True}
                yield json_line(line or stub)

    def rows(self) -> Iterator[bytes]:
        """What the filter chose, for a spreadsheet."""
        yield csv_line([*COLUMNS, "details", "entry_hash"], one_line=True)
        for start in self._starts():
            for entry, line in self._chunk(start):
                facts = [getattr(entry, name) for name in COLUMNS]
                details = json.dumps(line["details"], sort_keys=True) if "details" in line else ""
                yield csv_line([*facts, details, line["entry_hash"]], one_line=True)

    def _starts(self) -> range:
        return range(self.begins_behind + 1, self.ends_at + 1, CHUNK)

    def _range(self, entries: "QuerySet[AuditEntry]", start: int) -> "QuerySet[AuditEntry]":
        end = min(start + CHUNK, self.ends_at + 1)
        return entries.filter(seq__gte=start, seq__lt=end).order_by("seq")

    def _chunk(self, start: int) -> Iterator[tuple[AuditEntry, dict[str, Any]]]:
        """The chosen entries of a chunk, each as the line that it becomes."""
        entries = list(self._range(self._chosen, start))
        rows = AuditDetail.objects.filter(entry_id__in=[entry.pk for entry in entries])
        details = {row.entry_id: row for row in rows}
        for entry in entries:
            line = {**entry.content(), "entry_hash": bytes(entry.entry_hash).hex()}
            row = details.get(entry.pk)
            if row is not None:  # else they were deleted: the hash is what is left of them
                line |= {"details": row.details, "salt": bytes(row.salt).hex()}
            yield entry, line


def _files(options: Options) -> Iterator[EvidenceFile]:
    log = _Log(options)
    yield EvidenceFile("entries.jsonl", log.lines(), log.facts)
    yield EvidenceFile("entries.csv", log.rows())
    marks = between(log.begins_behind, log.ends_at)
    yield EvidenceFile("checkpoints.jsonl", (json_line(line_of(mark)) for mark in marks))


kind = EvidenceKind(
    says=_("Audit log"),
    files=_files,
    filters=("since", "until", "action", "actor", "outcome", "subject"),
)
