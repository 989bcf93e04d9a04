"""By what two events are the same act, as a keyed hash that may be stored.

The rule is the one by which `cleaning` finds duplicates within a file, so that the same row sent
twice, in one file or in two, counts once.
"""

from hashlib import blake2b

import polars as pl

from tenants.behaviour.cleaning import SAME_EVENT

SIZE = 16
# No id holds a control character (cleaning rejects them), so this cannot stand inside a part.
BETWEEN = "\x1f"


def identities(rows: pl.DataFrame, key: bytes) -> list[bytes]:
    """One 16-byte hash (BLAKE2b, keyed, at most 64 bytes of key) per row of cleaned events.

    Made from the event_id alone where there is one, else from user, item, type, time, value,
    quantity and order. Stable across processes and versions for the same key.
    """
    parts = (canonical(rows[name]).fill_null("") for name in SAME_EVENT)
    whole = pl.select(pl.concat_str(pl.lit("act"), *parts, separator=BETWEEN)).to_series()
    own = pl.select(pl.concat_str(pl.lit("id"), rows["event_id"], separator=BETWEEN)).to_series()
    texts = own if own.null_count() == 0 else own.zip_with(own.is_not_null(), whole)
    return [blake2b(text.encode(), digest_size=SIZE, key=key).digest() for text in texts]


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
