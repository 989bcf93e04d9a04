"""How often a tenant's subjects come back: the measure by which half-lives are tried. A shop of
monthly orders and a page of hourly clicks forget at different speeds. Pure numpy."""

import numpy as np

from training.engine.arrays import DAY
from training.engine.snapshot import Events

MONTH = 30.0  # days
_SAME_VISIT = 1_800.0  # seconds; what lies closer together is one visit


def pace_days(events: Events, moment: float) -> float:
    """The median time between two visits of a subject before `moment`, in days; a month where
    nobody came twice."""
    early = events.time < moment
    subject, time = events.subject[early], events.time[early]
    gaps = np.diff(time)[np.diff(subject) == 0]
    apart = gaps[gaps > _SAME_VISIT]
    return float(np.median(apart)) / DAY if len(apart) else MONTH
