"""What a run says: the tables on the screen, the document, and the figures that are claimed. Only
what this run measured is claimed.
"""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.quality.contenders import RIVALS
from tests.bench.quality.datasets import DATASETS
from tests.bench.quality.engine_parts import JUDGED, SERVED, WITH_LORA, WITHOUT_TEXT
from tests.bench.quality.one import EXPLAINED, QUICK_ASKED, WATCHED
from tests.bench.quality.results import Result, Table, best_single, over_seeds, ratio
from tests.bench.quality.rivals import transformers
from tests.bench.quality.tables import choices, ratios, task_table
from tests.bench.quality.tasks import TASKS
from training.engine.metrics import Interval

_HEAD = Path(__file__).with_name("head.md")
_FROZEN = f"engine.sequence{JUDGED}"
_MATCHED = "engine.content_matched"
_QUICK_NOTE = """
This is a short run: one seed, at most {asked:,} questions of test and {watched:,} of validation for
each task, {explained:,} explanations held against the truth, no LoRA, no ALS. Two processes run at
a time, each on a core of its own.
"""
_NEURAL = ("sasrec", "esasrec")
# claim -> (task, ours, theirs)
_PAIRS = {
    "text_ratio_to_no_text": ("scientific", _FROZEN, WITHOUT_TEXT),
    "finetune_ratio_to_frozen": ("scientific_cold_only", _MATCHED, f"{SERVED}.content"),
    "lora_ratio_to_frozen": ("scientific", WITH_LORA, _FROZEN),
}
_TIMED = ("scientific", "retail_repeats")  # where seconds are compared
# What every run tells, with what it needs; null where that is missing.
KEYS = {
    "min_lower_bound_to_best_single": "the engine and a finished rival on some task",
    "scientific_ratio_to_best_single": "the engine and a finished rival on Scientific",
    "text_ratio_to_no_text": "the sequence model with and without text, both trained to their end",
    "finetune_ratio_to_frozen": "texts by the learnt map and as frozen, on Scientific's cold items",
    "lora_ratio_to_frozen": "a full run: LoRA and frozen text in the sequence model on Scientific",
    "cold_ndcg10": "the engine on Scientific's cold items",
    "train_ratio_to_sasrec": "SASRec finished, and the engine no worse, on some data set",
    **{
        f"{task}_train_ratio_to_sasrec": "SASRec finished there, and the engine no worse"
        for task in _TIMED
    },
    "train_seconds": "the engine on some task",
    "peak_memory_mb": "the engine on some task",
    "explanation_agrees": "the engine on some task",
}


def shown(table: Table) -> str:
    """All tables, task by task."""
    return "\n\n".join(
        f"## {task.name}\n\n{task_table(table[task.name])}\n\n{choices(table[task.name])}"
        f"\n\n{ratios(list(_ratios(table, task.name)))}"
        for task in TASKS
        if task.name in table
    )


def verdicts(table: Table) -> dict[str, object]:
    """The claims, by the names that they are known under; `missing` names those that this run could
    not measure, with what they need."""
    told = dict.fromkeys(KEYS) | _measured(table)
    return told | {"missing": {name: KEYS[name] for name in KEYS if told[name] is None}}


def _measured(table: Table) -> dict[str, object]:
    told: dict[str, object] = {}
    lows = []
    for task in table:
        against = _against(table, task)
        if against is not None:
            lows.append(against[1].low)
            told[f"{task}_best_single"] = against[0]
            _tell(told, f"{task}_ratio_to_best_single", against[1])
    if lows:
        told["min_lower_bound_to_best_single"] = round(min(lows), 4)
    for claim, (task, ours, theirs) in _PAIRS.items():
        interval = _pair(table, task, ours, theirs)
        if interval is not None:
            _tell(told, claim, interval)
    if SERVED in table.get("scientific_cold_only", {}):
        runs = table["scientific_cold_only"][SERVED]
        told["cold_ndcg10"] = round(float(over_seeds(runs)[:, 0].mean()), 4)
    return told | _explained(table) | _costs(table)


def _explained(table: Table) -> dict[str, object]:
    """The share of checked explanations that agree, the lowest of all tasks, and that of each."""
    shares = {
        task: sum(run.explained["agreed"] for run in runs)
        / max(1, sum(run.explained["checked"] for run in runs))
        for task, results in table.items()
        if (runs := [run for run in results.get(SERVED, ()) if run.explained.get("checked")])
    }
    if not shares:
        return {}
    each = {f"{task}_explanation_agrees": round(share, 4) for task, share in shares.items()}
    return {"explanation_agrees": round(min(shares.values()), 4), **each}


