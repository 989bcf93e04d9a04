"""Whether a file is here whole, and is what was said to come: asked before its first row."""

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.arriving import vault
from tenants.behaviour.models import Upload
from tenants.behaviour.refusals import UploadRefused
from tenants.isolation.scope import tenant_scope


def check_whole(upload: Upload) -> None:
    """Open every piece of it; a hash that nobody named is told to the log.

    Raises UploadRefused hash_differs, FileNotFoundError, InvalidTag.
    """
    found = vault.digest(upload.tenant_id, upload.id)
    if upload.sha256:
        if found != bytes(upload.sha256):
            raise UploadRefused("hash_differs")
        return
    with tenant_scope(upload.tenant_id):
        upload.sha256 = found
        upload.save(update_fields=["sha256"])
        record(
            AuditEvent.UPLOAD_ARRIVED,
            actor=system("ingest"),
            object_id=upload.public_id,
            details={"bytes": upload.bytes, "sha256": found.hex()},
        )
