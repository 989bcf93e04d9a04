"""Every way to tamper with an export is found, and the line is named."""

import json

import pytest

from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.evidence.verifier import Finding, Memory, verify
from tests.tenants.evidence.evidence import content_of, faults, make_evidence

ENTRIES = "entries.jsonl"


@pytest.fixture
def content(alice) -> dict[str, bytes]:
    with alice.scope:
        for number in range(20):
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor, details={"entries": number})
    made = content_of(make_evidence(alice))
    assert faults(alice, made) == []
    return made


def changed(content: dict[str, bytes], name: str, change) -> dict[str, bytes]:
    lines = content[name].splitlines(keepends=True)
    return content | {name: b"".join(change(lines))}


@pytest.mark.parametrize("name", ["entries.jsonl", "entries.csv", "verify.py"])
def test_s29_flipping_one_byte_of_any_line_names_that_line(alice, content, name):
    """Acceptance statement 29: the manifest signs a digest of every line."""
    lines = content[name].splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        for at in {0, len(line) // 2, len(line) - 1}:
            bent = line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]
            altered = [*lines[: number - 1], bent, *lines[number:]]
            (found,) = faults(alice, content | {name: b"".join(altered)})
            assert (found.file, found.line) == (name, number), (line, at)


S30 = {
    "a line deleted": (lambda x: x[:4] + x[5:], 5, "deleted: 1 lines"),
    "three lines deleted": (lambda x: x[:4] + x[7:], 5, "deleted: 3 lines"),
    "the first line deleted": (lambda x: x[1:], 1, "deleted: 1 lines"),
    "a line doubled": (lambda x: [*x[:5], x[4], *x[5:]], 6, "inserted"),
    "a line inserted": (lambda x: [*x[:5], b"{}\n", *x[5:]], 6, "inserted: 1 lines"),
    "a line added at the end": (lambda x: [*x, x[-1]], 25, "inserted"),
    "two lines exchanged": (lambda x: [*x[:4], x[5], x[4], *x[6:]], 5, "reordered"),
    "far lines exchanged": (lambda x: [*x[:2], x[19], *x[3:19], x[2], *x[20:]], 3, "reordered"),
    "the end cut off": (lambda x: x[:-3], 22, "truncated: 3 lines"),
    "all cut off": (lambda x: [], 1, "truncated: 24 lines"),
}


@pytest.mark.parametrize("case", S30)
def test_s30_deleting_reordering_and_truncating_lines_is_named(alice, content, case):
    """Acceptance statement 30, of the file itself."""
    change, line, what = S30[case]
    (found,) = faults(alice, changed(content, ENTRIES, change))
    assert (found.file, found.line) == (ENTRIES, line)
    assert found.what.startswith(what)


def test_a_file_that_is_missing_or_was_added_is_named(alice, content):
    without = {name: each for name, each in content.items() if name != "entries.csv"}
    assert faults(alice, without) == [Finding("entries.csv", None, "is missing")]
    assert faults(alice, content | {"more.txt": b""}) == [Finding("more.txt", None, "was added")]
    for name in ("manifest.json", "manifest.sig"):
        without = {other: each for other, each in content.items() if other != name}
        assert faults(alice, without) == [Finding(name, None, "is missing")]


def test_a_list_of_digests_that_was_altered_is_told_from_its_file(alice, content):
    name = f"digests/{ENTRIES}.sha256"
    bent = bytearray(content[name])
    bent[32 * 6 + 3] ^= 1
    (found,) = faults(alice, content | {name: bytes(bent)})
    assert (found.file, found.line) == (name, 7)


def test_an_edited_manifest_and_a_bent_signature_are_found(alice, content):
    edited = content["manifest.json"].replace(b'"audit"', b'"other"')
    (found,) = faults(alice, content | {"manifest.json": edited})
    assert (found.file, found.what) == ("manifest.json", "altered: its signature does not fit")
    told = json.loads(content["manifest.sig"])
    told["signature"] = "00" * 64
    (found,) = faults(alice, content | {"manifest.sig": json.dumps(told).encode()})
    assert found.file == "manifest.json"
    (found,) = faults(alice, content | {"manifest.sig": b"{"})
    assert found == Finding("manifest.sig", None, "cannot be read")


def test_another_tenants_key_signs_nothing_of_ours(alice, bob, content):
    from tenants.audit.signing import public_key

    (found,) = verify(Memory(content), public_key(bob.tenant.id))
    assert found.file == "manifest.sig" and "another key" in found.what
