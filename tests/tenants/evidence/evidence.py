"""What the tests of evidence share: a finished export, its files, and its verification."""

import hashlib
import io
import json
import zipfile
from typing import Any

from tenants.audit.signing import public_key, sign
from tenants.departure import files
from tenants.evidence.cells import json_line
from tenants.evidence.models import EvidenceExport
from tenants.evidence.services import request_evidence
from tenants.evidence.verifier import BESIDE, Chain, Finding, Memory, entry_hash, verify
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


def relinked(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same entries as one chain that fits in itself."""
    log, found = Chain(), []
    for number, entry in enumerate(entries, start=1):
        linked = entry | {"seq": number, "prev_hash": log.hash.hex()}
        content = {name: value for name, value in linked.items() if name not in BESIDE}
        log.add(number, entry_hash(content))
        found.append(linked | {"entry_hash": log.hash.hex()})
    return found


def forged(business, content: dict[str, bytes], entries: list[dict[str, Any]]) -> dict[str, bytes]:
    """The export with these entries, under a manifest made and signed anew with the real key."""
    manifest = json.loads(content["manifest.json"])
    made = content | {"entries.jsonl": b"".join(map(json_line, entries))}
    for file in manifest["files"]:
        lines = made[file["name"]].splitlines(keepends=True)
        digests = b"".join(hashlib.sha256(line).digest() for line in lines)
        made[file["digests"]["name"]] = digests
        file["sha256"] = hashlib.sha256(made[file["name"]]).hexdigest()
        file["digests"]["sha256"] = hashlib.sha256(digests).hexdigest()
        file["lines"] = len(lines)
    facts = next(file["facts"] for file in manifest["files"] if file["name"] == "entries.jsonl")
    facts["ends_at"] = len(entries)
    told = json.dumps(manifest).encode()
    signature = sign(business.tenant.id, "manifest", told)
    made["manifest.json"] = told
    words = {"key_id": signature.key_id, "signature": signature.value.hex()}
    made["manifest.sig"] = (json.dumps({"kind": "manifest", **words}) + "\n").encode()
    return made
