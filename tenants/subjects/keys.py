"""Key derivation and encryption: tenant keys from the master key, one own key per subject.

The master key lives in the environment, so a copy of the database alone names nobody.
Destroying a subject's wrapped key makes everything encrypted under it unreadable.
"""

import base64
import hashlib
import hmac
import os
import unicodedata
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

KEY_VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
LOOKUP_BYTES = 32


@lru_cache(maxsize=1024)
def tenant_key(tenant_id: UUID, use: str) -> bytes:
    """32 bytes for one use ("lookup", "wrap", "files", …), by HKDF-SHA256 (RFC 5869)."""
    master = base64.b64decode(settings.ATTUNE_MASTER_KEY)
    info = f"attune {use} v{KEY_VERSION}".encode()
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=tenant_id.bytes, info=info).derive(master)


def lookup_of(tenant_id: UUID, external_id: str) -> bytes:
    """The keyed pseudonym by which a subject is found; 32 bytes, useless without the key."""
    text = unicodedata.normalize("NFC", external_id).encode()
    return hmac.digest(tenant_key(tenant_id, "lookup"), text, hashlib.sha256)


def new_subject_key() -> bytes:
    return AESGCM.generate_key(KEY_BYTES * 8)


def seal(key: bytes, plain: bytes, context: bytes) -> bytes:
    """AES-256-GCM with a random nonce in front; `context` must be the same to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """The plain bytes; cryptography's InvalidTag when key, context or bytes are not the same."""
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)


def audit_pseudonym(key: bytes, tenant_id: UUID, subject_id: int) -> str:
    """How logs refer to a subject, by the subject's own key: unlinkable once it is destroyed."""
    text = tenant_id.bytes + str(subject_id).encode()
    return hmac.digest(key, b"audit" + text, hashlib.sha256).hex()


def wrap(tenant_id: UUID, lookup: bytes, subject_key: bytes) -> bytes:
    """A subject's key under its tenant's key, bound to that subject."""
    return seal(tenant_key(tenant_id, "wrap"), subject_key, tenant_id.bytes + lookup)


def unwrap(tenant_id: UUID, lookup: bytes, wrapped: bytes) -> bytes:
    return unseal(tenant_key(tenant_id, "wrap"), wrapped, tenant_id.bytes + lookup)
