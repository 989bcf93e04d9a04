"""Answering: context -> ranked items with reasons -> a row in the decision log."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.utils.timezone import now

from recommend import popular
from recommend.bundles import BUNDLES, BundleUnreadable
from recommend.context import PURPOSE, Context
from recommend.models import Decision
from recommend.shown import ShownItem, shown_items
from tenants.behaviour.schema import EVENT_TYPES
from tenants.consent.vocabulary import PURPOSE_OF, Use
from tenants.subjects.keys import audit_pseudonym, unwrap
from training.engine.bundle import Bundle, History, Ranked, Reason

# Ranked beyond what was asked for, since some items may not be available now.
SPARE = 20
TYPE_NAMES = {kind.code: kind.name for kind in EVENT_TYPES}
WEIGHTS = {kind.code: kind.weight for kind in EVENT_TYPES}


@dataclass(frozen=True)
class AnsweredItem:
    """One line of an answer: what to show, and why. Items inside the reason are named too."""

    item: ShownItem
    score: float
    reason: Reason
    contributions: dict[str, float]


@dataclass(frozen=True)
class Answer:
    """What was decided and logged. `code` says why it is not personal, "" when it is."""

    decision: Decision
    personalised: bool
    code: str
    items: list[AnsweredItem]
    # Items that reasons refer to, by integer id.
    cited: dict[int, ShownItem]


def answer(context: Context, *, limit: int, asked_by: str) -> Answer:
    """Rank, name, explain and log. Must run in the tenant's scope; `asked_by` is a public id."""
    try:
        bundle = _bundle(context)
    except BundleUnreadable:
        # An answer all the same, and none of that version's.
        bundle, code = None, context.code or "version_unreadable"
        context = replace(context, code=code, version_id=None)
    ranked, code = _rank(context, bundle, limit + SPARE)
    chosen, cited = _name(ranked, limit)
    decision = _log(context, chosen, code, asked_by)
    return Answer(decision, personalised=not code, code=code, items=chosen, cited=cited)


def _rank(context: Context, bundle: Bundle | None, limit: int) -> tuple[Sequence[Ranked], str]:
    """The ranking and "", or the non-personal one and the reason why."""
    moment = time.time()
    if bundle is None:
        return popular.ranking(limit), context.code or "no_version"
    if context.code:
        return bundle.popular(now=moment, limit=limit), context.code
    if not context.items:
        return bundle.popular(now=moment, limit=limit), "no_history"
    return bundle.recommend(_history(context), now=moment, limit=limit), ""


def _bundle(context: Context) -> Bundle | None:
    if context.manifest_sha256 is None:
        return None
    return BUNDLES.get(context.tenant_id, context.manifest_sha256)


def _history(context: Context) -> History:
    """The subject's recent events, oldest first."""
    return History(
        items=np.array(context.items[::-1], dtype=np.int64),
        times=np.array(context.times[::-1], dtype=np.float64),
        weights=np.array([WEIGHTS[code] for code in context.types[::-1]], dtype=np.float32),
        types=[TYPE_NAMES[code] for code in context.types[::-1]],
        values=np.array([value or 0.0 for value in context.amounts[::-1]], dtype=np.float32),
    )


def _name(ranked: Sequence[Ranked], limit: int) -> tuple[list[AnsweredItem], dict[int, ShownItem]]:
    """Items that are available now, with their titles and those of the items reasons cite."""
    wanted = {line.item for line in ranked}
    wanted |= {int(line.reason.params["item"]) for line in ranked if "item" in line.reason.params}
    items = shown_items(wanted)
    chosen = [
        AnsweredItem(items[line.item], line.score, line.reason, line.contributions)
        for line in ranked
        if line.item in items and items[line.item].available
    ]
    return chosen[:limit], items


def _log(context: Context, chosen: Sequence[AnsweredItem], code: str, asked_by: str) -> Decision:
    purpose = PURPOSE if not code else PURPOSE_OF[Use.POPULARITY]
    return Decision.objects.create(
        occurred_at=now(),
        subject_id=context.subject_id,
        subject_ref=_subject_ref(context),
        personalised=not code,
        code=code,
        purpose=purpose.value,
        version_id=context.version_id,
        key_ref=asked_by,
        items=[_logged(line) for line in chosen],
    )


def _logged(line: AnsweredItem) -> dict[str, Any]:
    return {
        "item": line.item.id,
        "score": round(line.score, 6),
        "reason": {"code": line.reason.code, "params": line.reason.params},
    }


def _subject_ref(context: Context) -> str:
    """The subject's pseudonym in the log: unlinkable once their key is destroyed."""
    if context.subject_id is None or context.wrapped_key is None:
        return ""
    key = unwrap(context.tenant_id, context.lookup, context.wrapped_key)
    return audit_pseudonym(key, context.tenant_id, context.subject_id)
