"""The model card and the comparison of two versions, as values and as pages."""

import numpy as np

from tests.trained import give_version
from training.jobs.card import card_of, compare, slices


def figures(history: list[int], rare: list[float], values: list[float]):
    return {
        "unit": np.arange(len(values)),
        "history_events": np.array(history),
        "rare_targets": np.array(rare),
        "ndcg10.fusion": np.array(values),
    }


def test_slices_part_the_held_out_people_and_small_ones_are_hidden():
    given = figures([1] * 12 + [9] * 9, [0.5] * 10 + [0.0] * 11, [0.25] * 10 + [0.5] * 11)
    found = {part["name"]: (part["units"], part["ndcg10"]) for part in slices(given, "fusion")}
    assert found == {
        "new_subjects": (12, 0.29167),
        "known_subjects": (None, None),
        "cold_items": (10, 0.25),
        "warm_items": (11, 0.5),
    }


def test_a_version_compared_with_its_twin_differs_by_nothing(alice, artifact):
    first, second = give_version(alice, artifact), give_version(alice, artifact)
    with alice.scope:
        count = first.manifest["units"]["count"]
        assert compare(first, second) == {"units": count, "interval": [0.0, 0.0, 0.0]}
        second.manifest["units"]["world"] = "another"
        assert compare(first, second) == {}


def test_the_card_tells_of_data_latency_and_limits(alice, artifact):
    version = give_version(alice, artifact)
    with alice.scope:
        told = card_of(version)
    assert told["latency"]["p50_ms"] > 0
    assert told["approved_by"] == "" and "offline_only" in told["limits"]
    assert told["gates"][0]["gate"] == "evaluated_on_enough_people"


def test_the_card_is_a_page_and_json(alice, artifact):
    version, owner = give_version(alice, artifact), alice.browser()
    address = f"/models/versions/{version.public_id}/card/"
    page = owner.get(address)
    assert page.status_code == 200 and "Data and consent" in page.content.decode()
    told = owner.get(address, {"format": "json"}).json()
    assert told["version"] == version.public_id


def test_two_versions_stand_side_by_side_and_a_foreign_one_is_missing(alice, bob, artifact):
    first, second = give_version(alice, artifact), give_version(alice, artifact)
    foreign, owner = give_version(bob, artifact), alice.browser()
    assert owner.get("/models/compare/").status_code == 200
    chosen = {"a": first.public_id, "b": second.public_id}
    page = owner.get("/models/compare/", chosen).content.decode()
    assert "+0.0000 NDCG@10 (95 % interval +0.0000 to +0.0000)" in page
    assert owner.get("/models/compare/", {**chosen, "b": foreign.public_id}).status_code == 404
