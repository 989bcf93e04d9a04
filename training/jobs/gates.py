"""The gates between an evaluated version and its approval: one line each, codes worded later.

Every gate answers pass, fail, not_enough_evidence or not_applicable, with the figures behind it.
What it answers is stored with the version when it is made; nothing is judged a second time.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from training.engine.tasks.recommendation.fairness import SMALLEST_GROUP
from training.jobs.evidence import Evidence, evidence_of
from training.jobs.models import Version
from training.jobs.queries import serving
from training.jobs.resampling import Difference, holm, paired

PASS, FAIL = "pass", "fail"
UNPROVED, NOT_APPLICABLE = "not_enough_evidence", "not_applicable"

# Below so many held-out people the bootstrap's intervals are too narrow to be believed.
FEWEST_UNITS = 30
# How much NDCG@10 a version may lose, at worst, and still count as no worse: what a reader of
# ten places does not notice. Fixed before any version is looked at.
MARGIN = 0.005
# One-sided, to agree with the lower end of a 95 % interval.
LEVEL = 0.025
# The widest gap between declared groups: of quality, as NDCG@10; of exposure, as the share of
# places less the share of what people took up.
WIDEST = {"quality": 0.1, "exposure": 0.2}
# Membership inference: how well an attack may tell people that were learnt from apart from others,
# as the upper end of a 95 % interval of its AUC, and its true positives at 1 % false ones.
MOST_AUC, MOST_TPR = 0.60, 0.03
# How often chance alone may part groups so widely before a wide gap counts as one.
CHANCE = 0.05


@dataclass(frozen=True)
class Verdict:
    """What one gate found: `reason` is a code for the sentence that explains it, worded with
    `figures`."""

    outcome: str
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """`judge` looks at the evidence and at nothing else."""

    code: str
    judge: Callable[[Evidence], Verdict]


def _enough(evidence: Evidence) -> Verdict:
    found = int(_served_metrics(evidence, "test").get("subjects", 0))
    figures = {"units": found, "needed": FEWEST_UNITS}
    if found < FEWEST_UNITS:
        return Verdict(UNPROVED, "few_units", figures)
    return Verdict(PASS, "enough_units", figures)


def _best_on_validation(evidence: Evidence) -> Verdict:
    """Law 9: what serves is what won on validation."""
    scores = {
        source["name"]: _metrics(source, "validation").get("ndcg@10", 0.0)
        for source in evidence.manifest["sources"]
    }
    best = max(scores, key=lambda name: scores[name], default="")
    ours = _served_metrics(evidence, "validation").get("ndcg@10", -1.0)
    if ours >= scores.get(best, 0.0):
        return Verdict(PASS, "best_serves", {"ndcg10": ours})
    figures = {"ndcg10": ours, "best": best, "best_ndcg10": scores[best]}
    return Verdict(FAIL, "another_is_better", figures)


def _champion(evidence: Evidence) -> Verdict:
    """Not worse than what serves now, on the same people."""
    rival = evidence.rival
    if rival is None:
        return Verdict(NOT_APPLICABLE, "nothing_serves")
    figures: dict[str, Any] = {"champion": rival.number, "units": len(rival.ours)}
    if rival.obstacle:
        return Verdict(UNPROVED, rival.obstacle, figures)
    if len(rival.ours) < FEWEST_UNITS:
        return Verdict(UNPROVED, "few_units", {**figures, "needed": FEWEST_UNITS})
    difference = paired(rival.ours, {"champion": rival.theirs})["champion"]
    figures |= {"interval": difference.interval(), "margin": MARGIN}
    if difference.low > -MARGIN:
        return Verdict(PASS, "not_worse", figures)
    if difference.high < 0.0:
        return Verdict(FAIL, "worse", figures)
    return Verdict(UNPROVED, "too_uncertain", figures)


def _singles(evidence: Evidence) -> Verdict:
    """Not worse than any single source: each has its own interval, Holm corrects over them."""
    units = len(evidence.served)
    if units < FEWEST_UNITS:
        return Verdict(UNPROVED, "few_units", {"units": units, "needed": FEWEST_UNITS})
    if not evidence.singles:
        return Verdict(NOT_APPLICABLE, "no_other_source", {"units": units})
    found = paired(evidence.served, evidence.singles)
    proved = holm({name: one.chance_at_most(-MARGIN) for name, one in found.items()})
    worse = holm({name: one.chance_at_least(0.0) for name, one in found.items()})
    lines = {name: _line(one, proved[name], worse[name]) for name, one in found.items()}
    open_ones = [name for name in found if proved[name] > LEVEL]
    figures = {"units": units, "margin": MARGIN, "sources": lines, "open": open_ones}
    if not open_ones:
        return Verdict(PASS, "not_worse_than_singles", figures)
    beaten = [name for name in open_ones if worse[name] <= LEVEL]
    if beaten:
        return Verdict(FAIL, "worse_than_single", {**figures, "open": beaten})
    return Verdict(UNPROVED, "too_uncertain_of_singles", figures)


def _line(difference: Difference, proved: float, worse: float) -> dict[str, Any]:
    return {
        "interval": difference.interval(),
        "p_not_worse": round(proved, 5),
        "p_worse": round(worse, 5),
    }


def _fair(evidence: Evidence) -> Verdict:
    """Gaps of quality and of exposure over the groups that the tenant has declared.

    The manifest's `groups`: {"quality": {group: {"count", "value"}}, "exposure": the same,
    "chance": {measure: how often chance alone would part them as widely}}. A group of fewer than
    SMALLEST_GROUP tells of single ones, so it is neither judged nor shown.
    """
    declared = evidence.manifest.get("groups") or {}
    if not declared:
        return Verdict(NOT_APPLICABLE, "no_groups")
    gaps: dict[str, float] = {}
    shown: dict[str, dict[str, float]] = {}
    for measure in WIDEST:
        groups = declared.get(measure, {})
        shown[measure] = {
            name: group["value"]
            for name, group in groups.items()
            if group["count"] >= SMALLEST_GROUP
        }
        if len(shown[measure]) > 1:
            gaps[measure] = round(max(shown[measure].values()) - min(shown[measure].values()), 5)
    figures: dict[str, Any] = {"gaps": gaps, "groups": shown, "smallest": SMALLEST_GROUP}
    if not gaps:
        return Verdict(UNPROVED, "small_groups", figures)
    chance: dict[str, float] = declared.get("chance", {})
    wide = [measure for measure, gap in gaps.items() if gap > WIDEST[measure]]
    proved = [measure for measure in wide if chance.get(measure, 0.0) <= CHANCE]
    told = max(proved or wide or gaps, key=lambda measure: gaps[measure] / WIDEST[measure])
    figures |= _pair(told, shown[told]) | {"gap": gaps[told], "chance": chance.get(told, 0.0)}
    if proved:
        return Verdict(FAIL, "wide_gap", figures)
    if wide:
        return Verdict(UNPROVED, "gap_may_be_chance", figures)
    return Verdict(PASS, "narrow_gaps", figures)


def _pair(measure: str, values: dict[str, float]) -> dict[str, Any]:
    """Between which two groups the gap of a measure lies, and how wide it may be."""
    ordered = sorted(values, key=lambda name: values[name])
    return {
        "measure": measure, "lowest": ordered[0], "highest": ordered[-1], "most": WIDEST[measure],
    }  # fmt: skip


def _membership(evidence: Evidence) -> Verdict:
    """Whether the model tells who was in its training data.

    The manifest's `membership`: {"auc_high", "tpr_at_1_fpr", "members", "others"}, measured on
    people and not on events. No task of ours writes it yet, so nothing is claimed.
    """
    told = evidence.manifest.get("membership") or {}
    if not told:
        return Verdict(NOT_APPLICABLE, "membership_not_measured")
    figures = {**told, "most_auc": MOST_AUC, "most_tpr": MOST_TPR}
    if min(told["members"], told["others"]) < FEWEST_UNITS:
        few = min(told["members"], told["others"])
        return Verdict(UNPROVED, "few_units", {**figures, "units": few, "needed": FEWEST_UNITS})
    if told["auc_high"] <= MOST_AUC and told["tpr_at_1_fpr"] <= MOST_TPR:
        return Verdict(PASS, "members_hidden", figures)
    return Verdict(FAIL, "members_shown", figures)


def _metrics(source: dict[str, Any], part: str) -> dict[str, float]:
    """A source's figures on one window; {} for a source that was left out."""
    return dict((source.get("metrics") or {}).get(part) or {})


