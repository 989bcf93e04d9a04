"""The certificate of an erasure: what it says, and that it verifies offline."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tenants.audit.models import AuditEntry
from tenants.audit.signing import public_key
from tenants.erasure import verify_certificate
from tenants.erasure.certificate import document
from tenants.erasure.models import ErasureStatement
from tenants.erasure.sweeping import look
from tenants.erasure.verify_certificate import faults
from tests.tenants.erasure.erasures import ANNA, a_day_later, erase, fill


@pytest.fixture
def erased(alice):
    fill(alice)
    return erase(alice)


def handed_out(business, erasure) -> dict:
    with business.scope:
        return document(erasure)


def test_s28_the_certificate_verifies_offline_with_one_file_and_a_pinned_key(
    alice, erased, tmp_path
):
    """GDPR 5(2)."""
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps(handed_out(alice, erased)))
    script = tmp_path / "verify.py"  # it needs nothing of this house
    script.write_bytes(Path(verify_certificate.__file__).read_bytes())
    words = [sys.executable, "-I", str(script), str(file), public_key(alice.tenant.id).hex()]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{erased.public_id}: every signature holds (certificate)\n"


def test_s28_an_altered_certificate_and_another_key_do_not_verify(alice, bob, erased):
    """GDPR 5(2)."""
    given = handed_out(alice, erased)
    assert faults(given, public_key(alice.tenant.id).hex()) == []
    assert faults(given, public_key(bob.tenant.id).hex()) == [
        "the key is another than the one you gave",
        "statement 1 (certificate) was altered, or another key signed it",
    ]
    altered = json.loads(json.dumps(given).replace('\\"after\\":0', '\\"after\\":1'))
    assert faults(altered) == ["statement 1 (certificate) was altered, or another key signed it"]


def test_the_certificate_says_what_there_was_what_is_left_and_when_copies_end(
    alice, erased, settings
):
    told = json.loads(handed_out(alice, erased)["statements"][0]["text"])
    assert told["request"] == "request-1"
    assert told["stores"]["subject_key"] == {"before": 1, "after": 0}
    assert told["stores"]["consent_record"] == {"before": 4, "after": 4}
    assert set(told["kept"]) == {"consent_record", "erasure"}
    assert told["left"] == {}
    assert told["destroyed_keys"] == erased.keys
    assert (told["snapshots"], told["versions"]) == ([], [])
    assert told["backups_expire_at"][:10] > told["begun_at"][:10]
    with alice.scope:
        entry = AuditEntry.objects.get(action="erasure.begun")
    anchor = told["audit"]
    assert (anchor["seq"], anchor["entry_hash"]) == (entry.seq, bytes(entry.entry_hash).hex())
    assert anchor["checkpoint"]["checkpoint"]["size"] >= entry.seq
    assert ANNA not in json.dumps(handed_out(alice, erased))


def test_the_second_look_is_added_and_belongs_to_this_certificate_alone(alice, erased):
    a_day_later(alice, erased)
    look(alice.tenant.id)
    given = handed_out(alice, erased)
    assert [one["kind"] for one in given["statements"]] == ["certificate", "rescan"]
    assert faults(given) == []
    told = json.loads(given["statements"][1]["text"])
    assert (told["found"], told["left"]) == ({}, {})
    swapped = {**given, "statements": [given["statements"][1]]}
    assert faults(swapped) == ["there is no certificate in the file"]


def test_key_and_tenant_answer_the_api_and_nobody_else(alice, bob, erased, client):
    address = f"/v1/erasures/{erased.public_id}"
    told = client.get(address, headers=alice.headers).json()
    assert (told["state"], told["left"], told["request"]) == ("swept", {}, "request-1")
    given = client.get(f"{address}/certificate", headers=alice.headers).json()
    assert faults(given, public_key(alice.tenant.id).hex()) == []
    for path in (address, f"{address}/certificate"):
        assert client.get(path, headers=bob.headers).status_code == 404


def test_before_the_sweep_there_is_no_certificate(alice, client):
    fill(alice)
    erasure = erase(alice, sweep=False)
    answer = client.get(f"/v1/erasures/{erasure.public_id}/certificate", headers=alice.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "certificate_not_ready")
    with alice.scope:
        assert not ErasureStatement.objects.exists()
