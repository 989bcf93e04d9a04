"""One own key per subject, wrapped by its tenant's, and the pseudonyms that keys make.

Destroying a subject's wrapped key makes everything encrypted under it unreadable.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Sequence
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.isolation.keys import KEY_BYTES, seal, tenant_key, tenant_keys, unseal_with

LOOKUP_BYTES = 32


def lookup_of(tenant_id: UUID, external_id: str) -> bytes:
    """The keyed pseudonym under which a subject is made; 32 bytes, useless without the key."""
    return lookups_of(tenant_id, external_id)[0]


def lookups_of(tenant_id: UUID, external_id: str) -> list[bytes]:
    """The pseudonyms by which a subject may be found: two while the master key is rotated, that of
    the current version first."""
    return possible_lookups(tenant_id, [external_id])[external_id]


def possible_lookups(tenant_id: UUID, external_ids: Iterable[str]) -> dict[str, list[bytes]]:
    """`lookups_of` of each of them."""
    keys = tenant_keys(tenant_id, "lookup")
    return {external: _lookups(keys, external) for external in external_ids}


def _lookups(keys: Sequence[bytes], external_id: str) -> list[bytes]:
    text = unicodedata.normalize("NFC", external_id).encode()
    return [hmac.digest(key, text, "sha256") for key in keys]


def new_subject_key() -> bytes:
    return AESGCM.generate_key(KEY_BYTES * 8)


def audit_pseudonym(key: bytes, tenant_id: UUID, subject_id: int) -> str:
    """How logs refer to a subject, by the subject's own key: unlinkable once it is destroyed."""
    text = tenant_id.bytes + str(subject_id).encode()
    return hmac.digest(key, b"audit" + text, hashlib.sha256).hex()


def erasure_reference(key: bytes, tenant_id: UUID, subject_id: int) -> bytes:
    """32 bytes by which an older backup finds the person again, whatever they were called then: by
    their own key, so that nothing is found where it is destroyed.
    """
    text = tenant_id.bytes + str(subject_id).encode()
    return hmac.digest(key, b"erasure" + text, hashlib.sha256)


def wrap(tenant_id: UUID, lookup: bytes, subject_key: bytes) -> bytes:
    """A subject's key under its tenant's key, bound to that subject."""
    return seal(tenant_key(tenant_id, "wrap"), subject_key, tenant_id.bytes + lookup)


def unwrap(tenant_id: UUID, lookup: bytes, wrapped: bytes) -> bytes:
    return unseal_with(tenant_keys(tenant_id, "wrap"), wrapped, tenant_id.bytes + lookup)