def _served_metrics(evidence: Evidence, part: str) -> dict[str, float]:
    for source in evidence.manifest["sources"]:
        if source["name"] == evidence.manifest.get("serves"):
            return _metrics(source, part)
    return {}


GATES = (
    Gate("evaluated_on_enough_people", _enough),
    Gate("best_source_serves", _best_on_validation),
    Gate("not_worse_than_champion", _champion),
    Gate("not_worse_than_singles", _singles),
    Gate("fair_to_groups", _fair),
    Gate("hides_its_members", _membership),
)


def judge(evidence: Evidence) -> list[dict[str, Any]]:
    """Every gate's verdict as it is stored: gate, outcome, reason, figures."""
    return [{"gate": gate.code, **asdict(gate.judge(evidence))} for gate in GATES]


def judge_version(version: Version, champion: Version | None) -> list[dict[str, Any]]:
    """Every gate's verdict on a new version, `champion` being what serves now."""
    return judge(evidence_of(version, champion))


def verdicts(version: Version) -> list[dict[str, Any]]:
    """What was stored; a version from before gates were stored is judged by what is known now."""
    if version.gates:
        return list(version.gates)
    now = serving(version.task)
    return judge_version(version, now.version if now and now.version.pk != version.pk else None)


def codes(version: Version, outcome: str) -> list[str]:
    """The gates that answered `outcome`."""
    return [line["gate"] for line in verdicts(version) if line["outcome"] == outcome]


def failed_gates(version: Version) -> list[str]:
    """The codes of the gates that `version` does not pass."""
    return codes(version, FAIL)


def unproved_gates(version: Version) -> list[str]:
    """The codes of the gates for which there is not enough evidence."""
    return codes(version, UNPROVED)
