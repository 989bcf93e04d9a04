"""Random tampering with real exports for auditors, held against the verifier that ships in them.

Knows no target of its own: whoever proves consent calls `run`. Needs Django and a database.
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tenants.audit.checkpoints import line_of, make_checkpoint
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.audit.signing import public_key, signed
from tenants.evidence.verifier import Finding, Memory, verify
from tests.tenants.evidence.evidence import content_of, forged, make_evidence, relinked

ENTRIES, MANIFEST, SIGNATURE = "entries.jsonl", "manifest.json", "manifest.sig"
# Files whose lines are all different, so that it is certain which one is gone.
TABLES = (ENTRIES, "entries.csv", "checkpoints.jsonl")
Content = dict[str, bytes]


@dataclass(frozen=True)
class Tampered:
    """An altered export and what should be named: any of `files`; the line, where it is certain.
    `outside`: a checkpoint that the reader holds.
    """

    content: Content
    files: tuple[str, ...]
    line: int | None
    outside: bytes | None = None


@dataclass(frozen=True)
class Ground:
    """What is tampered with: exports of one tenant, whole and filtered, and a checkpoint that left
    the house after the last entry of the first.
    """

    business: Any
    exports: list[Content]
    checkpoint: bytes
    key: bytes


def run(count: int, seed: int) -> dict[str, int]:
    """Tamper `count` times; how often nobody noticed, and how often another place was named."""
    chance = random.Random(seed)
    where = ground(seed)
    for content in where.exports:
        assert verify(Memory(content), where.key) == [], "the export does not verify untouched"
    result, kinds = Counter[str](), Counter[str]()
    names, weights = zip(*((name, share) for name, (_, share) in WAYS.items()), strict=True)
    for name in chance.choices(names, weights, k=count):
        tampered = WAYS[name][0](where, chance)
        found = verify(Memory(tampered.content), where.key, tampered.outside)
        kinds[name] += 1
        result["tampers_undetected"] += not found
        if found and not _named(found, tampered):
            result["wrong_line_named"] += 1
            print(f"{name}: expected {tampered.files} line {tampered.line}, found {found[0]}")
    print("tampers: " + ", ".join(f"{n} {name}" for name, n in sorted(kinds.items())))
    return {
        "tampers": count,
        "tampers_undetected": result["tampers_undetected"],
        "wrong_line_named": result["wrong_line_named"],
    }


def _named(found: list[Finding], tampered: Tampered) -> bool:
    first = found[0]
    return first.file in tampered.files and tampered.line in (None, first.line)


def ground(seed: int) -> Ground:
    """A tenant with a log, checkpoints and two exports, really made by the worker."""
    from tests.business import make_business

    business = make_business(f"tampers-{seed}")
    for number in range(100):
        with business.scope:
            details = {"entries": number, "ok": True}
            record(AuditEvent.LOG_VERIFIED, actor=business.actor, details=details)
            if number % 20 == 19:
                make_checkpoint(at_once=True)
    whole = content_of(make_evidence(business))
    filtered = content_of(make_evidence(business, action="log.verified"))
    with business.scope:
        checkpoint = make_checkpoint(at_once=True)
        assert checkpoint is not None
        line = json.dumps(line_of(checkpoint)).encode()
    # The newest export reaches further than the checkpoint that is held outside.
    with business.scope:
        record(AuditEvent.LOG_VERIFIED, actor=business.actor)
    last = content_of(make_evidence(business))
    return Ground(business, [last, whole, filtered], line, public_key(business.tenant.id))


def lines_of(content: bytes) -> list[bytes]:
    parts = content.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _with(content: Content, name: str, lines: list[bytes]) -> Tampered:
    """The export with these lines in one file; the first that differs is the one to be named."""
    altered = b"".join(lines)
    before, after = lines_of(content[name]), lines_of(altered)
    pairs = enumerate(zip(before, after, strict=False))
    same = next((n for n, (a, b) in pairs if a != b), min(len(before), len(after)))
    return Tampered(content | {name: altered}, (name,), same + 1)


def _any(where: Ground, chance: random.Random) -> tuple[Content, str, list[bytes]]:
    content = chance.choice(where.exports)
    name = chance.choice(TABLES)
    return content, name, lines_of(content[name])


def edit(where: Ground, chance: random.Random) -> Tampered:
    """One byte of any file becomes another."""
    content = chance.choice(where.exports)
    names = sorted(content)
    name = chance.choices(names, [20 if each == ENTRIES else 3 for each in names])[0]
    at = chance.randrange(len(content[name]))
    bent = bytearray(content[name])
    bent[at] = (bent[at] + chance.randrange(1, 256)) % 256
    if name in (MANIFEST, SIGNATURE):
        return Tampered(content | {name: bytes(bent)}, (MANIFEST, SIGNATURE), None)
    if name.startswith("digests/"):
        return Tampered(content | {name: bytes(bent)}, (name,), at // 32 + 1)
    return _with(content, name, lines_of(bytes(bent)))


def delete(where: Ground, chance: random.Random) -> Tampered:
    content, name, lines = _any(where, chance)
    at = chance.randrange(len(lines))
    return _with(content, name, lines[:at] + lines[at + chance.randint(1, 5) :])


def insert(where: Ground, chance: random.Random) -> Tampered:
    """A copy of some line, or one that looks like it."""
    content, name, lines = _any(where, chance)
    line = chance.choice(lines)
    if chance.random() < 0.5:
        line = line.replace(b"1", b"2", 1)
    at = chance.randrange(len(lines) + 1)
    return _with(content, name, [*lines[:at], line, *lines[at:]])


def reorder(where: Ground, chance: random.Random) -> Tampered:
    content, name, lines = _any(where, chance)
    one, other = chance.sample(range(len(lines)), 2)
    if chance.random() < 0.5:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines.insert(other, lines.pop(one))
    return _with(content, name, lines)


def truncate(where: Ground, chance: random.Random) -> Tampered:
    """The end of a file is cut off, often in the midst of a line."""
    content, name, _ = _any(where, chance)
    left = content[name][: chance.randrange(len(content[name]))]
    return _with(content, name, lines_of(left))


def drop(where: Ground, chance: random.Random) -> Tampered:
    content = chance.choice(where.exports)
    name = chance.choice(sorted(content))
    left = {other: each for other, each in content.items() if other != name}
    return Tampered(left, (name,), None)


def add(where: Ground, chance: random.Random) -> Tampered:
    content = chance.choice(where.exports)
    return Tampered(content | {"more.jsonl": b"{}\n"}, ("more.jsonl",), None)


def sign_anew(where: Ground, chance: random.Random) -> Tampered:
    """An entry rewritten, everything made to fit and signed with a key of the forger's, who may
    claim the name of the real one."""
    content = where.exports[0]
    made = forged(where.business, content, _rewritten(content, chance))
    own = Ed25519PrivateKey.generate()
    told = json.loads(made[SIGNATURE])
    told["signature"] = own.sign(signed("manifest", made[MANIFEST])).hex()
    if chance.random() < 0.5:
        told["key_id"] = chance.randbytes(8).hex()
    return Tampered(made | {SIGNATURE: (json.dumps(told) + "\n").encode()}, (MANIFEST, SIGNATURE),
                    None)  # fmt: skip


def _rewritten(content: Content, chance: random.Random) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in lines_of(content[ENTRIES])]
    entries[chance.randrange(len(entries))]["reason"] = "another"
    return relinked(entries)


def cut_the_newest(where: Ground, chance: random.Random) -> Tampered:
    """The newest entries are gone before the export was made: rightly signed, and whole in itself.
    Only the checkpoint that is held outside tells."""
    content = where.exports[0]
    entries = [json.loads(line) for line in lines_of(content[ENTRIES])]
    size = json.loads(where.checkpoint)["checkpoint"]["size"]
    left = chance.randrange(1, size)
    marks = [line for line in lines_of(content["checkpoints.jsonl"])
             if json.loads(line)["checkpoint"]["size"] <= left]  # fmt: skip
    made = forged(where.business, content | {"checkpoints.jsonl": b"".join(marks)}, entries[:left])
    return Tampered(made, (ENTRIES,), left + 1, where.checkpoint)


def rewrite_history(where: Ground, chance: random.Random) -> Tampered:
    """Whoever holds database and key writes the log anew; the checkpoint held outside tells."""
    content = where.exports[0] | {"checkpoints.jsonl": b""}
    entries = [json.loads(line) for line in lines_of(content[ENTRIES])]
    size = json.loads(where.checkpoint)["checkpoint"]["size"]
    entries[chance.randrange(size)]["reason"] = "another"
    return Tampered(
        forged(where.business, content, relinked(entries)), (ENTRIES,), size, where.checkpoint
    )


# Way -> how it is done, and how often.
WAYS: dict[str, tuple[Callable[[Ground, random.Random], Tampered], int]] = {
    "edited": (edit, 40),
    "deleted": (delete, 15),
    "inserted": (insert, 15),
    "reordered": (reorder, 15),
    "truncated": (truncate, 10),
    "a file gone": (drop, 2),
    "a file added": (add, 1),
    "signed by another key": (sign_anew, 4),
    "newest entries cut off": (cut_the_newest, 3),
    "history rewritten": (rewrite_history, 2),
}
