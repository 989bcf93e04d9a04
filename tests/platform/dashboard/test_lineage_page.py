"""The lineage explorer and an erasure's page."""

import json

from tenants.audit.models import AuditEntry
from tenants.erasure.verify_certificate import faults
from tests.platform.dashboard.test_pages import text_of
from tests.tenants.erasure.erasures import ANNA, BEN, erase, fill
from tests.training.jobs.test_tainting import trained


def test_a_person_leads_to_their_records_frozen_data_and_versions_and_the_look_is_recorded(
    alice, artifact
):
    fill(alice)
    version = trained(alice, artifact, ANNA)
    with alice.scope:
        snapshot = version.snapshot.public_id
    browser = alice.browser()
    assert "Version 1" in text_of(browser.get("/lineage/"))
    text = text_of(browser.post("/lineage/", {"user_id": ANNA}))
    assert snapshot in text and "model_training" in text
    with alice.scope:
        entry = AuditEntry.objects.get(action="subject.viewed")
        assert ANNA not in str(entry.content())
    back = text_of(browser.get(f"/lineage/versions/{version.public_id}/"))
    assert "Consents behind version 1" in back and "cns_" in back


def test_nobody_known_is_said_so_and_leaves_no_look(alice):
    fill(alice)
    text = text_of(alice.browser().post("/lineage/", {"user_id": "nobody"}))
    assert "Nobody is known as nobody." in text
    with alice.scope:
        assert not AuditEntry.objects.filter(action="subject.viewed").exists()


def test_an_erasure_shows_what_was_swept_and_gives_its_certificate(alice, artifact):
    fill(alice)
    trained(alice, artifact, ANNA, BEN)
    erasure = erase(alice)
    browser = alice.browser()
    text = text_of(browser.get(f"/erasures/{erasure.public_id}/"))
    assert "Key of the person" in text and "kept as proof, leads to nobody" in text
    file = browser.get(f"/erasures/{erasure.public_id}/certificate/")
    assert faults(json.loads(file.content)) == []
