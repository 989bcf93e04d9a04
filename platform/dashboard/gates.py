"""What a version's gates answered, in words. Reads what is stored, and judges nothing."""

from dataclasses import dataclass
from typing import Any

from dashboard.small_groups import few
from dashboard.wording.gates import GATES, GROUP_MEASURES, REASONS
from dashboard.wording.models import SOURCES, said
from dashboard.wording.states import OUTCOMES_OF_GATES, REFUSED, SERVES, VERSIONS, Badge
from training.jobs.gates import failed_gates
from training.jobs.models import Version


@dataclass(frozen=True)
class GateLine:
    """One gate: its outcome as a badge, its name, and the sentence that explains it."""

    badge: Badge
    name: str
    text: str


def version_badge(version: Version, *, serves: bool) -> Badge:
    """Where a version stands: what a check refused does not wait for anybody's approval."""
    if serves:
        return SERVES
    refused = version.state == Version.EVALUATED and failed_gates(version)
    return REFUSED if refused else VERSIONS[version.state]


def gate_lines(verdicts: list[dict[str, Any]]) -> list[GateLine]:
    """A line per gate, in the order in which they were judged."""
    return [
        GateLine(
            badge=OUTCOMES_OF_GATES[line["outcome"]],
            name=said(GATES, line["gate"]),
            text=said(REASONS, line["reason"], _shown(line["figures"])),
        )
        for line in verdicts
    ]


def _shown(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures as a sentence shows them: numbers with their decimals, sources by their names."""
    shown: dict[str, Any] = {
        name: f"{value:.4f}" if isinstance(value, float) else value
        for name, value in figures.items()
    }
    if "units" in figures:
        shown["units"] = few(int(figures["units"]))
    if "interval" in figures:
        low, centre, high = figures["interval"]
        shown |= {"low": f"{low:+.4f}", "centre": f"{centre:+.4f}", "high": f"{high:+.4f}"}
    if "best" in figures:
        shown["best"] = said(SOURCES, figures["best"])
    if "open" in figures:
        shown["names"] = ", ".join(said(SOURCES, name) for name in figures["open"])
    if "measure" in figures:
        shown["measure"] = said(GROUP_MEASURES, figures["measure"])
        shown |= {"most": f"{figures['most']:g}", "chance": f"{100 * figures['chance']:.1f}"}
    return shown
