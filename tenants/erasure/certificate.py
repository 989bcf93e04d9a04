"""The certificate of an erasure and what is added to it: canonical JSON, signed by the tenant.

It names no person: the request does. `verify_certificate.py` checks it with nothing of this house.
"""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import rfc8785
from django.conf import settings
from django.utils.timezone import now

from tenants.audit.canonical import timestamp
from tenants.audit.checkpoints import line_of, make_checkpoint, newest
from tenants.audit.models import AuditEntry
from tenants.audit.signing import public_key, sign
from tenants.erasure.counting import KEPT, left
from tenants.erasure.models import Erasure, ErasureStatement
from tenants.erasure.queries import facts_of
from tenants.errors import Conflict
from tenants.ids import public_id

FORMAT = 1
# What a signature is over, see `tenants.audit.signing`.
SIGNED_AS = "certificate"
LOOK_AGAIN = timedelta(hours=24)


def certify(erasure: Erasure) -> None:
    """Once everything was swept: what there was, what is left and why, when copies end."""
    counted = {
        name: {"before": count, "after": erasure.after.get(name, 0)}
        for name, count in erasure.before.items()
    }
    _state(
        erasure,
        ErasureStatement.CERTIFICATE,
        {
            "request": erasure.request_ref,
            "begun_at": timestamp(erasure.begun_at),
            "swept_at": timestamp(erasure.swept_at or now()),
            "stores": counted,
            "left": left(erasure.after),
            "kept": {name: why for name, why in KEPT.items() if erasure.after.get(name)},
            "destroyed_keys": erasure.keys,
            **facts_of(erasure.subject_id),
            "backups_expire_at": timestamp(erasure.begun_at + timedelta(days=settings.BACKUP_DAYS)),
            "looked_for_again_at": timestamp((erasure.swept_at or now()) + LOOK_AGAIN),
            "audit": _anchor(erasure),
        },
    )


def add_rescan(erasure: Erasure, found: dict[str, int], still: dict[str, int]) -> None:
    """What the second look found, and what is left of that."""
    _add(erasure, ErasureStatement.RESCAN, {"found": found, "left": still})


def add_models(erasure: Erasure) -> None:
    """The end of every version that had learnt from the person."""
    _add(erasure, ErasureStatement.MODELS, facts_of(erasure.subject_id))


def document(erasure: Erasure) -> dict[str, Any]:
    """The certificate and its additions, as they are handed out; Conflict certificate_not_ready."""
    statements = list(erasure.statements.order_by("id"))
    if not statements:
        raise Conflict(
            "certificate_not_ready", "Files and caches are still being destroyed. Ask again soon."
        )
    return {
        "object": "erasure_certificate",
        "format": FORMAT,
        "erasure": erasure.public_id,
        "public_key": public_key(erasure.tenant_id).hex(),
        "statements": [
            {
                "kind": one.kind,
                "text": one.text,
                "key_id": one.key_id,
                "signature": base64.b64encode(bytes(one.signature)).decode(),
            }
            for one in statements
        ],
    }


def _add(erasure: Erasure, kind: str, content: dict[str, Any]) -> None:
    """An addition names the certificate that it belongs to by its hash."""
    first = erasure.statements.filter(kind=ErasureStatement.CERTIFICATE).first()
    if first is None:  # from before there were certificates
        return
    digest = hashlib.sha256(first.text.encode()).hexdigest()
    _state(erasure, kind, {"certificate_sha256": digest, **content})


def _state(erasure: Erasure, kind: str, content: dict[str, Any]) -> None:
    head: dict[str, Any] = {
        "format": FORMAT,
        "kind": kind,
        "tenant": public_id("tenant", erasure.tenant_id),
        "erasure": erasure.public_id,
        "stated_at": timestamp(now()),
    }
    text = rfc8785.dumps({**head, **content})
    signature = sign(erasure.tenant_id, SIGNED_AS, text)
    ErasureStatement.objects.create(
        erasure=erasure,
        kind=kind,
        text=text.decode(),
        key_id=signature.key_id,
        signature=signature.value,
    )


def _anchor(erasure: Erasure) -> dict[str, Any]:
    """The log's entry that the erasure began, and a signed checkpoint that covers it."""
    entry = AuditEntry.objects.filter(seq=erasure.audit_seq or 0).first()
    digest = bytes(entry.entry_hash).hex() if entry else ""
    make_checkpoint(at_once=True)
    last = newest()
    covers = last is not None and last.size >= (erasure.audit_seq or 0)
    checkpoint = line_of(last) if last and covers else None
    return {"seq": erasure.audit_seq, "entry_hash": digest, "checkpoint": checkpoint}
