"""Personal data in the texts that an upload brings: counted in the report, left out of training.

Texts of items are the business's own, so they are stored and shown as they came; the report says
how many rows look as if they held somebody's number or address. What a base model reads of them is
masked (`for_training`). Of people's own words nothing is stored at all: an event has no field for
them, and a context that looks like one person's is refused (`event_context`).
"""

import polars as pl

from tenants.masking.masking import find, masked

# Columns of cleaned rows that hold free text.
TEXTS = ("title", "text", "category", "attributes", "item_title", "item_category")


def rows_with_personal_data(rows: pl.DataFrame) -> dict[str, int]:
    """In how many rows each kind is found; a row that holds it in two columns counts once."""
    frames = [_kinds_by_row(rows, name) for name in TEXTS if name in rows.columns]
    if not frames:
        return {}
    found = pl.concat(frames).unique().group_by("kind").len().sort("kind")
    return dict(found.iter_rows())


def looks_personal(texts: pl.Series) -> pl.Series:
    """Whether each text holds personal data; null counts as none."""
    found = [text for text in texts.drop_nulls().unique() if find(text)]
    return texts.is_in(found).fill_null(False)


def for_training(texts: pl.Series) -> pl.Series:
    """The texts as a model may read them: `[email]` instead of an address."""
    left = {text: masked(text).text for text in texts.drop_nulls().unique()}
    changed = {text: new for text, new in left.items() if new != text}
    return texts.replace(changed) if changed else texts


def _kinds_by_row(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Columns row and kind, for one column of texts; each different text is looked at once."""
    told = rows.select("row", pl.col(name).alias("text")).drop_nulls()
    pairs = [
        (text, kind) for text in told["text"].unique() for kind in {one.kind for one in find(text)}
    ]
    kinds = pl.DataFrame(pairs, schema={"text": pl.String, "kind": pl.String}, orient="row")
    return told.join(kinds, on="text", how="inner").select("row", "kind")
