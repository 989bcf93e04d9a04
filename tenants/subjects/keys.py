"""One own key per subject, wrapped by its tenant's, and the pseudonyms that keys make.

Destroying a subject's wrapped key makes everything encrypted under it unreadable.
"""

import hashlib
import hmac
import unicodedata
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.isolation.keys import KEY_BYTES, seal, tenant_key, unseal

LOOKUP_BYTES = 32


def lookup_of(tenant_id: UUID, external_id: str) -> bytes:
    """The keyed pseudonym by which a subject is found; 32 bytes, useless without the key."""
    text = unicodedata.normalize("NFC", external_id).encode()
    return hmac.digest(tenant_key(tenant_id, "lookup"), text, hashlib.sha256)


def new_subject_key() -> bytes:
    return AESGCM.generate_key(KEY_BYTES * 8)


def audit_pseudonym(key: bytes, tenant_id: UUID, subject_id: int) -> str:
    """How logs refer to a subject, by the subject's own key: unlinkable once it is destroyed."""
    text = tenant_id.bytes + str(subject_id).encode()
    return hmac.digest(key, b"audit" + text, hashlib.sha256).hex()


def wrap(tenant_id: UUID, lookup: bytes, subject_key: bytes) -> bytes:
    """A subject's key under its tenant's key, bound to that subject."""
    return seal(tenant_key(tenant_id, "wrap"), subject_key, tenant_id.bytes + lookup)


def unwrap(tenant_id: UUID, lookup: bytes, wrapped: bytes) -> bytes:
    return unseal(tenant_key(tenant_id, "wrap"), wrapped, tenant_id.bytes + lookup)
