"""How a version's score sources stand beside each other, read out of its manifest. Pure."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from dashboard.charts.chart import Chart
from dashboard.charts.comparison import Bar, sources
from dashboard.wording.models import SKIPPED, SOURCES, said

NDCG = "ndcg@10"
# Manifest name of a figure -> how a page heads its column.
FIGURES = {
    NDCG: "NDCG@10",
    "recall@10": "Recall@10",
    "mrr@20": "MRR@20",
    "coverage@10": "Coverage@10",
}
WINDOWS = ("validation", "test")


@dataclass(frozen=True)
class Standing:
    """One source: its figures per window (None: not measured) and the lead of what serves over it.

    `lead` is (low, centre, high), the 95 % interval of what serves minus this source on the test
    window; None for what serves itself. `skipped` says why a source was left out, "" otherwise.
    """

    code: str
    name: str
    serves: bool
    validation: dict[str, float]
    test: dict[str, float]
    lead: tuple[float, float, float] | None
    skipped: str

    def cells(self) -> list[float | None]:
        """Validation and test figures in the order of FIGURES, window by window."""
        return [part.get(name) for part in (self.validation, self.test) for name in FIGURES]


def standings(manifest: dict[str, Any]) -> list[Standing]:
    """Every source, best on validation first, those that were left out last."""
    found = [_standing(source) for source in manifest.get("sources", [])]
    return sorted(found, key=lambda one: one.validation.get(NDCG, -1.0), reverse=True)


def _standing(source: dict[str, Any]) -> Standing:
    metrics = source.get("metrics", {})
    lead = source.get("served_minus_this", {}).get("test")
    return Standing(
        code=source["name"],
        name=said(SOURCES, source["name"]),
        serves=bool(source.get("served")),
        validation=metrics.get("validation") or {},
        test=metrics.get("test") or {},
        lead=tuple(lead) if lead and not source.get("served") else None,
        skipped=said(SKIPPED, source["skipped"]) if "skipped" in source else "",
    )


def serving_one(found: list[Standing]) -> Standing | None:
    """The source that serves."""
    return next((one for one in found if one.serves), None)


def comparison(found: list[Standing]) -> Chart:
    """NDCG@10 of every measured source on the held-out test weeks."""
    bars = [Bar(one.name, one.test[NDCG], one.serves) for one in found if NDCG in one.test]
    return sources(bars, measure=_("NDCG@10 on the test weeks"))


def best_single(found: list[Standing], manifest: dict[str, Any]) -> Standing | None:
    """The best source other than the combination, as the run named it."""
    name = manifest.get("serves_because", {}).get("best_single")
    return next((one for one in found if one.code == name), None)
