"""Seals what a run has made: tensors, and the manifest that tells how they came about and what
they are worth."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.engine.arrays import Tensors
from training.engine.bundle import CATALOGUE_FILE, FUSION_FILE, Bundle
from training.engine.evaluate import FUSION, Reader
from training.engine.finetuning import rate_of
from training.engine.groups import Groups
from training.engine.lineage import seal_of
from training.engine.progress import peak_rss_mb
from training.engine.sealed import write_sealed
from training.engine.snapshot import Snapshot
from training.engine.sources import SOURCES
from training.engine.sources.source import Source
from training.engine.split import Split
from training.engine.tasks.recommendation.champion import judged_file
from training.engine.tasks.recommendation.fairness import groups_record
from training.engine.tasks.recommendation.judging import Outcome
from training.engine.tasks.recommendation.latency import measure_latency
from training.engine.tasks.recommendation.learning import FINETUNED, FROZEN, Learned
from training.engine.tasks.recommendation.reading import Texts
from training.engine.tasks.recommendation.settings import Chosen
from training.engine.tasks.recommendation.units import (
    CHAMPION,
    UNITS_FILE,
    WINDOW,
    unit_tensors,
    units_record,
)
from training.engine.workbench import Workbench

ARTIFACT = "artifact"
FORMAT = 1
REBUILD_FILE = "rebuild.safetensors"
CHARACTERS_FILE = "characters.safetensors"


@dataclass(frozen=True)
class Made:
    """Everything a run has made. sources: as they will serve, fitted up to the end of the data;
    reader: the held-out cases of the test window; groups: those that were declared."""

    snapshot: Snapshot
    parts: Split
    texts: Texts
    chosen: Chosen
    learned: Learned
    outcome: Outcome
    sources: dict[str, Source]
    reader: Reader
    groups: Groups | None


def write_artifact(bench: Workbench, folder: Path, made: Made) -> None:
    """Write `folder`/artifact, whole or not at all."""
    serving = _serving_names(made.outcome)
    catalogue = made.snapshot.catalogue
    files: dict[str, Tensors] = {
        CATALOGUE_FILE: {"items": catalogue.items, **catalogue.facts.tensors()}
    }
    files |= {_file(name): made.sources[name].tensors() for name in serving}
    files |= {judged_file(name): made.learned.sources[name].tensors() for name in _judged(made)}
    if made.outcome.serves == FUSION and made.outcome.fusion:
        files[FUSION_FILE] = made.outcome.fusion.tensors()
    if made.learned.rebuild:
        files[REBUILD_FILE] = made.learned.rebuild
    if made.texts.by_characters:
        files[CHARACTERS_FILE] = made.texts.by_characters.tensors()
    rival = made.outcome.rival
    files[UNITS_FILE] = unit_tensors(
        made.reader, made.outcome.judged[WINDOW], {} if rival is None else {CHAMPION: rival}
    )
    bench.progress.step(1, 2)
    write_sealed(folder / ARTIFACT, files, _manifest(bench, made, serving))


def _serving_names(outcome: Outcome) -> list[str]:
    """The sources that an answer may need, the popular list among them."""
    fused = outcome.fusion.sources if outcome.serves == FUSION and outcome.fusion else ()
    return list(dict.fromkeys((*(fused or (outcome.serves,)), outcome.popular)))


def _file(name: str) -> str:
    return f"source-{name}.safetensors"


def _judged(made: Made) -> list[str]:
    """What serves in a state that no window has judged, and is kept beside as it was judged: a
    later run can only be compared with what had not seen the run's windows."""
    serving = _serving_names(made.outcome)
    return [
        name for name in made.learned.sources if name in made.learned.renewed and name in serving
    ]


def _manifest(bench: Workbench, made: Made, serving: list[str]) -> dict[str, Any]:
    outcome, snapshot = made.outcome, made.snapshot
    share = made.texts.reading.share
    return {
        "format": FORMAT,
        **bench.record,
        "record_sha256": seal_of(bench.record),
        "params": _resolved(bench, made),
        "counts": {
            "events": len(snapshot.events),
            "subjects": snapshot.events.subjects,
            "items": len(snapshot.catalogue),
        },
        "split": _split_record(made.parts),
        "sources": _source_records(made, serving),
        "serves": outcome.serves,
        "serves_because": {"window": "validation", "best_single": outcome.best_single},
        "readable_share": None if share is None else round(share, 4),
        "language_note": made.texts.reading.code,
        "texts_read_by": made.texts.read_by,
        "refitted": {
            "until": _iso(made.parts.end),
            "sources": sorted([*made.chosen.settings, *made.learned.renewed]),
            "judged_beside": _judged(made),
            "as_evaluated": sorted(
                [
                    *(set(made.learned.sources) - set(made.learned.renewed)),
                    *([FUSION] if outcome.fusion else []),
                ]
            ),
        },
        "serving": _serving_record(bench, made, serving),
        "units": units_record(bench.job, made.reader, made.parts.repeats),
        "champion": _champion_record(outcome),
        "groups": groups_record(
            made.groups,
            made.reader,
            outcome.judged[WINDOW],
            outcome.serves,
            seed=bench.seed(72),
        ),
        "probability": outcome.probable.record() if outcome.probable else None,
        "latency": measure_latency(_bundle(bench, made, serving), snapshot, made.reader),
        "timings": bench.progress.timings,
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }


