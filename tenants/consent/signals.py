"""Foreign consent signals: kept as they came, and read by the tenant's own table.

None of them was given for training a model, so nothing maps onto `model_training` (GDPR 4(11)).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.ledger import ConsentInput, Notices, bad_time, hold, lies_ahead, refusal
from tenants.consent.models import ConsentRecord, ConsentSignal, Notice, SignalTable
from tenants.consent.repeating import GPC, news
from tenants.consent.services import record_acts
from tenants.consent.signal_reading import READERS, read_signal
from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, Purpose
from tenants.errors import AppError
from tenants.subjects.directory import known

GPC_STOPS = (Purpose.THIRD_PARTY_SHARE, Purpose.MARKETING)
ALONE = "select pg_advisory_xact_lock(hashtextextended('signals' || app_tenant()::text, 0))"


@dataclass(frozen=True)
class ReadSignal:
    """What became of a signal: the records made, and the categories that nothing is mapped onto
    or whose yes could not count, since no archived notice asks for the purpose.
    """

    signal: ConsentSignal
    records: tuple[ConsentRecord, ...]
    unmapped: tuple[str, ...]


def mapping() -> SignalTable | None:
    """The table in force, None where the tenant has made none."""
    return SignalTable.objects.order_by("-number").first()


@transaction.atomic
def set_signals(
    *, rows: Sequence[Mapping[str, str]], notice: Notice | None, actor: Actor
) -> SignalTable:
    """Put a new version of the table in force; `rows` have kind, category and purpose. A yes counts
    as given under `notice`, which must be what the people were shown.

    AppError `bad_signals` for an unknown kind or purpose, and for `model_training`.
    """
    allowed = set(Purpose) - {Purpose.MODEL_TRAINING}
    for row in rows:
        if row["kind"] not in READERS or row["purpose"] not in allowed or not row["category"]:
            raise AppError(
                "bad_signals",
                "Name a known signal, a category and a purpose. No foreign signal stands for the "
                "training of a model: ask for that by itself.",
                param="rows",
            )
    with connection.cursor() as cursor:
        cursor.execute(ALONE)
    newest = mapping()
    made = SignalTable.objects.create(
        number=newest.number + 1 if newest else 1,
        rows=[{name: row[name] for name in ("kind", "category", "purpose")} for row in rows],
        notice=notice,
        actor_ref=actor.ref,
        created_at=now(),
    )
    record(
        AuditEvent.SIGNALS_SET,
        actor=actor,
        object_id=made.public_id,
        object_version=str(made.number),
        details={"rows": len(made.rows)},
    )
    return made


@transaction.atomic
def record_signal(
    *, subject_id: int, kind: str, value: Any, at: datetime, actor: Actor
) -> ReadSignal:
    """Keep a signal and record what the tenant's table makes of it. AppError `bad_signal`, and
    `bad_time` for one from the future.
    """
    told, moment = read_signal(kind, value), now()
    if lies_ahead(at, moment):
        raise bad_time()
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    signal = ConsentSignal.objects.create(
        subject_id=subject_id, kind=kind, value=text, event_time=at, recorded_at=moment
    )
    table = mapping()
    purposes = {
        row["category"]: Purpose(row["purpose"])
        for row in (table.rows if table else ())
        if row["kind"] == kind and row["purpose"] != Purpose.MODEL_TRAINING
    }
    notice = table.notice if table else None
    acts = {
        category: _act(subject_id, purposes[category], yes, at, kind, text, notice)
        for category, yes in _strictest(told, purposes).items()
    }
    notices = Notices()
    hold([subject_id])
    counted = {one: act for one, act in acts.items() if refusal(act, notices, moment) is None}
    changed = news(list(counted.values()), notices)
    records = tuple(record_acts(acts=changed, actor=actor, notices=notices))
    decided = {act.purpose for act in counted.values()}
    unmapped = (category for category in told if purposes.get(category) not in decided)
    return ReadSignal(signal, records, tuple(sorted(unmapped)))


def _strictest(told: Mapping[str, bool], purposes: Mapping[str, Purpose]) -> dict[str, bool]:
    """One category for each purpose: where several speak of it, a no beats a yes."""
    chosen: dict[Purpose, str] = {}
    for category, yes in sorted(told.items()):
        purpose = purposes.get(category)
        if purpose and (purpose not in chosen or (told[chosen[purpose]] and not yes)):
            chosen[purpose] = category
    return {category: told[category] for category in chosen.values()}


def _act(
    subject_id: int,
    purpose: Purpose,
    yes: bool,
    at: datetime,
    kind: str,
    text: str,
    notice: Notice | None,
) -> ConsentInput:
    return ConsentInput(
        subject_id=subject_id,
        purpose=purpose,
        event=ConsentEvent.GIVEN if yes else ConsentEvent.REFUSED,
        event_time=at,
        collection_method=CollectionMethod.CMP,
        notice_sha256=bytes(notice.sha256) if notice and yes else None,
        evidence={"kind": kind, "value": text},
    )


@transaction.atomic
def honour_gpc(*, user_ids: Iterable[str], actor: Actor, told_at: datetime | None = None) -> int:
    """Opt the known ones of these people out of passing on and marketing, for their browser said
    `Sec-GPC: 1` (11 CCR 7025(c)(1)); returns how many records that took. What is unknown stays so.

    `told_at`: the time of what came with it, which may be ahead by as much as clocks differ.
    """
    subjects = known(user_ids).values()
    if not subjects:
        return 0
    notices = Notices()
    held, moment = hold(subjects), max(now(), told_at or now())
    acts = [
        ConsentInput(
            subject_id=subject,
            purpose=purpose,
            event=ConsentEvent.OPTED_OUT,
            event_time=moment,
            collection_method=CollectionMethod.GPC_HEADER,
            evidence=GPC,
        )
        for subject in sorted(held)
        for purpose in GPC_STOPS
    ]
    return len(record_acts(acts=news(acts, notices), actor=actor, notices=notices))
