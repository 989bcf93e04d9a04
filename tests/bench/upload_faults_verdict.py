"""What became of one bad input, set against what was sent and against the database."""

import itertools
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import translation

from dashboard.wording.errors import error_text
from tenants.behaviour.models import Event, QuarantinedRow
from tenants.behaviour.wording import outcome_text
from tenants.ids import parse_id
from tests.bench.upload_faults_files import Bad

BUCKETS = ("accepted", "duplicate", "quarantined", "rejected")
LANGUAGES = ("en", "zh-hans")


@dataclass
class Table:
    """All lines so far. `wrong`: what is not as it must be, in words; safe with threads."""

    inputs: int = 0
    rows_lost: int = 0
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def line(self, *cells: object) -> None:
        """One input, on one line."""
        with self._lock:
            self.inputs += 1
            print(f"{self.inputs:3}  {' | '.join(str(cell) for cell in cells if cell)}", flush=True)

    def blame(self, says: str, what: str) -> None:
        with self._lock:
            self.wrong.append(f"{says}: {what}")

    def lose(self, says: str, count: int) -> None:
        with self._lock:
            self.rows_lost += count
            if count:
                self.wrong.append(f"{says}: {count} rows are neither counted nor stored")


def check_words(table: Table, says: str, code: str, english: str) -> None:
    """Whether a refusal at the door is a sentence in both languages."""
    with translation.override(LANGUAGES[1]):
        chinese = str(error_text(code, {}))
    if not english.endswith(".") or chinese in (english, code):
        table.blame(says, f"no sentence in both languages: {english!r}, {chinese!r}")


def ends_of(upload: dict[str, Any]) -> Counter[str]:
    """How the rows ended, by code; "accepted" is one."""
    report = upload["report"] or {}
    ended = Counter({one["code"]: one["count"] for one in report.get("outcomes", ())})
    ended["accepted"] = report.get("accepted", 0)
    return +ended


def sentences(upload: dict[str, Any], language: str) -> list[str]:
    """What the page of the upload tells its reader."""
    with translation.override(language):
        found = []
        if upload["error"]:
            found.append(error_text(upload["error"]["code"], upload["error"]["params"]))
        for one in (upload["report"] or {}).get("outcomes", ()):
            where = f"{one['count']} × {one['code']} (rows {one['first_rows'][:3]})"
            found.append(f"{where}: {outcome_text(one['bucket'], one['code'])}")
    return [str(one) for one in found]


def stored(business: Any, upload_id: str) -> int:
    """Rows that the database holds of the upload, held back ones too."""
    own: UUID = parse_id("upload", upload_id)
    connection.close_if_unusable_or_obsolete()  # the database may have been away
    with business.scope:
        events = Event.objects.filter(upload_id=own).count()
        return events + QuarantinedRow.objects.filter(upload_id=own).count()


def judge(
    table: Table, business: Any, bad: Bad, status: int, upload: dict[str, Any], rows: int
) -> None:
    """One line about a file that was taken, and whatever is not as it must be."""
    report, error = upload["report"] or {}, (upload["error"] or {}).get("code", "")
    counts = {name: report.get(name, 0) for name in BUCKETS}
    here = stored(business, upload["id"]) if bad.kind == "events" else counts["accepted"]
    if here != counts["accepted"] + counts["quarantined"]:
        table.lose(bad.says, abs(here - counts["accepted"] - counts["quarantined"]))
    if upload["status"] == "done":
        table.lose(bad.says, abs(rows - sum(counts.values())))
    elif here and not bad.broken:
        table.blame(bad.says, f"refused as a whole, and {here} rows are stored")
    if error != bad.code or (not bad.code and ends_of(upload) != Counter(bad.ends)):
        table.blame(bad.says, f"{error or dict(ends_of(upload))}, not {bad.code or dict(bad.ends)}")
    english, chinese = (sentences(upload, language) for language in LANGUAGES)
    for one, other in itertools.zip_longest(english, chinese):
        if one == other or not one.rstrip().endswith((".", "。")):
            table.blame(bad.says, f"no sentence in both languages: {one!r}, {other!r}")
    told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    table.line(
        bad.says, f"{rows} rows", f"HTTP {status}", f"{upload['status']} {error}".strip(),
        " / ".join(english), told or "nothing stored",
    )  # fmt: skip
