"""Every way to tamper with an export is found, and the line is named."""

import json

import pytest

from tenants.audit.checkpoints import line_of, make_checkpoint
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.evidence.verifier import Finding, Memory, verify
from tests.tenants.evidence.evidence import content_of, faults, forged, make_evidence, relinked

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
    bent = (json.dumps(told) + "\n").encode()
    (found,) = faults(alice, content | {"manifest.sig": bent})
    assert found.file == "manifest.json"
    (found,) = faults(alice, content | {"manifest.sig": content["manifest.sig"] + b" "})
    assert found.file == "manifest.sig"
    (found,) = faults(alice, content | {"manifest.sig": b"{"})
    assert found == Finding("manifest.sig", None, "cannot be read")


def test_another_tenants_key_signs_nothing_of_ours(alice, bob, content):
    from tenants.audit.signing import public_key

    (found,) = verify(Memory(content), public_key(bob.tenant.id))
    assert found.file == "manifest.sig" and "another key" in found.what


def remade(business, content: dict[str, bytes], change) -> dict[str, bytes]:
    """An export as whoever holds the signing key and the database would forge it: entries
    changed, the whole chain, digests and manifest made anew and signed."""
    entries = [json.loads(line) for line in content[ENTRIES].splitlines()]
    without = content | {"checkpoints.jsonl": b""}
    return forged(business, without, relinked(change(entries)))


@pytest.fixture
def checkpoint(alice, content) -> bytes:
    """Held outside since before the forgery."""
    with alice.scope:
        return json.dumps(line_of(make_checkpoint(at_once=True))).encode()


FORGERIES = {
    "an entry rewritten": lambda x: [*x[:9], x[9] | {"reason": "x"}, *x[10:]],
    "an entry left out": lambda x: [*x[:9], *x[10:]],
    "entries exchanged": lambda x: [*x[:9], x[10], x[9], *x[11:]],
    "the newest cut off": lambda x: x[:-4],
}


@pytest.mark.parametrize("case", FORGERIES)
def test_s30_a_checkpoint_held_outside_finds_a_log_that_was_made_anew(alice, checkpoint, case):
    """Acceptance statement 30: even the platform's own key cannot rewrite what was anchored."""
    whole = content_of(make_evidence(alice))
    assert faults(alice, whole, checkpoint) == []
    content = remade(alice, whole, FORGERIES[case])
    assert faults(alice, content) == []  # nobody sees it without
    (found,) = faults(alice, content, checkpoint)
    assert found.file == ENTRIES
    assert "held outside" in found.what


def test_a_checkpoint_of_another_log_or_key_is_refused(alice, bob, content, checkpoint):
    with bob.scope:
        other = json.dumps(line_of(make_checkpoint(at_once=True))).encode()
    for held in (other, b"{}", b"", checkpoint.replace(b'"size": 25', b'"size": 24')):
        (found,) = faults(alice, content, held)
        assert found == Finding("--checkpoint", None, "no checkpoint of this log under your key")


def test_s30_checkpoints_of_an_export_are_held_against_its_entries(alice, checkpoint):
    """Acceptance statement 30: a log that contradicts a checkpoint beside it is named."""
    whole = content_of(make_evidence(alice))
    assert whole["checkpoints.jsonl"].count(b"\n") == 1
    content = remade(alice, whole, lambda x: [*x[:9], x[9] | {"reason": "x"}, *x[10:]])
    content["checkpoints.jsonl"] = whole["checkpoints.jsonl"]
    content = forged(alice, content, [json.loads(x) for x in content[ENTRIES].splitlines()])
    (found,) = faults(alice, content)
    assert (found.file, found.line) == (ENTRIES, 25)
    assert "not the one of the checkpoint" in found.what


INSIDE = {
    "an entry edited": ("reason", "x", "the hash of the entry does not fit"),
    "a link broken": ("prev_hash", "00" * 32, "not linked to the entry before"),
    "another tenant's": ("tenant", "t", "an entry of another tenant"),
    "details changed": ("details", {"ok": False}, "the details are not those"),
    "a number changed": ("seq", 99, "entry 10 is missing"),
}


@pytest.mark.parametrize("case", INSIDE)
def test_a_log_that_is_wrong_in_itself_is_found_though_it_is_signed(alice, content, case):
    name, value, what = INSIDE[case]
    entries = [json.loads(line) for line in content[ENTRIES].splitlines()]
    entries[9][name] = value
    (found,) = faults(alice, forged(alice, content, entries))
    assert (found.file, found.line) == (ENTRIES, 10)
    assert found.what.startswith(what)
