"""Identifiers that the API shows: a type prefix and a time-ordered UUID in base 62."""

import os
import time
from threading import Lock
from uuid import UUID

from tenants.errors import NotFound

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
WIDTH = 22  # 62**22 > 2**128
# Two digits at a time: each request gets an id, the refused ones too.
_PAIRS = [first + second for first in DIGITS for second in DIGITS]

# One row per kind of object that has a public identifier.
PREFIXES = {
    "tenant": "tnt",
    "person": "psn",
    "member": "mem",
    "key": "key",
    "invitation": "inv",
    "export": "exp",
    "evidence": "evd",
    "notice": "ntc",
    "consent record": "cns",
    "consent flag": "flg",
    "use table": "use",
    "signal table": "sgt",
    "consent signal": "sig",
    "upload": "upl",
    "event batch": "evb",
    "snapshot": "snp",
    "erasure": "ers",
    "job": "ftjob",
    "job event": "ftevent",
    "checkpoint": "ftckpt",
    "version": "ver",
    "recommendation": "rec",
    "seal": "seal",
    "audit entry": "aud",
    "checkpoint of the log": "chk",
    "rights request": "rrq",
    "subject export": "sbx",
    "profile removal": "rmv",
    "correction": "cor",
}


_ticking = Lock()
_last_tick = 0


def uuid7() -> UUID:
    """A UUID version 7 (RFC 9562, section 5.7) above every one that this process made before.

    48 bits of Unix milliseconds, 12 bits of 1/4096 of them (section 6.2, method 3), 62 random bits.
    """
    global _last_tick
    with _ticking:
        # A tick is 244 ns: two within one, or a clock set back, take the next.
        _last_tick = max(_last_tick + 1, (time.time_ns() << 12) // 1_000_000)
        milliseconds, part = divmod(_last_tick, 4096)
    told = milliseconds.to_bytes(6, "big") + part.to_bytes(2, "big")
    return seven(told + os.urandom(8))


def seven(told: bytes) -> UUID:
    """The UUID version 7 that these 16 bytes become."""
    value = int.from_bytes(told, "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


def encode(value: int, width: int = WIDTH) -> str:
    """`value` in base 62, padded with zeros to `width`."""
    pairs = []
    while value:
        value, rest = divmod(value, 3844)
        pairs.append(_PAIRS[rest])
    digits = "".join(reversed(pairs))
    # A pair may bring a zero in front of what is wider than `width`.
    return digits.lstrip("0").rjust(width, "0")


def decode(text: str) -> int:
    """The number behind `text`; ValueError on a character outside base 62."""
    value = 0
    for character in text:
        value = value * 62 + DIGITS.index(character)
    return value


def public_id(kind: str, value: UUID) -> str:
    """`upl_…` and the like; `kind` is a row of PREFIXES."""
    return f"{PREFIXES[kind]}_{encode(value.int)}"


def parse_id(kind: str, text: str) -> UUID:
    """The UUID behind a public identifier; NotFound when it cannot be one of that kind."""
    prefix, _, digits = text.partition("_")
    if prefix != PREFIXES[kind] or len(digits) != WIDTH:
        raise NotFound(kind)
    try:
        return UUID(int=decode(digits))
    except ValueError:
        raise NotFound(kind) from None
