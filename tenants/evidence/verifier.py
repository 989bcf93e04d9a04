"""Checks an export for auditors. Needs Python 3.10 and the package `cryptography`, and no network.

    python verify.py FOLDER_OR_ZIP --key HEX [--checkpoint FILE]

--key is the public key that you pinned before, from the page "Exports" or from whom you trust: 64
hexadecimal digits. --checkpoint is one that was kept outside: without it nobody can see whether
the newest entries of a log were cut off before the export was made. Take this file from a source
you trust, too: a copy that lies beside forged files may be forged like them.

Prints what is wrong, with file and line, and exits with 1; or prints "OK" and exits with 0.
"""

import argparse
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CONTEXT = b"attune signature v1: "
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
ENTRIES, CHECKPOINTS = "entries.jsonl", "checkpoints.jsonl"
DIGEST = 32
WINDOW = 2000  # lines behind a difference that are looked at to say what happened
NOTHING = bytes(DIGEST)
BESIDE = ("entry_hash", "salt", "details")  # what a line of the log holds beside what it hashes
BROKEN = (OSError, zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(frozen=True)
class Finding:
    """What is wrong, where. `line` counts from 1; None where it is about the whole file."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        place = f", line {self.line}" if self.line else ""
        return f"{self.file}{place}: {self.what}"


class Folder:
    """An export that was unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        files = (each for each in path.rglob("*") if each.is_file())
        self.names = [each.relative_to(path).as_posix() for each in files]

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


class Zip:
    """An export as it was downloaded."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(file)
        self.names = [each for each in self._archive.namelist() if not each.endswith("/")]

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


class Memory:
    """An export by name and bytes."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self._content = content
        self.names = list(content)

    def open(self, name: str) -> IO[bytes]:
        return io.BytesIO(self._content[name])


Source = Folder | Zip | Memory


def verify(source: Source, key: bytes, checkpoint: bytes | None = None) -> list[Finding]:
    """Everything that is wrong with an export; [] when it is whole. `key` is the pinned one."""
    doubled = {name for name in source.names if source.names.count(name) > 1}
    if doubled:
        return [Finding(name, None, "stands in the zip twice") for name in sorted(doubled)]
    manifest, faults = _manifest(source, key)
    if manifest is None:
        return faults
    faults += _names(source, manifest)
    for told in manifest["files"]:
        if told["name"] in source.names:
            faults += _file(source, told)
    if manifest["kind"] == "audit" and not faults:
        faults += _log(source, manifest, key, checkpoint)
    return faults


def _manifest(source: Source, key: bytes) -> tuple[dict[str, Any] | None, list[Finding]]:
    for name in (MANIFEST, SIGNATURE):
        if name not in source.names:
            return None, [Finding(name, None, "is missing")]
    try:
        with source.open(MANIFEST) as file:
            content = file.read()
        with source.open(SIGNATURE) as file:
            text = file.read()
        told = json.loads(text)
        value, signer = bytes.fromhex(told["signature"]), str(told["key_id"])
    except (*BROKEN, ValueError, KeyError, TypeError):
        return None, [Finding(SIGNATURE, None, "cannot be read")]
    if signer != _key_id(key):
        return None, [Finding(SIGNATURE, None, f"signed by another key ({signer}), not yours")]
    whole = {"kind": "manifest", "key_id": signer, "signature": value.hex()}
    if text != (json.dumps(whole) + "\n").encode():
        return None, [Finding(SIGNATURE, None, "altered: not in the form in which it was written")]
    if not _signed(key, "manifest", content, value):
        return None, [Finding(MANIFEST, None, "altered: its signature does not fit")]
    manifest: dict[str, Any] = json.loads(content)
    return manifest, []


def _names(source: Source, manifest: dict[str, Any]) -> list[Finding]:
    """Files that are missing, and such as nobody told of."""
    told = {MANIFEST, SIGNATURE}
    for file in manifest["files"]:
        told |= {file["name"], file["digests"]["name"]}
    found = set(source.names)
    missing = [Finding(name, None, "is missing") for name in sorted(told - found)]
    return missing + [Finding(name, None, "was added") for name in sorted(found - told)]


def _file(source: Source, told: dict[str, Any]) -> list[Finding]:
    """Compare every line with its digest; the first that differs is named."""
    name, side = told["name"], told["digests"]["name"]
    if side not in source.names:
        return []  # its absence is told already
    try:
        with source.open(side) as file:
            whole = hashlib.sha256()
            while piece := file.read(1 << 20):
                whole.update(piece)
        trusted = whole.hexdigest() == told["digests"]["sha256"]
        with source.open(name) as file, source.open(side) as marks:
            fault = _first_difference(name, file, marks)
    except BROKEN:
        return [Finding(name, None, "cannot be read: the zip is damaged")]
    if trusted:
        return [fault] if fault else []
    return [_which(source, told, fault)]


def _which(source: Source, told: dict[str, Any], fault: Finding | None) -> Finding:
    """The list of digests was altered. Its place, where the file itself is whole."""
    whole = hashlib.sha256()
    with source.open(told["name"]) as file:
        while piece := file.read(1 << 20):
            whole.update(piece)
    if whole.hexdigest() != told["sha256"]:
        return Finding(told["name"], None, "altered, and the digests of its lines with it")
    line = fault.line if fault else None
    return Finding(told["digests"]["name"], line, "altered: the file that it tells of is whole")


def _first_difference(name: str, file: Any, marks: Any) -> Finding | None:
    lines, expected = iter(file), _digests(marks)
    number = 0
    for line in lines:
        number += 1
        wanted = next(expected, None)
        found = hashlib.sha256(line).digest()
        if wanted != found:
            first = [wanted] if wanted is not None else []
            return _named(name, number, chain([found], map(_sha, lines)), chain(first, expected))
    left = sum(1 for _ in expected)
    if left:
        return Finding(name, number + 1, f"truncated: {left} lines are missing from here on")
    return None


def _named(name: str, number: int, found: Iterator[bytes], expected: Iterator[bytes]) -> Finding:
    """What happened at a line, by what follows it."""
    here, there = list(islice(found, WINDOW)), list(islice(expected, WINDOW))
    if not there:
        return Finding(name, number, "inserted: the file ends before this line")
    later = there.index(here[0]) if here[0] in there else None
    earlier = here.index(there[0]) if there[0] in here else None
    if later and earlier:
        return Finding(name, number, f"reordered: this was line {number + later}")
    if later:
        return Finding(name, number, f"deleted: {later} lines are missing before this one")
    if earlier:
        return Finding(name, number, f"inserted: {earlier} lines were added from here on")
    return Finding(name, number, "edited")


def _digests(file: Any) -> Iterator[bytes]:
    while piece := file.read(DIGEST * 4096):
        for start in range(0, len(piece), DIGEST):
            yield piece[start : start + DIGEST]


def _sha(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


@dataclass
class Chain:
    """How far a log was followed: the last entry and the right edge of the Merkle tree."""

    seq: int = 0
    hash: bytes = NOTHING
    edge: list[bytes] = field(default_factory=list)

    def add(self, seq: int, entry_hash: bytes) -> None:
        """Put one more leaf at the right of the tree (RFC 9162, section 2.1)."""
        node, size = entry_hash, self.seq
        while size & 1:  # a full pair: its node takes the place of both
            node, size = _node(self.edge.pop(), node), size >> 1
        self.edge.append(node)
        self.seq, self.hash = seq, entry_hash

    def root(self) -> bytes:
        return root_of(self.edge)


def root_of(edge: list[bytes]) -> bytes:
    """The tree head over the right edge of a tree; 32 zeros for an empty one."""
    if not edge:
        return NOTHING
    node = edge[-1]
    for left in reversed(edge[:-1]):
        node = _node(left, node)
    return node


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _log(
    source: Source, manifest: dict[str, Any], key: bytes, outside: bytes | None
) -> list[Finding]:
    """The chain of the entries and the signed checkpoints over it."""
    marks, faults = _checkpoints(source, manifest, key)
    held = _read_checkpoint(outside, key, manifest) if outside is not None else None
    if outside is not None and held is None:
        faults.append(Finding("--checkpoint", None, "no checkpoint of this log under your key"))
    begin = int(_facts(manifest)["begins_behind"])
    log = Chain()
    if begin:  # what stood before was deleted after its time: the checkpoint is the anchor
        anchor = marks.get(begin)
        if anchor is None:
            return [*faults, Finding(CHECKPOINTS, None, f"no checkpoint at {begin}")]
        log = Chain(begin, bytes.fromhex(anchor["head"]), list(map(bytes.fromhex, anchor["edge"])))
    if faults:
        return faults
    roots = {size: [(CHECKPOINTS, mark)] for size, mark in marks.items()}
    if held is not None:
        roots.setdefault(held["size"], []).append(("--checkpoint", held))
        if held["size"] < begin:
            return [Finding("--checkpoint", None, f"too old: the log begins behind {begin}")]
    fault = _unlike(roots.pop(begin, []), log) if begin else ""
    return [Finding(ENTRIES, 1, fault)] if fault else _follow(source, manifest, log, roots, held)


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = next(f["facts"] for f in manifest["files"] if f["name"] == ENTRIES)
    return told


def _follow(
    source: Source,
    manifest: dict[str, Any],
    log: Chain,
    roots: dict[int, list[tuple[str, dict[str, Any]]]],
    held: dict[str, Any] | None,
) -> list[Finding]:
    line = 0
    with source.open(ENTRIES) as file:
        for line, text in enumerate(file, start=1):
            entry = json.loads(text)
            what = _entry_fault(entry, log, manifest["tenant_uuid"])
            if what:
                return [Finding(ENTRIES, line, what)]
            log.add(entry["seq"], bytes.fromhex(entry["entry_hash"]))
            what = _unlike(roots.pop(log.seq, []), log)
            if what:
                return [Finding(ENTRIES, line, what)]
    if held is not None and held["size"] > log.seq:
        what = f"truncated: ends at {log.seq}, the checkpoint held outside covers {held['size']}"
        return [Finding(ENTRIES, line + 1, what)]
    if log.seq != _facts(manifest)["ends_at"]:
        return [Finding(ENTRIES, line + 1, "truncated: the manifest tells of more entries")]
    return []


def _unlike(marks: list[tuple[str, dict[str, Any]]], log: Chain) -> str:
    """Which checkpoint at this size was made of another log, "" when none was."""
    for name, mark in marks:
        if mark["root"] != log.root().hex() or mark["head"] != log.hash.hex():
            which = "held outside" if name == "--checkpoint" else f"in {name}"
            return f"the log up to {log.seq} is not the one of the checkpoint {which}"
    return ""


def _entry_fault(entry: dict[str, Any], log: Chain, tenant: str) -> str:
    """What is wrong with one entry, "" when nothing is."""
    if entry.get("seq") != log.seq + 1:
        return f"entry {log.seq + 1} is missing"
    if entry.get("omitted"):
        return ""  # left out by a filter: the next entry and the checkpoints hold its hash
    content = {name: value for name, value in entry.items() if name not in BESIDE}
    if content["tenant"] != tenant:
        return "an entry of another tenant"
    if content["prev_hash"] != log.hash.hex():
        return "not linked to the entry before"
    if entry_hash(content) != bytes.fromhex(entry["entry_hash"]):
        return "the hash of the entry does not fit"
    if "details" in entry:
        told = hashlib.sha256(bytes.fromhex(entry["salt"]) + canonical(entry["details"]).encode())
        if told.hexdigest() != content["details_commit"]:
            return "the details are not those that the entry commits to"
    return ""


def entry_hash(content: dict[str, Any]) -> bytes:
    """The leaf of the tree: format 1 hashes all at once, format 2 in two steps."""
    if content["v"] == 1:
        return hashlib.sha256(b"\x00" + canonical(content).encode()).digest()
    place = int(content["seq"]).to_bytes(8, "big") + bytes.fromhex(content["prev_hash"])
    own = {name: value for name, value in content.items() if name not in ("seq", "prev_hash")}
    inner = hashlib.sha256(b"\x02" + canonical(own).encode()).digest()
    return hashlib.sha256(b"\x00" + place + inner).digest()


def _checkpoints(
    source: Source, manifest: dict[str, Any], key: bytes
) -> tuple[dict[int, dict[str, Any]], list[Finding]]:
    """Checkpoints by size, each signed and each holding the hash of the one before."""
    marks: dict[int, dict[str, Any]] = {}
    size, previous = -1, None
    with source.open(CHECKPOINTS) as file:
        for line, text in enumerate(file, start=1):
            mark = _read_checkpoint(text, key, manifest)
            if mark is None:
                return marks, [Finding(CHECKPOINTS, line, "not signed by your key")]
            if mark["size"] <= size or previous not in (None, mark["previous"]):
                return marks, [Finding(CHECKPOINTS, line, "does not follow the one before")]
            size, previous = mark["size"], _sha(canonical(mark).encode()).hex()
            marks[size] = mark
    return marks, []


def _read_checkpoint(text: bytes, key: bytes, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The checkpoint in a line; None where it is none of this log, or not signed by the key."""
    try:
        told = json.loads(text)
        mark: dict[str, Any] = told["checkpoint"]
        content = canonical(mark).encode()
        edge = list(map(bytes.fromhex, mark["edge"]))
        fits = root_of(edge).hex() == mark["root"] and mark["tenant"] == manifest["tenant_uuid"]
        value = bytes.fromhex(told["signature"])
    except (ValueError, KeyError, TypeError):
        return None
    return mark if fits and _signed(key, "checkpoint", content, value) else None


def _signed(key: bytes, kind: str, content: bytes, value: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(key)
        public.verify(value, CONTEXT + kind.encode() + b"\x00" + content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def canonical(value: Any) -> str:
    """RFC 8785: keys in order of UTF-16, no spaces, numbers as ECMAScript writes them."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        inner = (f"{_text(name)}:{canonical(value[name])}" for name in names)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return _number(value) if isinstance(value, float) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + int(exponent)
    if value == 0:
        return "0"
    minus = "-" if sign else ""
    if len(text) <= point <= 21:
        return minus + text + "0" * (point - len(text))
    if 0 < point <= 21:
        return f"{minus}{text[:point]}.{text[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    rest = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an export for auditors.")
    parser.add_argument("export", type=Path, help="the zip, or the folder that it was unpacked to")
    parser.add_argument("--key", required=True, help="the pinned public key, 64 hex digits")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint that was kept outside")
    given = parser.parse_args(words)
    try:
        key = bytes.fromhex(given.key)
        source = Folder(given.export) if given.export.is_dir() else Zip(given.export)
        held = given.checkpoint.read_bytes() if given.checkpoint else None
    except (ValueError, *BROKEN) as error:
        print(f"FAULT  {error}")
        return 1
    if len(key) != DIGEST:
        print("FAULT  --key: write 64 hexadecimal digits")
        return 1
    faults = verify(source, key, held)
    for fault in faults:
        print(f"FAULT  {fault}")
    if not faults:
        print(f"OK  {given.export}: every file and line is as it was signed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
