"""`make fuzz-api`: schemathesis over the whole OpenAPI document, against the product as it ships.

A key that holds every scope, a tenant with data, valid and invalid requests, each bounded in number
and all of them in time. Ends with one JSON object; fails on a server error, on an answer that the
document does not name, and on one that it describes otherwise.
"""

import argparse
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.openapi import from_url

from tests.bench.stage import Stage, on_stage, stage

DOCUMENT = "/v1/openapi.json"
# What an answer must keep. Whether valid data is accepted is left out: a grant without its notice
# fits its schema and is refused all the same, for what it means.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
UNDOCUMENTED = "status_code_conformance"


@dataclass
class Found:
    """calls: answers by operation and status; failures: by check; said: each kind of failure."""

    calls: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    said: dict[tuple[str, str, str], str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    stopped: str = ""

    def take(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.ScenarioFinished):
            self._take_recorded(event.recorder)
        elif isinstance(event, events.NonFatalError):
            self.broken.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            self.broken.append(str(event.exception))
        elif isinstance(event, events.EngineFinished):
            self.stopped = str(event.stop_reason)

    def _take_recorded(self, recorder: Any) -> None:
        for made in recorder.interactions.values():
            status = made.response.status_code if made.response else 0
            self.calls[recorder.label, status] += 1
        for checks in recorder.checks.values():
            for check in checks:
                if check.failure_info:
                    self._take_failure(recorder.label, check)

    def _take_failure(self, label: str, check: Any) -> None:
        self.failures[check.name] += 1
        told = check.failure_info
        key = (label, check.name, told.failure.title)
        self.said.setdefault(key, f"{told.failure.message}\n{told.code_sample}")


def config(key: dict[str, str], given: argparse.Namespace) -> SchemathesisConfig:
    """Every check of CHECKS and no other; at most `examples` requests per operation and phase.

    The coverage phase walks every border value of every field; its number is the schema's own.
    """
    return SchemathesisConfig.from_dict(
        {
            "headers": key,
            "seed": given.seed,
            "max-time": given.seconds,
            "continue-on-failure": True,
            "request-timeout": 30,
            "generation": {
                "mode": "all",
                "max-examples": given.examples,
                "no-shrink": True,
                "database": "none",
            },
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
            "phases": {
                "stateful": {"enabled": False},
                "coverage": {"enabled": given.coverage},
            },
        }
    )


def fuzz(where: Stage, given: argparse.Namespace) -> tuple[Found, int]:
    """What was found, and how many operations the document has."""
    schema = from_url(where.url + DOCUMENT, config=config(where.shops["A"].headers, given))
    found = Found()
    for event in from_schema(schema).execute():
        found.take(event)
    return found, sum(1 for _ in schema.get_all_operations())


def result(found: Found, operations: int, seconds: float) -> dict[str, Any]:
    other = sum(found.failures.values()) - found.failures[UNDOCUMENTED]
    answered = {label for (label, status) in found.calls if 200 <= status < 300}
    return {
        "operations": operations,
        "operations_answered": len(answered),
        "calls": found.calls.total(),
        "server_errors": sum(n for (_, status), n in found.calls.items() if status >= 500),
        "unanswered": sum(n for (_, status), n in found.calls.items() if status == 0),
        "undocumented_statuses": found.failures[UNDOCUMENTED],
        "schema_violations": other - found.failures["not_a_server_error"],
        "seconds": round(seconds, 1),
        "stopped": found.stopped,
    }


def tell(found: Found, where: Stage) -> None:
    """Answers by operation and status, then each kind of failure once."""
    for (label, status), count in sorted(found.calls.items()):
        print(f"{label:32} {status} {count:6}")
    for (label, check, title), text in found.said.items():
        print(f"\n{label}: {check}: {title}\n{text}")
    for text in found.broken:
        print(f"\nnot tested: {text}")
    if any(status >= 500 for _, status in found.calls):
        print(where.log.read_text()[-8000:])


def main() -> int:
    quick = bool(os.environ.get("QUICK"))
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=15 if quick else 150)
    parser.add_argument("--seconds", type=float, default=15.0 if quick else 180.0)
    parser.add_argument("--coverage", action=argparse.BooleanOptionalAction, default=not quick)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with stage("A") as where:
        begun = time.monotonic()
        found, operations = fuzz(where, given)
        tell(found, where)
    summary = result(found, operations, time.monotonic() - begun)
    print(json.dumps(summary))
    return int(bool(found.failures or found.broken or summary["server_errors"]))


if __name__ == "__main__":
    on_stage(main)
