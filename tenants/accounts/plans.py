"""What a tenant may use: a plan, and what its installation grants it beside. Pure; no database.

Rates are per second and hold for the whole installation; `at_once` holds per web process.
Months are calendar months in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

GIB = 1 << 30


@dataclass(frozen=True)
class Plan:
    """Upper limits of one tenant.

    requests_per_second  API requests, as an average; the same for a key that has none of its own
    burst                requests above the average that may come at once
    at_once              requests answered at once by one web process; some more wait in line
    storage_bytes        bytes of uploads, artifacts and job folders
    events_per_month     events stored in a calendar month
    device_seconds_per_month  seconds that fine-tuning holds a device
    jobs_running         fine-tuning jobs that run at once
    jobs_queued          fine-tuning jobs that wait for their turn or are paused
    weight               how large a share of the devices, compared with others, while all want them
    """

    requests_per_second: float
    burst: int
    at_once: int
    storage_bytes: int
    events_per_month: int
    device_seconds_per_month: int
    jobs_running: int
    jobs_queued: int
    weight: float


PLANS = {
    "standard": Plan(50.0, 50, 1, 20 * GIB, 50_000_000, 200 * 3600, 1, 5, 1.0),
    "large": Plan(500.0, 500, 2, 500 * GIB, 1_000_000_000, 2_000 * 3600, 2, 20, 4.0),
    # A test tenant's: enough to try everything, too little to live on.
    "test": Plan(10.0, 20, 1, 1 * GIB, 100_000, 3600, 1, 2, 0.5),
}
DEFAULT, TEST = "standard", "test"
NAMES = tuple(field.name for field in fields(Plan))


def limits_of(plan: str, granted: Mapping[str, Any] | None = None) -> Plan:
    """The plan with what was granted to this tenant beside it; KeyError on an unknown plan."""
    return replace(PLANS[plan], **(granted or {}))
