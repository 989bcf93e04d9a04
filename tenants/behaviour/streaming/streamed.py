"""What became of the latest streamed requests, added up, for whoever asked for none of them.

Reads records of requests only; of the latest LATEST, so that it costs the same however many came.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants.behaviour.models import WaitingRequest

LATEST = 10_000
SHOWN = 30

LATEST_ONES = "select * from behaviour_eventbatch order by tenant_id desc, id desc limit %(latest)s"
TOTALS = f"""
select count(*), coalesce(sum(received), 0), coalesce(sum(accepted), 0), min(received_at)
from ({LATEST_ONES}) as latest
"""  # nosec B608 # no value is put into the text
WAITING = """
select count(*) filter (where attempts < %s), count(*) filter (where attempts >= %s)
from behaviour_waitingrequest
"""
ENDED = f"""
select o ->> 'outcome', o ->> 'code', o ->> 'name', sum((o ->> 'count')::bigint) as count
from ({LATEST_ONES}) as latest, jsonb_array_elements(latest.outcomes) as o
group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit %(shown)s
"""  # nosec B608 # no value is put into the text


@dataclass(frozen=True)
class Ended:
    """How much of what was told ended in one way; `name` is that of an unknown type, if any."""

    outcome: str
    code: str
    name: str
    count: int


@dataclass(frozen=True)
class Streamed:
    """Counts of the latest requests, the first of them, and the most frequent outcomes."""

    requests: int
    received: int
    accepted: int
    since: datetime | None
    ended: tuple[Ended, ...]
    # Tracking requests that are acknowledged and not landed yet, and those that a fault holds up.
    waiting: int = 0
    held_up: int = 0


def latest_streamed() -> Streamed:
    """Of the tenant in scope."""
    words = {"latest": LATEST, "shown": SHOWN}
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [WaitingRequest.HELD_UP] * 2)
        waiting, held_up = cursor.fetchone()
        cursor.execute(TOTALS, words)
        requests, received, accepted, since = cursor.fetchone()
        cursor.execute(ENDED, words)
        rows = cursor.fetchall()
    ended = tuple(Ended(outcome, code, name, int(n)) for outcome, code, name, n in rows)
    return Streamed(requests, int(received), int(accepted), since, ended, waiting, held_up)