def document(table: Table, figures: dict[str, object], *, quick: bool) -> str:
    """docs/benchmarks.md."""
    head = _HEAD.read_text().format(**_facts(table, quick=quick))
    told = json.dumps(figures, indent=2, ensure_ascii=False)
    size = _QUICK_NOTE.format(**_sizes()) if quick else ""
    return "\n".join([head, size, shown(table), "", "```json", told, "```", ""])


def _sizes() -> dict[str, int]:
    return {"asked": QUICK_ASKED, "watched": WATCHED[True], "explained": EXPLAINED[True]}


def _against(table: Table, task: str) -> tuple[str, Interval] | None:
    """The best rival of a task and what the served choice is beside it."""
    results = table[task]
    name = best_single(results, tuple(RIVALS))
    if name is None or SERVED not in results or not over_seeds(results[name])[:, 0].any():
        return None
    return name, ratio(results[SERVED], results[name])


def _pair(table: Table, task: str, ours: str, theirs: str) -> Interval | None:
    results = table.get(task, {})
    if ours not in results or theirs not in results:
        return None
    if not all(run.finished for name in (ours, theirs) for run in results[name]):
        return None
    return ratio(results[ours], results[theirs])


def _ratios(table: Table, task: str) -> Iterator[tuple[str, Interval]]:
    against = _against(table, task)
    if against is not None:
        yield f"engine / {against[0]} (best single)", against[1]
    for name in _NEURAL:
        if all(run.finished for run in table[task].get(name, ())):
            interval = _pair(table, task, SERVED, name)
            if interval is not None:
                yield f"engine / {name}", interval
    for where, ours, theirs in _PAIRS.values():
        interval = _pair(table, task, ours, theirs) if where == task else None
        if interval is not None:
            yield f"{ours} / {theirs}", interval


def _costs(table: Table) -> dict[str, object]:
    """Seconds and memory of the engine, and its seconds beside those of SASRec where that has
    ended and is no better."""
    runs = [run for results in table.values() for run in results.get(SERVED, ())]
    if not runs:
        return {}
    told: dict[str, object] = {
        "train_seconds": round(max(run.train_seconds for run in runs), 1),
        "peak_memory_mb": round(max(run.peak_memory_mb for run in runs)),
    }
    shares = []
    for task in _TIMED:
        ours, theirs = (table.get(task, {}).get(name, []) for name in (SERVED, "sasrec"))
        if not ours or not theirs or not all(run.finished for run in theirs):
            continue
        if over_seeds(ours)[:, 0].mean() >= over_seeds(theirs)[:, 0].mean():
            share = _shares(ours, theirs)
            told[f"{task}_train_ratio_to_sasrec"] = [round(each, 3) for each in share]
            shares += share
    if shares:
        told["train_ratio_to_sasrec"] = round(max(shares), 3)
    return told


def _shares(ours: Sequence[Result], theirs: Sequence[Result]) -> list[float]:
    """Our seconds as a share of theirs, by the clock and by the processors: whoever else uses the
    machine slows either clock, so that the larger share is the claim."""
    return [
        sum(getattr(run, name) for run in ours)
        / len(ours)
        / (sum(getattr(run, name) for run in theirs) / len(theirs))
        for name in ("train_seconds", "train_cpu_seconds")
    ]


def _tell(told: dict[str, object], name: str, interval: Interval) -> None:
    told[name] = round(interval.centre, 4)
    told[f"{name}_interval"] = [round(interval.low, 4), round(interval.high, 4)]


def _facts(table: Table, *, quick: bool) -> dict[str, str]:
    used = {task.world for task in TASKS if task.name in table}
    notes = "\n".join(
        f"- **{name}**: {DATASETS[name]().note}." for name in DATASETS if name in used
    )
    return {
        "notes": notes,
        "machine": f"{os.cpu_count()} cores ({platform.machine()})",
        "minutes": f"{transformers.MINUTES:.0f}",
        "epochs": str(transformers.EPOCHS),
        "patience": str(transformers.PATIENCE[quick]),
        "longest": str(transformers.LONGEST[quick]),
    }
