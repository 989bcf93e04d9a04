"""A tenant's signature over what leaves the house: Ed25519 (RFC 8032), one key per tenant.

The key follows from the master key, so a copy of the database alone can sign nothing. It stays the
same when the master key is rotated (`tenants/isolation/lasting.py`): readers have pinned it.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenants.isolation.lasting import lasting_key

# Every signed text begins with what it is, so that a signature over one kind fits no other.
CONTEXT = b"attune signature v1: "


@dataclass(frozen=True)
class Signature:
    """`value` is 64 bytes over `CONTEXT + kind + NUL + content`; `key_id` names the public key."""

    key_id: str
    value: bytes


def sign(tenant_id: UUID, kind: str, content: bytes) -> Signature:
    """Sign `content` as a text of `kind` ("checkpoint", "manifest", "certificate")."""
    return Signature(key_id(tenant_id), _private_key(tenant_id).sign(signed(kind, content)))


def signed(kind: str, content: bytes) -> bytes:
    """The bytes that a signature covers."""
    return CONTEXT + kind.encode() + b"\x00" + content


def public_key(tenant_id: UUID) -> bytes:
    """The 32 raw bytes that a reader pins."""
    return _private_key(tenant_id).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(tenant_id: UUID) -> str:
    """The first 16 hex digits of the public key's SHA-256."""
    return hashlib.sha256(public_key(tenant_id)).hexdigest()[:16]


def _private_key(tenant_id: UUID) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(lasting_key(tenant_id, "sign"))
