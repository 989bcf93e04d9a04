"""Clean uploaded events: the chain of steps, one table; every row ends in exactly one outcome.

Asks nobody about consent and no database: rows held back or already stored are outcomes that the
caller adds to the report.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import polars as pl

from tenants.behaviour.cleaning.pseudo_items import one_pattern
from tenants.behaviour.cleaning.rates import with_pace
from tenants.behaviour.cleaning.sifting import (
    FAULT_STEPS,
    ID_LENGTH,
    ByRules,
    Cleaned,
    Rules,
    Seen,
    Step,
    controls,
    given,
    is_repeated,
    lies_ahead,
    longer,
    read_times,
    sift,
    with_keys,
)
from tenants.behaviour.columns.event_context import PREFIX, contexts, personal, too_long
from tenants.behaviour.columns.mapping import Plan
from tenants.behaviour.columns.parsing import by_distinct, ids, numbers, texts
from tenants.behaviour.columns.times import every
from tenants.behaviour.reading.tables import Batch

# Before there were web shops, a time is a default or a misread date.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
IDS = ("user_id", "item_id", "order_id", "event_id", "consent_record_id")
TEXTS = {"item_title": 1_000, "item_category": 200, "purposes": 400, "withheld": 400}

# What an event says of consent itself, see `carriage`.
CARRIED = ("consent_record_id", "purposes", "withheld", "consent_time")

# What an accepted event keeps. Times are Datetime(us, UTC), type_code Int16, row Int64, the
# numbers Float64, the rest String; null where nothing was given.
EVENT_COLUMNS = (
    "row", "user_id", "item_id", "type_code", "occurred_at", "value", "quantity", "order_id",
    "event_id", "item_title", "item_category", "price", "context", *CARRIED,
)  # fmt: skip
# What a cancelled order is matched by; of the same types. Its quantity may be below zero.
CANCELLATION = "cancellation"
CANCELLED = (
    "row", "user_id", "item_id", "type_code", "occurred_at", "value", "quantity", "order_id",
    "event_id",
)  # fmt: skip
SAME_EVENT = ("user_id", "item_id", "type_code", "occurred_at", "value", "quantity", "order_id")

# Whether the row is of a type that moves goods.
TRADE = pl.col("trade")


def is_cancellation(rules: Rules) -> pl.Expr:
    """The order's id begins with the tenant's mark of cancelled orders."""
    prefix = rules.options.cancellation_prefix
    return pl.col("order_id").str.starts_with(prefix) if prefix else pl.lit(False)


def is_pseudo_item(living: pl.DataFrame, rules: Rules) -> pl.Series:
    """The id or the title is that of a charge or a correction, not of an item."""
    marked = every(living["row"], False)
    by_id = one_pattern(tuple(one.item_id for one in rules.options.pseudo_items))
    by_title = one_pattern(tuple(one.title for one in rules.options.pseudo_items))
    for pattern, name in ((by_id, "item_id"), (by_title, "item_title")):
        if pattern is not None:
            marked |= matches(living[name], pattern)
    return marked


def matches(column: pl.Series, pattern: str) -> pl.Series:
    """Which values match; each different value is tried once."""
    distinct = column.drop_nulls().unique()
    found = distinct.filter(distinct.str.contains(pattern))
    if found.is_empty():
        return every(column, False)
    return column.is_in(found.implode()).fill_null(False)


def is_bot_like(living: pl.DataFrame, rules: Rules) -> pl.Series:
    """Beyond the rate that the options allow a person; none with a rate of 0."""
    most = rules.options.acts_per_minute
    return rules.earlier.rates.beyond(living, most) if most else every(living["row"], False)


def has_bad_time(rules: Rules) -> pl.Expr:
    """No time of the act that can be meant, or of a consent that can have been given by now."""
    unread = pl.col("occurred_at").is_null() | pl.col("consent_time_unread")
    return unread | lies_ahead("consent_time").of(rules).fill_null(False)


EVENT_STEPS = (
    *FAULT_STEPS,
    Step("control_character", controls(IDS, (*TEXTS, "context_text"))),
    Step("missing_user", pl.col("user_id").is_null()),
    Step("missing_item", pl.col("item_id").is_null()),
    Step("missing_time", ~pl.col("time_given")),
    Step("bad_time", ByRules(has_bad_time)),
    Step("future_time", lies_ahead("occurred_at")),
    Step("id_too_long", longer(dict.fromkeys(IDS, ID_LENGTH))),
    Step("text_too_long", longer(TEXTS) | too_long()),
    Step("context_personal", lambda living, rules: personal(living)),
    Step("missing_type", ~pl.col("type_given")),
    Step("unknown_type", pl.col("type_code").is_null()),
    Step(CANCELLATION, ByRules(is_cancellation)),
    Step("pseudo_item", is_pseudo_item),
    Step(
        "bad_quantity",
        pl.col("quantity").is_nan()
        | (pl.col("quantity") < 0)
        | (TRADE & (pl.col("quantity") == 0)),
    ),
    Step("bad_price", pl.col("price").is_nan() | (pl.col("price") < 0)),
    # Not finite: no number was read, or price times quantity is too large for one.
    Step("bad_value", ~pl.col("value").is_finite() | (TRADE & (pl.col("value") < 0))),
    Step("duplicate", is_repeated),
    Step("bot_like", is_bot_like),
)


def clean_events(
    batch: Batch, plan: Plan, *, now: datetime | pl.Series, earlier: Seen | None = None
) -> Cleaned:
    """Clean one batch of events; `rows` has EVENT_COLUMNS.

    `earlier` is the `seen` of the batch before, None for the first. `now` needs a zone; a Series
    says it of each row, where they came at different times. A row is
    a duplicate when an accepted row before it has the same event_id, or, if it has none, the same
    user, item, type, time, value, quantity and order. One that says something of consent is none
    here: its copies are added up where they are landed. Raises UploadRefused inexact_ids,
    context_of_persons.
    """
    typed = typed_events(batch, plan)
    if isinstance(now, pl.Series):
        typed = typed.with_columns(now.alias("now"))
    moment = pl.col("now") if isinstance(now, pl.Series) else now
    rules = Rules(plan.options, moment, earlier or Seen.nothing())
    cleaned = sift(typed, EVENT_STEPS, rules, EVENT_COLUMNS)
    rows = cleaned.marks.filter(pl.col("code") == CANCELLATION)["row"]
    if rows.is_empty():
        return cleaned
    return replace(
        cleaned, cancelled=typed.filter(pl.col("row").is_in(rows.implode())).select(CANCELLED)
    )


def typed_events(batch: Batch, plan: Plan) -> pl.DataFrame:
    """The batch in our columns and types, nothing left out yet."""
    moments = read_times(batch, plan, "occurred_at")
    consented = read_times(batch, plan, "consent_time")
    consent_time = possible(consented.moment)
    type_given, type_code = event_types(given(batch, plan, "type"), plan)
    frame = pl.DataFrame(
        {
            "row": batch.rows,
            "fault": batch.faults,
            **{name: ids(given(batch, plan, name)) for name in IDS},
            **{name: texts(given(batch, plan, name)) for name in TEXTS},
            "type_given": type_given,
            "type_code": type_code,
            "trade": type_code.is_in(plan.types.trades),
            "time_given": moments.given,
            "consent_time": consent_time,
            "consent_time_unread": consented.given & consent_time.is_null(),
            "occurred_at": possible(moments.moment).dt.offset_by(f"{plan.options.shift_weeks}w"),
            **{name: numbers(given(batch, plan, name), plan.options.decimal_mark)
               for name in ("value", "quantity", "price")},
        }
    )  # fmt: skip
    return keyed(with_pace(frame).with_columns(row_value(), *told_beside(batch, plan)))


def possible(moment: pl.Series) -> pl.Series:
    """The times without those that are too early to be one."""
    if moment.null_count() == moment.len():
        return moment
    return moment.set((moment < EARLIEST).fill_null(False), None)


def told_beside(batch: Batch, plan: Plan) -> pl.DataFrame:
    """The columns of `contexts`, from what the mapping names so."""
    named = {
        name.removeprefix(PREFIX): texts(given(batch, plan, name))
        for name in plan.mapping
        if name.startswith(PREFIX)
    }
    return contexts(named, batch.rows.len())


def event_types(column: pl.Series, plan: Plan) -> tuple[pl.Series, pl.Series]:
    """Whether a type is known to be meant, and its code (Int16), null where we do not know it."""
    default = plan.options.default_type
    spelled = texts(column).fill_null(default) if default else texts(column)
    read = partial(type_codes, plan.types.codes)
    return spelled.is_not_null(), by_distinct(spelled, pl.Int16, read)


def type_codes(codes: Mapping[str, int], spelled: pl.Series) -> pl.Series:
    """The codes of spelled types."""
    plain = spelled.str.to_lowercase().str.replace_all(r"[\W_]+", "")
    return plain.replace_strict(codes, default=None, return_dtype=pl.Int16)


def row_value() -> pl.Expr:
    """The money of the row: as given, else for a trade its price times its quantity (or one)."""
    reckoned = pl.col("price") * pl.col("quantity").fill_null(1.0)
    return pl.coalesce("value", pl.when(TRADE).then(reckoned)).alias("value")


def keyed(frame: pl.DataFrame) -> pl.DataFrame:
    """With the key by which two rows are the same event; what carries a consent is like none."""
    carries = pl.any_horizontal(pl.col(name).is_not_null() for name in CARRIED)
    named = pl.col("event_id").is_not_null()
    parts = frame.select(
        "event_id",
        *(pl.when(~named).then(pl.col(name)).alias(name) for name in SAME_EVENT),
        pl.when(carries).then(pl.col("row")).alias("row"),
    )
    return pl.concat([frame, with_keys(parts, parts.columns).select("key", "check")],
                     how="horizontal")  # fmt: skip
