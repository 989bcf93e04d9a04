"""What follows the ranking, in one round trip: the items that are available now are named, and the
answer is written into the decision log.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.timezone import now

from recommend.context import Context
from recommend.shown import ShownItem
from tenants.ids import public_id, uuid7
from tenants.subjects.keys import audit_pseudonym, unwrap
from training.engine.bundle import Ranked

TELL = "select * from recommend_answer(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"


@dataclass(frozen=True)
class Told:
    """A row of the decision log as an answer speaks of it."""

    id: UUID
    at: datetime
    purpose: str
    version_id: UUID | None

    @property
    def public_id(self) -> str:
        return public_id("recommendation", self.id)


def tell(
    context: Context,
    ranked: Sequence[Ranked],
    *,
    code: str,
    limit: int,
    asked_by: str,
    diversity: float = 0.0,
) -> tuple[Told, list[tuple[Ranked, ShownItem]], dict[int, ShownItem]]:
    """Log the first `limit` lines whose items are available. Those lines with their items, and all
    items by number, those that reasons cite too.
    """
    purpose = context.common_purpose if code else context.purpose
    told = Told(uuid7(), now(), purpose.value, context.version_id)
    words: list[Any] = [context.tenant_id, told.id, told.at, context.subject_id]
    words += [_subject_ref(context), code, told.purpose, told.version_id, asked_by]
    with connection.cursor() as cursor:
        cursor.execute(TELL, [*words, json.dumps([_line(one, diversity) for one in ranked]), limit])
        rows = cursor.fetchall()
    items = {row[1]: ShownItem(*row[1:]) for row in rows}
    lines = {one.item: one for one in ranked}
    placed = [row[1] for row in rows if row[0] is not None]
    return told, [(lines[item], items[item]) for item in placed], items


def _line(one: Ranked, diversity: float) -> dict[str, Any]:
    """What the log keeps of a line. A list that was varied says by how much: its scores do not
    fall."""
    told: dict[str, Any] = {
        "item": one.item,
        "score": round(one.score, 6),
        "reason": {"code": one.reason.code, "params": one.reason.params},
    }
    if one.probability is not None:
        told["probability"] = round(one.probability, 6)
    return {**told, "diversity": diversity} if diversity else told


def _subject_ref(context: Context) -> str:
    """The subject's pseudonym in the log: unlinkable once their key is destroyed."""
    if context.subject_id is None or context.wrapped_key is None:
        return ""
    key = unwrap(context.tenant_id, context.lookup, context.wrapped_key)
    return audit_pseudonym(key, context.tenant_id, context.subject_id)
