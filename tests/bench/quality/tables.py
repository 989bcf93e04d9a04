"""The figures of a run as tables: for the screen and for docs/benchmarks.md. Pure functions."""

from collections.abc import Sequence

import numpy as np

from tests.bench.quality.engine_parts import SERVED
from tests.bench.quality.judging import NAMES
from tests.bench.quality.results import Result, over_seeds
from training.engine.metrics import Interval

_HEAD = (
    "contender", "NDCG@10", "± seeds", "R@10", "R@20", "MRR", "new R@20", "coverage", "Gini",
    "novelty", "diversity", "miscal.", "train s", "CPU s", "ms a list", "MB",
)  # fmt: skip


def row_of(name: str, runs: Sequence[Result]) -> list[str]:
    """One contender on one task, averaged over its seeds. An unfinished one says so."""
    means = dict(zip(NAMES, over_seeds(runs).mean(axis=0), strict=True))
    each = [float(run.ndcg.mean()) for run in runs]
    spread = f"{(max(each) - min(each)) / 2:.4f}" if len(each) > 1 else "one seed"
    whole = {key: float(np.mean([run.whole[key] for run in runs])) for key in runs[0].whole}
    new = np.sum([run.fresh.sum(axis=0) for run in runs], axis=0)
    return [
        name if all(run.finished for run in runs) else f"{name} (unfinished)",
        f"{means['ndcg@10']:.4f}",
        spread,
        f"{means['recall@10']:.4f}",
        f"{means['recall@20']:.4f}",
        f"{means['mrr@20']:.4f}",
        f"{new[1] / new[0]:.4f}" if new[0] else "–",
        f"{whole['coverage@10']:.3f}",
        f"{whole['gini@10']:.3f}",
        f"{means['novelty']:.2f}",
        f"{means['diversity']:.3f}",
        f"{means['miscalibration']:.2f}",
        f"{np.mean([run.train_seconds for run in runs]):.1f}",
        f"{np.mean([run.train_cpu_seconds for run in runs]):.1f}",
        f"{whole['serve_ms']:.2f}",
        f"{max(run.peak_memory_mb for run in runs):.0f}",
    ]


def task_table(results: dict[str, list[Result]]) -> str:
    """All contenders of a task, best NDCG@10 first, as Markdown."""
    order = sorted(results, key=lambda name: -over_seeds(results[name])[:, 0].mean())
    return markdown(_HEAD, [row_of(name, results[name]) for name in order])


def choices(results: dict[str, list[Result]]) -> str:
    """What validation chose, how many settings were compared, and how trainings ended; of the
    engine's sources those alone that were not learnt with what serves."""
    whole = [run.told for run in results.get(SERVED, ())]
    rows = [
        [
            name,
            ", ".join(f"{key} {value}" for key, value in runs[0].chosen.items()) or "–",
            str(runs[0].tried),
            "; ".join(dict.fromkeys(run.told for run in runs if run.told)) or "–",
        ]
        for name, runs in results.items()
        if name == SERVED or [run.told for run in runs] != whole
    ]
    return markdown(("contender", "chosen on validation", "compared", "how it ended"), rows)


def ratios(lines: Sequence[tuple[str, Interval]]) -> str:
    """Ratios of NDCG@10 with their intervals."""
    rows = [
        [name, f"{each.centre:.3f}", f"{each.low:.3f} to {each.high:.3f}"] for name, each in lines
    ]
    return markdown(("ratio of NDCG@10", "test", "95 % interval"), rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its columns as wide as they need to be."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(head), rule, *(line(row) for row in rows)])
