"""The gates on given figures with known answers: passed, failed, not enough evidence."""

import numpy as np
import pytest

from tests.trained import give_version
from training.engine.tasks.recommendation.units import CHAMPION, SOURCE, UNIT
from training.jobs import evidence as judged
from training.jobs import gates
from training.jobs.evidence import Evidence, Rival, common, evidence_of
from training.jobs.gates import FAIL, MARGIN, NOT_APPLICABLE, PASS, UNPROVED
from training.jobs.resampling import DRAWS, holm, paired

UNITS = 400
NOISE = np.random.default_rng(5).uniform(0.0, 0.4, UNITS)


def manifest(*, subjects: int = UNITS, served: float = 0.3, other: float = 0.2, **more):
    def source(name: str, value: float):
        figures = {"ndcg@10": value, "subjects": subjects}
        return {"name": name, "metrics": {"validation": figures, "test": figures}}

    return {
        "serves": "fusion",
        "sources": [
            source("fusion", served),
            source("neighbours", other),
            {"name": "content", "skipped": "no_text_vectors"},
        ],
        **more,
    }


def evidence(*, rival=None, singles=None, served=NOISE, **told) -> Evidence:
    return Evidence(manifest(subjects=len(served), **told), served, singles or {}, rival)


def answer(code: str, given: Evidence) -> tuple[str, str]:
    verdict = next(gate for gate in gates.GATES if gate.code == code).judge(given)
    return verdict.outcome, verdict.reason


def against(theirs, ours=NOISE) -> tuple[str, str]:
    return answer("not_worse_than_champion", evidence(rival=Rival(1, theirs, ours)))


def test_a_version_that_is_clearly_worse_than_what_serves_is_refused():
    assert against(NOISE + 0.1) == (FAIL, "worse")


def test_equal_versions_pass_non_inferiority():
    assert against(NOISE.copy()) == (PASS, "not_worse")


def test_a_loss_within_the_margin_passes_and_one_at_the_margin_does_not():
    assert against(NOISE + 0.8 * MARGIN) == (PASS, "not_worse")
    assert against(NOISE + 1.2 * MARGIN) == (FAIL, "worse")


def test_a_difference_that_the_noise_hides_is_not_enough_evidence():
    other = np.random.default_rng(6).permutation(NOISE)
    assert against(other) == (UNPROVED, "too_uncertain")


def test_five_people_are_not_enough_evidence():
    few = NOISE[:5]
    assert against(few + 0.3, few) == (UNPROVED, "few_units")
    assert answer("evaluated_on_enough_people", evidence(served=few)) == (UNPROVED, "few_units")
    singles = {"neighbours": few - 0.1}
    assert answer("not_worse_than_singles", evidence(served=few, singles=singles)) == (
        UNPROVED, "few_units",
    )  # fmt: skip


def test_the_first_version_has_no_champion_to_beat():
    assert answer("not_worse_than_champion", evidence()) == (NOT_APPLICABLE, "nothing_serves")


def test_a_champion_that_cannot_be_compared_says_why():
    rival = Rival(1, np.empty(0), np.empty(0), "saw_the_window")
    found = answer("not_worse_than_champion", evidence(rival=rival))
    assert found == (UNPROVED, "saw_the_window")


def test_what_serves_must_be_the_best_on_validation():
    assert answer("best_source_serves", evidence()) == (PASS, "best_serves")
    assert answer("best_source_serves", evidence(other=0.4)) == (FAIL, "another_is_better")


def test_every_single_source_is_compared_and_the_worst_case_decides():
    clear, hidden = NOISE - 0.1, np.random.default_rng(8).permutation(NOISE)
    singles = "not_worse_than_singles"
    assert answer(singles, evidence(singles={"a": clear, "b": NOISE.copy()})) == (
        PASS, "not_worse_than_singles",
    )  # fmt: skip
    assert answer(singles, evidence(singles={"a": clear, "b": hidden})) == (
        UNPROVED, "too_uncertain_of_singles",
    )  # fmt: skip
    assert answer(singles, evidence(singles={"a": clear, "b": NOISE + 0.1})) == (
        FAIL, "worse_than_single",
    )  # fmt: skip


def test_the_figures_name_the_source_that_decided():
    given = evidence(singles={"a": NOISE - 0.1, "b": NOISE + 0.1})
    verdict = next(g for g in gates.GATES if g.code == "not_worse_than_singles").judge(given)
    assert verdict.figures["open"] == ["b"]
    assert verdict.figures["sources"]["b"]["interval"] == [-0.1, -0.1, -0.1]


def test_holm_multiplies_the_smallest_most_and_never_falls():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "c": 0.06, "b": 0.06}
    )


def test_the_interval_of_a_known_difference_is_the_known_one():
    """Mean of n values with standard deviation s: the bootstrap comes close to 1.96 s / sqrt(n)."""
    other = np.random.default_rng(9).permutation(NOISE)
    found = paired(NOISE, {"one": other})["one"]
    spread = (NOISE - other).std() / np.sqrt(UNITS)
    assert found.centre == pytest.approx(0.0, abs=1e-12)
    assert found.high == pytest.approx(1.96 * spread, rel=0.05)
    assert found.low == pytest.approx(-1.96 * spread, rel=0.05)
    assert len(found.drawn) == DRAWS


