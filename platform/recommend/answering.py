"""Answering: context -> ranked items with reasons -> a row in the decision log."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommend import lately, popular
from recommend.bundles import BUNDLES, BundleUnreadable
from recommend.context import Context
from recommend.shown import ShownItem
from recommend.telling import Told, tell
from tenants.access.turns import TURNS
from tenants.behaviour.types.event_types import event_types_of
from tenants.isolation.scope import tenant_scope
from training.engine.bundle import Bundle, History, Ranked, Reason

# Ranked beyond what was asked for, since some items may not be available now.
SPARE = 20
# Ranked for each item that is asked for where variety counts: the pool that it is drawn from.
_POOL = 4


@dataclass(frozen=True)
class AnsweredItem:
    """One line of an answer: what to show, and why. Items inside the reason are named too."""

    item: ShownItem
    score: float
    reason: Reason
    contributions: dict[str, float]
    probability: float | None


@dataclass(frozen=True)
class Answer:
    """What was decided and logged. `code` says why it is not personal, "" when it is; `days`: how
    long after an answer an act counts in its probabilities, None where none are told."""

    decision: Told
    personalised: bool
    code: str
    days: float | None
    items: list[AnsweredItem]
    # Items that reasons refer to, by integer id.
    cited: dict[int, ShownItem]


def answer(context: Context, *, limit: int, asked_by: str, diversity: float = 0.0) -> Answer:
    """Rank, name, explain and log; `asked_by` is a public id. What is read and written is of the
    context's tenant, whatever scope is entered. diversity: between 0 and 1, how much it counts
    that the items are unlike each other.
    """
    try:
        bundle = _bundle(context)
    except BundleUnreadable:
        # An answer all the same, and none of that version's.
        bundle, code = None, context.code or "version_unreadable"
        context = replace(context, code=code, version_id=None)
    pool = _POOL * limit if diversity else limit
    ranked, code = _rank(context, bundle, pool + SPARE)
    if bundle is not None and diversity:
        ranked = bundle.varied(ranked, diversity)
    told, lines, items = tell(
        context, ranked, code=code, limit=limit, asked_by=asked_by, diversity=diversity
    )
    chosen = [
        AnsweredItem(item, line.score, line.reason, line.contributions, line.probability)
        for line, item in lines
    ]
    days = bundle.days if bundle is not None and not code else None
    return Answer(told, not code, code, days, items=chosen, cited=items)


def _rank(context: Context, bundle: Bundle | None, limit: int) -> tuple[Sequence[Ranked], str]:
    """The ranking and "", or the non-personal one and the reason why."""
    moment = time.time()
    if bundle is None:
        with tenant_scope(context.tenant_id):
            return popular.ranking(limit), context.code or "no_version"
    if context.code:
        return bundle.popular(now=moment, limit=limit), context.code
    if not context.items:
        return bundle.popular(now=moment, limit=limit), "no_history"
    history = history_of(context)
    return bundle.recommend(history, now=moment, limit=limit, between=TURNS.pause), ""


def _bundle(context: Context) -> Bundle | None:
    if context.manifest_sha256 is None:
        return None
    bundle = BUNDLES.get(context.tenant_id, context.manifest_sha256)
    return lately.up_to_date(context.tenant_id, context.manifest_sha256, bundle)


def history_of(context: Context) -> History:
    """The subject's recent events, oldest first, each with what its type weighs now."""
    known = event_types_of(context.tenant_id, context.types).by_code
    kinds = [known[code] for code in context.types[::-1]]
    return History(
        items=np.array(context.items[::-1], dtype=np.int64),
        times=np.array(context.times[::-1], dtype=np.float64),
        weights=np.array([kind.weight for kind in kinds], dtype=np.float32),
        types=[kind.name for kind in kinds],
        values=np.array([value or 0.0 for value in context.amounts[::-1]], dtype=np.float32),
    )
