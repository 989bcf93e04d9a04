"""A tenant's own keys, derived from the master key, and sealing under any key.

The master key lives in the environment, so a copy of the database alone opens nothing. While it is
rotated there are two, each with its version: what is written is under the current one, what is read
may still be under the one before. Knows no subject and no table.
"""

import base64
import os
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

FIRST_VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12


class MasterKeyMissing(RuntimeError):
    """Something lies under a master key that this process was not given."""


def current_version() -> int:
    """The version of the master key under which everything is written."""
    return int(settings.ATTUNE_MASTER_KEY_VERSION)


def versions() -> tuple[int, ...]:
    """The versions that can be read, the current one first."""
    current = current_version()
    return (current, current - 1) if settings.ATTUNE_MASTER_KEY_PREVIOUS else (current,)


def tenant_key(tenant_id: UUID, use: str, version: int | None = None) -> bytes:
    """32 bytes for one use ("lookup", "wrap", "files", …), by HKDF-SHA256 (RFC 5869).

    Under the current master key, or the one of that version; MasterKeyMissing.
    """
    version = version or current_version()
    return _derived(_master(version), version, tenant_id, use)


def tenant_keys(tenant_id: UUID, use: str) -> list[bytes]:
    """The key for one use under each version that can be read, the current one first."""
    return [tenant_key(tenant_id, use, version) for version in versions()]


def _master(version: int) -> str:
    if version == current_version():
        return str(settings.ATTUNE_MASTER_KEY)
    if version in versions():
        return str(settings.ATTUNE_MASTER_KEY_PREVIOUS)
    raise MasterKeyMissing(f"version {version} of the master key is not here: {versions()} are")


@lru_cache(maxsize=2048)
def _derived(master: str, version: int, tenant_id: UUID, use: str) -> bytes:
    info = f"attune {use} v{version}".encode()
    key = HKDF(hashes.SHA256(), KEY_BYTES, salt=tenant_id.bytes, info=info)
    return key.derive(base64.b64decode(master))


def seal(key: bytes, plain: bytes, context: bytes) -> bytes:
    """AES-256-GCM with a random nonce in front; `context` must be the same to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """The plain bytes; cryptography's InvalidTag when key, context or bytes are not the same."""
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)


def unseal_with(keys: Sequence[bytes], sealed: bytes, context: bytes) -> bytes:
    """The same under the first of the keys that opens it; InvalidTag when none does."""
    for key in keys[:-1]:
        try:
            return unseal(key, sealed, context)
        except InvalidTag:
            continue
    return unseal(keys[-1], sealed, context)
