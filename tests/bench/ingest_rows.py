"""The file that the benchmark of ingest uploads: rows of Online Retail II as a shop exports them.

Of the demo's own file the rows of known people that tell of a purchase, each act once, in its
order; where more are wanted the same again, earlier and with order numbers of their own. One person
in PROUD has consented to nothing, so that the check has somebody to find; postage and the like stay
in, for the cleaning to find.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

import demo
from demo.load import MAPPING, OPTIONS, weeks_to_move

RAW = Path(demo.__file__).parent / "data" / "online_retail_II.parquet"
ACT = ("CustomerID", "StockCode", "InvoiceDate", "UnitPrice", "Quantity", "InvoiceNo")
PROUD = 500
EARLIER = timedelta(weeks=110)


def write_rows(path: Path, rows: int) -> pl.DataFrame:
    """Write so many rows as CSV; the people in it, columns `user_id` and `consents`."""
    sound = _sound()
    again = sound.with_columns(
        pl.col("InvoiceDate") - EARLIER, pl.concat_str(pl.lit("9"), "InvoiceNo").alias("InvoiceNo")
    )
    chosen = pl.concat([again, sound]).tail(rows)
    if chosen.height != rows:
        raise SystemExit(f"the data has {chosen.height} rows, not {rows}")
    chosen.write_csv(path, datetime_format="%Y-%m-%d %H:%M:%S")
    people = chosen.select(pl.col("CustomerID").cast(pl.String).alias("user_id")).unique()
    return people.sort("user_id").with_row_index().select(
        "user_id", (pl.col("index") % PROUD != 0).alias("consents")
    )  # fmt: skip


def consents(people: pl.DataFrame) -> bytes:
    """A file of consent records: a grant for training by everybody who consents."""
    granted = people.filter("consents").select(
        "user_id",
        purpose=pl.lit("model_training"),
        event=pl.lit("given"),
        event_time=pl.lit("2008-01-01T00:00:00Z"),
        lawful_basis=pl.lit("consent"),
        notice_id=pl.lit("privacy"),
        notice_version=pl.lit("1"),
        notice_lang=pl.lit("en"),
        collection_method=pl.lit("web_form"),
        jurisdiction=pl.lit("GB"),
    )
    return granted.write_csv().encode()


def how_to_read() -> dict[str, Any]:
    """Mapping and options of the upload: the demo's."""
    last = pl.scan_parquet(RAW).select(pl.col("InvoiceDate").max()).collect().item()
    shift = {"shift_weeks": weeks_to_move(last, datetime.now(UTC))}
    return {"mapping": MAPPING, "options": {**OPTIONS, **shift}}


def _sound() -> pl.DataFrame:
    """Purchases by somebody, each act once."""
    raw = pl.read_parquet(RAW).with_columns(pl.col("CustomerID").cast(pl.Int64))
    bad = [
        pl.col("CustomerID").is_null(),
        pl.col("InvoiceNo").str.starts_with("C"),
        pl.col("Quantity") <= 0,
        pl.col("UnitPrice") < 0,
    ]
    return raw.filter(~pl.any_horizontal(bad)).unique(ACT, keep="first", maintain_order=True)
