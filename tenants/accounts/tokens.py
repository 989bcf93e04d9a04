"""The form of an API key: kind, mode, tenant's public id, secret, checksum. Pure; no database.

    ak_restricted_live_TTTTTTTTTTTTTTTTTTTTTTssssssssssssssssssssssssssssssssCCCCCC

Kind and mode are there for the eye. The tenant's id leads the rest, so that the look-up runs
inside that tenant's scope. The checksum (CRC-32 over all before it, in base 62, as GitHub's
tokens have it) lets a secret scanner tell a key from noise offline; SCANNED is its pattern.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from uuid import UUID

from tenants.ids import DIGITS, WIDTH, decode, encode

PUBLIC, SECRET, RESTRICTED = "public", "secret", "restricted"
KINDS = (PUBLIC, SECRET, RESTRICTED)
LIVE, TEST = "live", "test"
SECRET_LENGTH = 32  # base 62: 190 bits
CHECKSUM_LENGTH = 6
SCANNED = (
    rf"ak_(public|secret|restricted)_(live|test)_[0-9A-Za-z]{{{WIDTH}}}"
    rf"[0-9A-Za-z]{{{SECRET_LENGTH}}}[0-9A-Za-z]{{{CHECKSUM_LENGTH}}}"
)
_PATTERN = re.compile(SCANNED, re.ASCII)
_LONGEST = 100


@dataclass(frozen=True)
class Token:
    """A key taken apart. `hash` is SHA-256 of the whole: with 190 random bits no salt is needed."""

    tenant_id: UUID
    text: str
    kind: str
    mode: str

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def redacted(self) -> str:
        """Kind, mode and the last four characters, which are of the checksum."""
        return f"{_lead(self.kind, self.mode)}…{self.text[-4:]}"


def new_token(tenant_id: UUID, kind: str = RESTRICTED, mode: str = LIVE) -> Token:
    """A fresh key for the tenant; its text is shown once and never stored."""
    secret = "".join(secrets.choice(DIGITS) for _ in range(SECRET_LENGTH))
    body = f"{_lead(kind, mode)}{encode(tenant_id.int)}{secret}"
    return Token(tenant_id, body + _checksum(body), kind, mode)


def parse_token(text: str) -> Token | None:
    """The key behind `text`, or None when it cannot be one (shape or checksum)."""
    found = _PATTERN.fullmatch(text) if len(text) < _LONGEST else None
    if found is None or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    start = found.end(2) + 1
    try:
        tenant_id = UUID(int=decode(text[start : start + WIDTH]))
    except ValueError:
        return None
    return Token(tenant_id, text, found[1], found[2])


def _lead(kind: str, mode: str) -> str:
    return f"ak_{kind}_{mode}_"


def _checksum(body: str) -> str:
    return encode(zlib.crc32(body.encode()), CHECKSUM_LENGTH)
