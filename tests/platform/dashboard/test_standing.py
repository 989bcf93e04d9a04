from uuid import uuid4

from dashboard.gates import version_badge
from dashboard.standing import best_single, comparison, serving_one, standings
from training.jobs.models import Version

MANIFEST = {
    "serves": "fusion",
    "serves_because": {"window": "validation", "best_single": "own_history"},
    "sources": [
        {
            "name": "own_history",
            "served": False,
            "metrics": {"validation": {"ndcg@10": 0.34}, "test": {"ndcg@10": 0.33}},
            "served_minus_this": {"test": [0.01, 0.02, 0.03]},
        },
        {"name": "content", "served": False, "skipped": "no_text_vectors"},
        {
            "name": "fusion",
            "served": True,
            "metrics": {"validation": {"ndcg@10": 0.36}, "test": {"ndcg@10": 0.35}},
            "served_minus_this": {"test": [0.0, 0.0, 0.0]},
        },
    ],
}


def test_sources_stand_by_validation_and_those_left_out_come_last_with_their_reason():
    found = standings(MANIFEST)
    assert [one.code for one in found] == ["fusion", "own_history", "content"]
    assert found[2].skipped == "Skipped: the base model read no text of the items."
    assert found[2].cells() == [None] * 8


def test_what_serves_has_no_lead_over_itself():
    found = standings(MANIFEST)
    assert serving_one(found) is found[0]
    assert found[0].lead is None
    assert best_single(found, MANIFEST).lead == (0.01, 0.02, 0.03)


def test_the_comparison_draws_only_what_was_measured():
    chart = comparison(standings(MANIFEST))
    assert chart.rows == [("All sources combined", "0.3500"), ("Own history", "0.3300")]


def test_every_reason_for_which_the_engine_leaves_a_source_out_has_words():
    codes = ("no_text_vectors", "no_repeats", "not_fitted", "switched_off", "no_text")
    codes += ("base_cannot_be_adapted", "base_cannot_read_text")
    for code in codes:
        manifest = {**MANIFEST, "sources": [{"name": "content", "served": False, "skipped": code}]}
        assert standings(manifest)[0].skipped.startswith("Skipped: "), code


def test_a_version_that_a_check_refused_does_not_wait_for_approval():
    failed = [{"gate": "not_worse_than_champion", "outcome": "fail", "reason": "worse"}]
    tenant_id = uuid4()
    refused = Version(tenant_id=tenant_id, state=Version.EVALUATED, gates=failed)
    assert version_badge(refused, serves=False).label == "Refused by a check"
    assert version_badge(refused, serves=True).label == "Serves"
    passed = [{**failed[0], "outcome": "pass"}]
    waits = Version(tenant_id=tenant_id, state=Version.EVALUATED, gates=passed)
    assert version_badge(waits, serves=False).label == "Waits for approval"
