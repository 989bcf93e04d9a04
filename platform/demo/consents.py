"""Synthetic consent records for the demo shop: the data set has none, so a fixed seed makes them.

Every page that shows figures of them says that they are synthetic.
"""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

SEED = 20091201
NOTICE_ID, NOTICE_VERSION, NOTICE_LANGUAGE = "privacy", "1", "en"
ALL = ("service", "analytics", "personalised_recommendation", "model_training")
# Share of people -> what they grant.
GROUPS = ((0.80, ALL), (0.12, ALL[:3]), (0.08, ()))
WITHDRAWING = 0.05
# The person of the README's example must be able to show a personal answer.
NEVER_WITHDRAWS = "13085"
VALID_FOR = timedelta(weeks=4 * 52)
COUNTRIES = {
    "United Kingdom": "GB", "EIRE": "IE", "Germany": "DE", "France": "FR", "Netherlands": "NL",
    "Spain": "ES", "Belgium": "BE", "Switzerland": "CH", "Portugal": "PT", "Australia": "AU",
    "Italy": "IT", "Norway": "NO", "Sweden": "SE", "Austria": "AT", "Finland": "FI",
    "Denmark": "DK", "Poland": "PL", "Japan": "JP", "USA": "US", "Greece": "GR", "Cyprus": "CY",
    "Channel Islands": "GG", "Iceland": "IS", "Singapore": "SG", "Canada": "CA",
}  # fmt: skip


def consent_file(purchases: pl.DataFrame) -> bytes:
    """A Parquet file of consent records in the columns of a consents upload.

    `purchases` holds CustomerID, InvoiceDate (times of the shop, without zone) and Country.
    """
    people = (
        purchases.drop_nulls("CustomerID")
        .group_by("CustomerID")
        .agg(
            pl.col("InvoiceDate").min().alias("first"),
            pl.col("InvoiceDate").max().alias("last"),
            pl.col("Country").first(),
        )
        .sort("CustomerID")
        .with_columns(pl.col("CustomerID").cast(pl.Int64).cast(pl.String).alias("user_id"))
    )
    end = purchases["InvoiceDate"].max()
    rows = [row for person in _drawn(people, end) for row in person]
    buffer = io.BytesIO()
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(buffer)
    return buffer.getvalue()


def _drawn(people: pl.DataFrame, end: Any) -> list[list[dict[str, object]]]:
    """Each person's records, drawn from the fixed seed in the order of their ids."""
    dice = np.random.default_rng(SEED)
    choice = dice.choice(len(GROUPS), size=len(people), p=[share for share, _ in GROUPS])
    withdraws = dice.random(len(people)) < WITHDRAWING
    when = dice.random(len(people))
    drawn = []
    for index, person in enumerate(people.iter_rows(named=True)):
        kept = person["user_id"] == NEVER_WITHDRAWS
        purposes = ALL if kept else GROUPS[choice[index]][1]
        given_at = person["first"] - timedelta(minutes=2)
        records = [_record(person, purpose, "given", given_at) for purpose in purposes]
        if purposes and withdraws[index] and not kept:
            latest = min(person["last"] + timedelta(days=30), end)
            at = given_at + when[index] * (latest - given_at)
            ended = ("personalised_recommendation", "model_training")
            records += [_record(person, p, "withdrawn", at) for p in ended if p in purposes]
        drawn.append(records)
    return drawn


def _record(person: dict[str, Any], purpose: str, event: str, at: datetime) -> dict[str, object]:
    given = event == "given"
    moment = at.replace(tzinfo=UTC)
    return {
        "user_id": person["user_id"],
        "purpose": purpose,
        "event": event,
        "event_time": moment.isoformat(),
        "lawful_basis": "consent",
        "notice_id": NOTICE_ID if given else None,
        "notice_version": NOTICE_VERSION if given else None,
        "notice_lang": NOTICE_LANGUAGE if given else None,
        "collection_method": "web_form",
        "ui_variant": "synthetic",
        "jurisdiction": COUNTRIES.get(str(person["Country"]), "GB"),
        "expires_at": (moment + VALID_FOR).isoformat() if given else None,
        "pii_categories": "purchase history",
        "storage_country": "GB",
        "withdrawal_method": "account page",
    }