def test_the_same_figures_always_get_the_same_interval():
    first, second = (paired(NOISE, {"one": NOISE[::-1]})["one"] for _ in range(2))
    assert (first.drawn == second.drawn).all()


def test_what_no_task_measures_is_not_claimed():
    assert answer("hides_its_members", evidence()) == (NOT_APPLICABLE, "membership_not_measured")


@pytest.mark.parametrize(
    ("auc", "tpr", "people", "found"),
    [
        (0.60, 0.03, 30, (PASS, "members_hidden")),
        (0.61, 0.00, 30, (FAIL, "members_shown")),
        (0.50, 0.04, 30, (FAIL, "members_shown")),
        (0.50, 0.00, 29, (UNPROVED, "few_units")),
    ],
)
def test_s42_a_model_that_shows_its_members_fails_its_gate(auc, tpr, people, found):
    """AI Act 14: what fails here can only be approved by two people, with a reason."""
    told = {"auc_high": auc, "tpr_at_1_fpr": tpr, "members": 400, "others": people}
    assert answer("hides_its_members", evidence(membership=told)) == found


def test_without_declared_groups_fairness_does_not_apply():
    assert answer("fair_to_groups", evidence()) == (NOT_APPLICABLE, "no_groups")


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ({"young": (40, 0.30), "old": (40, 0.25)}, (PASS, "narrow_gaps")),
        ({"young": (40, 0.30), "old": (40, 0.15)}, (FAIL, "wide_gap")),
        ({"young": (40, 0.30), "old": (9, 0.00)}, (UNPROVED, "small_groups")),
    ],
)
def test_gaps_between_declared_groups_are_judged_and_small_groups_suppressed(groups, found):
    quality = {name: {"count": n, "value": value} for name, (n, value) in groups.items()}
    given = evidence(groups={"quality": quality})
    assert answer("fair_to_groups", given) == found
    verdict = next(g for g in gates.GATES if g.code == "fair_to_groups").judge(given)
    shown = verdict.figures["groups"]["quality"]
    assert set(shown) == {name for name, (n, _) in groups.items() if n >= 10}


def test_a_wide_gap_that_chance_explains_is_not_enough_evidence():
    quality = {"young": {"count": 12, "value": 0.3}, "old": {"count": 12, "value": 0.15}}
    exposure = {"front": {"count": 12, "value": 0.05}, "back": {"count": 12, "value": -0.05}}
    groups = {"quality": quality, "exposure": exposure}
    by_chance = evidence(groups={**groups, "chance": {"quality": 0.2, "exposure": 0.001}})
    assert answer("fair_to_groups", by_chance) == (UNPROVED, "gap_may_be_chance")
    certain = evidence(groups={**groups, "chance": {"quality": 0.05, "exposure": 0.5}})
    assert answer("fair_to_groups", certain) == (FAIL, "wide_gap")
    verdict = next(g for g in gates.GATES if g.code == "fair_to_groups").judge(certain)
    told = {name: verdict.figures[name] for name in ("measure", "gap", "lowest", "highest", "most")}
    assert told == {
        "measure": "quality", "gap": 0.15, "lowest": "old", "highest": "young", "most": 0.1,
    }  # fmt: skip


def test_two_versions_of_the_same_data_are_compared_on_their_common_people(alice, artifact):
    first, second = give_version(alice, artifact), give_version(alice, artifact)
    with alice.scope:
        theirs, ours = common(second, first)
        assert len(ours) == second.manifest["units"]["count"] > 0
        assert (theirs == ours).all()
        found = {line["gate"]: line for line in gates.judge_version(second, first)}
        assert found["not_worse_than_champion"]["outcome"] == PASS
        assert found["not_worse_than_champion"]["figures"]["champion"] == first.number


def test_figures_that_both_have_kept_go_before_those_of_the_champion_in_this_run(
    alice, artifact, monkeypatch
):
    first, second = give_version(alice, artifact), give_version(alice, artifact)
    kept = {UNIT: np.arange(3), f"{SOURCE}{second.serves}": np.full(3, 0.5), CHAMPION: np.ones(3)}
    monkeypatch.setattr(judged, "units_of", lambda version: kept)
    with alice.scope:
        told = {"manifest_sha256": bytes(first.manifest_sha256).hex(), "obstacle": ""}
        second.manifest["champion"] = told
        assert evidence_of(second, first).rival.theirs.tolist() == [0.5, 0.5, 0.5]
        first.manifest["units"]["world"] = "another"
        assert evidence_of(second, first).rival.theirs.tolist() == [1.0, 1.0, 1.0]


def test_a_champion_of_other_data_is_not_compared_on_other_people(alice, artifact):
    first, second = give_version(alice, artifact), give_version(alice, artifact)
    with alice.scope:
        first.manifest["units"]["world"] = "another"
        rival = evidence_of(second, first).rival
        assert (len(rival.ours), rival.obstacle) == (0, "other_units")


def test_a_version_without_figures_of_single_people_is_not_enough_evidence(alice, artifact):
    version = give_version(alice, artifact)
    with alice.scope:
        del version.manifest["units"]
        found = {line["gate"]: line["outcome"] for line in gates.judge_version(version, None)}
        assert found["not_worse_than_singles"] == UNPROVED
        assert found["evaluated_on_enough_people"] == PASS
