"""From consents to models and back: exact inverses, behind the wall, in pages."""

import pytest

from tenants.consent.models import ConsentRecord
from tests.tenants.erasure.erasures import ANNA, BEN, fill
from tests.training.jobs.test_tainting import trained
from training.jobs.lineage import records_of, versions_of
from training.jobs.lineage_evidence import kind
from training.jobs.models import Version


@pytest.fixture
def three(alice, artifact):
    """Versions made of Anna and Ben, of Ben, of nobody."""
    fill(alice)
    return [trained(alice, artifact, *people) for people in ((ANNA, BEN), (BEN,), ())]


def listed(client, business, address: str) -> list[str]:
    """Every id of a list, one a page."""
    found, more = [], f"{address}?limit=1"
    while more:
        answer = client.get(more, headers=business.headers)
        assert answer.status_code == 200, answer.content
        found += [line["id"] for line in answer.json()["data"]]
        more = f"{address}?limit=1&after={found[-1]}" if answer.json()["has_more"] else ""
    return found


def test_consents_of_models_and_models_of_consents_are_inverses(alice, three, client):
    with alice.scope:
        records = [record.public_id for record in ConsentRecord.objects.all()]
    there = {
        (record, version.public_id)
        for version in three
        for record in listed(client, alice, f"/v1/models/{version.public_id}/consents")
    }
    back = {
        (record, version)
        for record in records
        for version in listed(client, alice, f"/v1/consents/{record}/models")
    }
    assert there == back and len(there) == 3
    with alice.scope:
        assert [records_of(version).count() for version in three] == [2, 1, 0]
        record = records_of(three[1]).get()
        assert set(versions_of(record)) == set(three[:2])


def test_models_are_listed_newest_first_with_their_fate(alice, three, client):
    assert listed(client, alice, "/v1/models") == [one.public_id for one in reversed(three)]
    told = client.get(f"/v1/models/{three[0].public_id}", headers=alice.headers).json()
    assert (told["object"], told["fate"], told["serving"]) == ("model", "clean", False)
    assert told["owned_by"] == alice.tenant.public_id


def test_nobody_else_sees_the_lineage(alice, bob, three, client):
    with alice.scope:
        record = records_of(three[1]).get().public_id
    for address in (
        f"/v1/models/{three[0].public_id}",
        f"/v1/models/{three[0].public_id}/consents",
        f"/v1/consents/{record}/models",
    ):
        assert client.get(address, headers=bob.headers).status_code == 404
    assert client.get("/v1/models", headers=bob.headers).json()["data"] == []


def test_auditors_get_the_whole_lineage_and_no_name(alice, three):
    with alice.scope:
        files = {file.name: list(file.lines) for file in kind.files({})}
        assert Version.objects.count() == 3
    counts = {name: len(lines) for name, lines in files.items()}
    assert counts == {"versions.jsonl": 3, "snapshots.jsonl": 3, "relied_on.jsonl": 3}
    assert ANNA.encode() not in b"".join(line for lines in files.values() for line in lines)
