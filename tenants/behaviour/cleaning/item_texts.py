"""What the texts of an upload's items are written in, and how much of them the base model reads.

Counts of letters and characters alone, which add up over the batches of a file; no text is kept.
Scripts stand for languages where they can: a title of three words tells no English from Dutch, and
what matters to a model is whether its tokenizer knows the letters.
"""

from collections.abc import Callable, Mapping
from functools import cache

import polars as pl
from django.conf import settings
from django.utils.module_loading import import_string

# Unicode's names of the scripts that are told apart; letters of any other count as Other.
SCRIPTS = (
    "Latin", "Han", "Hiragana", "Katakana", "Hangul", "Cyrillic", "Greek", "Arabic", "Hebrew",
    "Devanagari", "Bengali", "Tamil", "Thai", "Georgian", "Armenian",
)  # fmt: skip
OTHER = "Other"
# What is read of an item, in the order in which a base model gets it.
READ = ("title", "text", "category")
# A base model reads the first few hundred tokens of an item; the rest decides nothing.
READ_LENGTH = 1_000

# Texts -> their characters, blanks aside, and how many of these fall into unknown tokens.
Reader = Callable[[list[str]], tuple[int, int]]


@cache
def reader_of(base_model: str) -> Reader | None:
    """The tokenizer of a base model, None where it is not on this machine."""
    made: Reader | None = import_string(settings.TEXT_READER)(base_model)
    return made


def measured(rows: pl.DataFrame) -> dict[str, int]:
    """Counts over the texts of cleaned items: `items`, `letters`, of these `script:NAME`; where
    the base model is at hand `characters`, of these `unread`. Nothing for other rows."""
    if not set(READ) <= set(rows.columns):
        return {}
    texts = rows.select(
        pl.concat_str(*(pl.col(name).replace("", None) for name in READ), separator=". ",
                      ignore_nulls=True).str.slice(0, READ_LENGTH).alias("text")
    )["text"]  # fmt: skip
    texts = texts.filter(texts.str.strip_chars() != "")
    if not texts.len():
        return {}
    return {"items": texts.len(), **_scripts(texts), **_read(texts)}


def _scripts(texts: pl.Series) -> dict[str, int]:
    letters = int(texts.str.count_matches(r"\p{Alphabetic}").sum())
    found = {
        f"script:{name}": int(texts.str.count_matches(rf"[\p{{{name}}}&&\p{{Alphabetic}}]").sum())
        for name in SCRIPTS
    }
    found[f"script:{OTHER}"] = letters - sum(found.values())
    return {"letters": letters, **{name: count for name, count in found.items() if count}}


def _read(texts: pl.Series) -> dict[str, int]:
    read = reader_of(settings.BASE_MODELS[0])
    if read is None:
        return {}
    often = texts.value_counts(name="n")
    told = dict(often.iter_rows())
    characters = unread = 0
    for times in sorted(set(told.values())):
        some = [text for text, n in told.items() if n == times]
        solid, unknown = read(some)
        characters, unread = characters + times * solid, unread + times * unknown
    return {"characters": characters, "unread": unread}


def shares(counts: Mapping[str, int]) -> list[tuple[str, float]]:
    """Script and its share of the letters, the most frequent first."""
    letters = counts.get("letters") or 1
    found = [
        (name.removeprefix("script:"), count / letters)
        for name, count in counts.items()
        if name.startswith("script:")
    ]
    return sorted(found, key=lambda one: -one[1])


def unread_share(counts: Mapping[str, int]) -> float | None:
    """What share of the characters the base model cannot read; None where it was not asked."""
    return counts["unread"] / counts["characters"] if counts.get("characters") else None