def _resolved(bench: Workbench, made: Made) -> dict[str, Any]:
    """Every parameter with the value that was used."""
    courses = made.learned.courses
    decided = {
        "window_days": made.parts.days,
        "repeats": made.parts.repeats,
        "epochs": courses.get(FROZEN, {}).get("epochs"),
        "finetune_epochs": courses.get(FINETUNED, {}).get("epochs"),
        "finetune_learning_rate": rate_of(bench.job) if FINETUNED in courses else None,
    }
    for source, setting, param in (
        ("own_history", "half_life_days", "own_half_life_days"),
        ("neighbours", "half_life_days", "neighbours_half_life_days"),
        ("neighbours", "ridge", "neighbours_ridge"),
        ("content", "half_life_days", "content_half_life_days"),
    ):
        decided[param] = made.chosen.settings.get(source, {}).get(setting)
    return {
        name: decided.get(name) if value is None else value
        for name, value in bench.job.params.items()
    }


def _split_record(parts: Split) -> dict[str, Any]:
    return {
        "days": parts.days,
        "repeats": parts.repeats,
        "repeat_share": round(parts.repeat_share, 4),
        "end": _iso(parts.end),
        "windows": [
            {
                "name": cases.window.name,
                "start": _iso(cases.window.start),
                "end": _iso(cases.window.end),
                "subjects": len(cases),
                "targets": sum(len(targets) for targets in cases.targets),
                "targets_not_yet_listed": cases.unreachable,
                "candidates": int(cases.candidates.sum()),
            }
            for cases in parts.cases.values()
        ],
    }


def _source_records(made: Made, serving: list[str]) -> list[dict[str, Any]]:
    outcome = made.outcome
    skipped = {**made.chosen.skipped, **made.learned.skipped}
    records = []
    for name in (*SOURCES, FUSION):
        record: dict[str, Any] = {
            "name": name,
            "kind": SOURCES[name].kind if name in SOURCES else FUSION,
            "served": name == outcome.serves,
            "in_bundle": name in serving,
        }
        if name in outcome.judged["test"].figures:
            record["metrics"] = {window: j.mean(name) for window, j in outcome.judged.items()}
            record["served_minus_this"] = {
                window: intervals[name].as_list()
                for window, intervals in outcome.intervals.items()
                if name in intervals
            }
        else:
            record["skipped"] = skipped.get(name, "not_fitted")
        if name in made.chosen.settings:
            record["settings"] = made.chosen.settings[name]
        if name in made.learned.courses:
            record["training"] = made.learned.courses[name]
        records.append(record)
    return records


def _serving_record(bench: Workbench, made: Made, serving: list[str]) -> dict[str, Any]:
    outcome = made.outcome
    fusion = outcome.fusion if outcome.serves == FUSION else None
    return {
        "sources": [
            {"name": name, "file": _file(name), "settings": made.sources[name].settings()}
            for name in serving
        ],
        "fusion": fusion
        and {
            "sources": list(fusion.sources),
            "features": list(fusion.features),
            "candidates": fusion.candidates,
            "unmet_by": fusion.unmet.by if fusion.unmet else "",
        },
        "popular": outcome.popular,
        "types": list(made.snapshot.events.types),
        "repeats": made.parts.repeats,
        "history_limit": bench.job.count("history_limit"),
    }


def _champion_record(outcome: Outcome) -> dict[str, str] | None:
    """Which version the held-out cases were also given to; why its figures are missing."""
    champion = outcome.champion
    if champion is None:
        return None
    return {"manifest_sha256": champion.digest, "obstacle": champion.obstacle}


def _bundle(bench: Workbench, made: Made, serving: list[str]) -> Bundle:
    """What will be read from the artifact, as it stands in memory."""
    record = _serving_record(bench, made, serving)
    return Bundle(
        manifest={},
        items=made.snapshot.catalogue.items,
        facts=made.snapshot.catalogue.facts,
        sources={name: made.sources[name] for name in serving},
        fusion=made.outcome.fusion if record["fusion"] else None,
        serves=made.outcome.serves,
        popular_name=record["popular"],
        types=tuple(record["types"]),
        repeats=record["repeats"],
        history_limit=record["history_limit"],
        nbytes=0,
        calibration=made.outcome.probable.calibration if made.outcome.probable else None,
    )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
