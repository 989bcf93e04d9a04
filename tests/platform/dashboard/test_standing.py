from dashboard.standing import best_single, comparison, serving_one, standings

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
