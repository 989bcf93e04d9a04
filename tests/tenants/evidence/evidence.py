"""What the tests of evidence share: a finished export, its files, and its verification."""

import io
import zipfile
from typing import Any

from tenants.audit.signing import public_key
from tenants.departure import files
from tenants.evidence.models import EvidenceExport
from tenants.evidence.services import request_evidence
from tenants.evidence.verifier import Finding, Memory, verify
from tenants.work.run import run_waiting


def make_evidence(business, kind: str = "audit", **filters: Any) -> EvidenceExport:
    """An export that a worker has made."""
    with business.scope:
        asked = request_evidence(kind=kind, filters=filters, actor=business.actor)
    run_waiting("default")
    with business.scope:
        made = EvidenceExport.objects.get(pk=asked.pk)
    assert made.state == EvidenceExport.DONE, made.error
    return made


def zip_of(export: EvidenceExport) -> bytes:
    return b"".join(files.read(export.tenant_id, export.id))


def content_of(export: EvidenceExport) -> dict[str, bytes]:
    """The files of an export by name."""
    with zipfile.ZipFile(io.BytesIO(zip_of(export))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def faults(business, content: dict[str, bytes], checkpoint: bytes | None = None) -> list[Finding]:
    """What the shipped verifier finds under the tenant's key."""
    return verify(Memory(content), public_key(business.tenant.id), checkpoint)
