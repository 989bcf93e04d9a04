"""The form of an API key: prefix, tenant's public id, secret, checksum. Pure; no database.

The tenant's id leads, so that the look-up runs inside that tenant's scope. The checksum lets a
secret scanner tell a key from noise offline (as GitHub's tokens do).
"""

import hashlib
import secrets
import zlib
from dataclasses import dataclass
from uuid import UUID

from tenants.ids import DIGITS, WIDTH, decode, encode

PREFIX = "ak_"
SECRET_LENGTH = 32  # base 62: 190 bits
CHECKSUM_LENGTH = 6


@dataclass(frozen=True)
class Token:
    """A key taken apart. `hash` is SHA-256 of the whole: with 190 random bits no salt is needed."""

    tenant_id: UUID
    text: str

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def redacted(self) -> str:
        return f"{self.text[:9]}…{self.text[-4:]}"


def new_token(tenant_id: UUID) -> Token:
    """A fresh key for the tenant; its text is shown once and never stored."""
    secret = "".join(secrets.choice(DIGITS) for _ in range(SECRET_LENGTH))
    body = f"{PREFIX}{encode(tenant_id.int)}{secret}"
    return Token(tenant_id, body + _checksum(body))


def parse_token(text: str) -> Token | None:
    """The key behind `text`, or None when it cannot be one (shape or checksum)."""
    length = len(PREFIX) + WIDTH + SECRET_LENGTH + CHECKSUM_LENGTH
    if len(text) != length or not text.startswith(PREFIX) or not text.isascii():
        return None
    if _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    number = text[len(PREFIX) : len(PREFIX) + WIDTH]
    try:
        return Token(UUID(int=decode(number)), text)
    except ValueError:
        return None


def _checksum(body: str) -> str:
    return encode(zlib.crc32(body.encode()), CHECKSUM_LENGTH)
