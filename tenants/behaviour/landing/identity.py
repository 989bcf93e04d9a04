"""By what two events are the same act, as a keyed hash that may be stored.

The rule is the one by which `cleaning` finds duplicates within a file, so that the same row sent
twice, in one file or in two, counts once.
"""

from hashlib import blake2b

import polars as pl

from tenants.behaviour.cleaning.event_cleaning import SAME_EVENT

SIZE = 16
# No id holds a control character (cleaning rejects them), so this cannot stand inside a part.
BETWEEN = "\x1f"


def identities(rows: pl.DataFrame, key: bytes) -> list[str]:
    """One hash of 16 bytes per row of cleaned events, in hexadecimal digits (BLAKE2b with at most
    64 bytes of key).

    Made from the event_id alone where there is one, else from user, item, type, time, value,
    quantity and order. Stable across processes and versions for the same key.
    """
    keyed = blake2b(digest_size=SIZE, key=key)
    digests = []
    for text in _texts(rows):
        one = keyed.copy()  # the key is hashed once
        one.update(text)
        digests.append(one.hexdigest())
    return digests


def _texts(rows: pl.DataFrame) -> pl.Series:
    """What of each row is hashed, as bytes."""
    own = pl.concat_str(pl.lit("id"), "event_id", separator=BETWEEN)
    named = rows["event_id"].null_count()
    if named == 0:
        return rows.select(own.cast(pl.Binary)).to_series()
    parts = (canonical(rows[name]).fill_null("") for name in SAME_EVENT)
    whole = pl.concat_str(pl.lit("act"), *parts, separator=BETWEEN)
    text = whole if named == rows.height else pl.coalesce(own, whole)
    return rows.select(text.cast(pl.Binary)).to_series()


def identity_of_id(event_id: str, key: bytes) -> bytes:
    """The hash that `identities` gives an act with this event_id."""
    return blake2b(f"id{BETWEEN}{event_id}".encode(), digest_size=SIZE, key=key).digest()


def canonical(column: pl.Series) -> pl.Series:
    """A column as text that no library version writes differently: numbers by their bits."""
    if column.dtype == pl.Float64:
        bits = pl.Series(column.name, (column.fill_null(0.0).to_numpy() + 0.0).view("int64"))
        return bits.cast(pl.String).set(column.is_null(), None)
    if column.dtype == pl.String:
        return column
    return column.to_physical().cast(pl.String)
