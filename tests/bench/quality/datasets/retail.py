"""Online Retail II (UCI, CC BY 4.0): invoices of a gift shop over two years, with repeats.

Cleaned plainly: no cancellations, no rows without customer, positive amounts, product codes only.
An item is known from its first sale to anybody.
"""

import numpy as np
import polars as pl

from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.world import DataMissing, World, catalogue_of, codes, events_of
from training.engine.snapshot import Snapshot

RAW = ROOT / "platform" / "demo" / "data" / "online_retail_II.parquet"
_BANDS = 10


def read() -> World:
    """The data set. Raises DataMissing."""
    if not RAW.is_file():
        raise DataMissing(f"data set online-retail-2 is missing: there is no {RAW}")
    sold = pl.read_parquet(RAW).filter(
        ~pl.col("InvoiceNo").str.starts_with("C"),
        pl.col("Quantity") > 0,
        pl.col("UnitPrice") > 0,
        pl.col("StockCode").str.contains(r"^\d{5}"),
    )
    sold = sold.with_columns(
        (pl.col("InvoiceDate").cast(pl.Datetime("us")).to_physical() / 1e6).alias("time")
    )
    rows = sold.filter(pl.col("CustomerID").is_not_null())
    items = (
        sold.join(rows.select("StockCode").unique(), on="StockCode")
        .group_by("StockCode")
        .agg(
            pl.col("Description").drop_nulls().mode().sort().first().fill_null("").alias("title"),
            pl.col("UnitPrice").median().alias("price"),
            pl.col("time").min(),
        )
        .sort("StockCode")
    )
    number = {code: index for index, code in enumerate(items["StockCode"])}
    price = items["price"].to_numpy()
    band = np.searchsorted(np.quantile(price, np.arange(1, _BANDS) / _BANDS), price)
    events = events_of(
        rows["CustomerID"].cast(pl.Int64).to_numpy(),
        rows["StockCode"].replace_strict(number, return_dtype=pl.Int64).to_numpy(),
        rows["time"].to_numpy(),
    )
    titles = items["title"].to_list()
    catalogue = catalogue_of(titles, [""] * len(titles), price, items["time"].to_numpy())
    return World(
        name="retail",
        snapshot=Snapshot(catalogue, events),
        group=codes([f"{value:02d}" for value in band]),
        groups="tenth of prices",
        half_lives=(30.0, 60.0, 120.0, 240.0),
        note="Online Retail II: real times; walked forward in weeks",
    )
