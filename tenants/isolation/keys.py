"""A tenant's own keys, derived from the master key, and sealing under any key.

The master key lives in the environment, so a copy of the database alone opens nothing.
Knows no subject and no table.
"""

import base64
import os
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

KEY_VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12


@lru_cache(maxsize=1024)
def tenant_key(tenant_id: UUID, use: str) -> bytes:
    """32 bytes for one use ("lookup", "wrap", "files", …), by HKDF-SHA256 (RFC 5869)."""
    master = base64.b64decode(settings.ATTUNE_MASTER_KEY)
    info = f"attune {use} v{KEY_VERSION}".encode()
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=tenant_id.bytes, info=info).derive(master)


def seal(key: bytes, plain: bytes, context: bytes) -> bytes:
    """AES-256-GCM with a random nonce in front; `context` must be the same to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """The plain bytes; cryptography's InvalidTag when key, context or bytes are not the same."""
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
