"""Personal data in the texts that an upload brings: counted in the report, left out of training.

Texts of items are the business's own, so they are stored and shown as they came; the report says
how many rows look as if they held somebody's number or address. What a base model reads of them is
masked (`for_training`). Of people's own words nothing is stored at all: an event has no field for
them, and a context that looks like one person's is refused (`event_context`).
"""

import polars as pl

from tenants.masking.candidates import CANDIDATE
from tenants.masking.masking import find, masked

# Columns of cleaned rows that hold free text.
TEXTS = ("title", "text", "category", "attributes", "item_title", "item_category")


_NOTHING = pl.DataFrame(schema={"row": pl.Int64, "kind": pl.String})


def kinds_by_row(rows: pl.DataFrame) -> pl.DataFrame:
    """Columns row and kind: what each row's texts hold, each kind once."""
    frames = [_kinds_by_row(rows, name) for name in TEXTS if name in rows.columns]
    return pl.concat([_NOTHING, *frames]).unique()


def counted(kinds: pl.DataFrame, rows: pl.DataFrame) -> dict[str, int]:
    """In how many of the rows each kind was found; one that holds it in two columns counts once."""
    found = kinds.join(rows.select("row"), on="row", how="semi")
    return dict(found.group_by("kind").len().sort("kind").iter_rows())


def looks_personal(texts: pl.Series) -> pl.Series:
    """Whether each text holds personal data; null counts as none."""
    found = [text for text in _candidates(texts) if find(text)]
    return texts.is_in(found).fill_null(False)


def for_training(texts: pl.Series) -> pl.Series:
    """The texts as a model may read them: `[email]` instead of an address."""
    left = {text: masked(text).text for text in _candidates(texts)}
    changed = {text: new for text, new in left.items() if new != text}
    return texts.replace(changed) if changed else texts


def _kinds_by_row(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Columns row and kind, for one column of texts."""
    told = rows.select("row", pl.col(name).alias("text")).drop_nulls()
    pairs = [
        (text, kind)
        for text in _candidates(told["text"])
        for kind in {one.kind for one in find(text)}
    ]
    kinds = pl.DataFrame(pairs, schema={"text": pl.String, "kind": pl.String}, orient="row")
    return told.join(kinds, on="text", how="inner").select("row", "kind")


def _candidates(texts: pl.Series) -> list[str]:
    """The different texts that may hold anything at all: a close look at each costs a microsecond
    a letter."""
    distinct = texts.drop_nulls().unique()
    return distinct.filter(distinct.str.contains(CANDIDATE)).to_list()
