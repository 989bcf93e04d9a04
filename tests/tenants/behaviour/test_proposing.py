"""Which column is which, proposed from headings and contents: two real data sets, renamed,
reordered and retyped; and files that must not be guessed too boldly."""

from pathlib import Path

import polars as pl
import pytest

import demo
from tenants.behaviour.asking.proposing import (
    likely_date_order,
    likely_decimal_mark,
    propose,
    sheet_of,
    suggested_options,
)
from tenants.behaviour.columns.schema import EVENTS, ITEMS, KINDS
from tenants.behaviour.types.type_table import DEFAULTS

MOVIES = Path(__file__).resolve().parents[4] / "shared" / "data" / "ml-latest-small"
RETAIL = Path(demo.__file__).parent / "data" / "online_retail_II.parquet"
VOCABULARY = {"type": frozenset(DEFAULTS.codes)}
RATINGS = {"user_id": "A", "item_id": "B", "value": "C", "occurred_at": "D"}


def sheet(frame: pl.DataFrame):
    mark = likely_decimal_mark(frame.head(200).get_columns())
    return sheet_of(frame.head(200), vocabulary=VOCABULARY, decimal_mark=mark)


def found(frame: pl.DataFrame, kind=EVENTS) -> dict[str, str]:
    return {ours: guess.column for ours, guess in propose(kind, sheet(frame)).items()}


@pytest.fixture(scope="module")
def ratings() -> pl.DataFrame:
    """100,836 ratings, under headings that say nothing."""
    if not MOVIES.is_dir():
        pytest.skip("ml-latest-small is not on this machine")
    return pl.read_csv(MOVIES / "ratings.csv", infer_schema=False, new_columns=list("ABCD"))


@pytest.fixture(scope="module")
def retail() -> pl.DataFrame:
    return pl.read_parquet(RETAIL)


def test_ratings_are_told_by_their_contents_alone_in_any_order(ratings):
    assert found(ratings) == RATINGS
    assert found(ratings.select("D", "C", "B", "A")) == RATINGS


def test_ratings_whose_rows_are_mixed_and_whose_cells_are_written_otherwise(ratings):
    mixed = ratings.sample(fraction=1, shuffle=True, seed=2).with_columns(
        pl.concat_str(pl.lit("cust-"), "A").alias("A"),
        pl.col("C").str.replace(".", ",", literal=True),
        pl.from_epoch(pl.col("D").cast(pl.Int64)).dt.strftime("%Y/%m/%d %H:%M").alias("D"),
    )
    assert likely_decimal_mark(mixed.head(200).get_columns()) == ","
    assert found(mixed) == RATINGS
    assert suggested_options(EVENTS, sheet(mixed), RATINGS) == {"default_type": "rating"}


@pytest.mark.parametrize(
    ("cells", "zone", "order"),
    [
        (["31/12/2025", "1/2/2025"], "America/New_York", "day"),
        (["12/31/2025 10:00", "1/2/2025 10:00"], "Europe/London", "month"),
        (["1/2/2025", "3/4/2025"], "Europe/London", "day"),
        (["1/2/2025", "3/4/2025"], "America/New_York", "month"),
        (["1.2.2025", "3.4.2025"], "America/New_York", "day"),
        (["2025-01-02", "soon"], "Europe/London", None),
    ],
)
def test_what_stands_first_in_dates_is_told_by_the_days_above_twelve_then_by_habit(
    cells, zone, order
):
    assert likely_date_order([pl.Series("when", cells), pl.Series("n", [1, 2])], zone) == order


def test_a_catalogue_of_films_is_told_by_its_contents():
    if not MOVIES.is_dir():
        pytest.skip("ml-latest-small is not on this machine")
    films = pl.read_csv(MOVIES / "movies.csv", infer_schema=False, new_columns=list("xyz"))
    expected = {"item_id": "x", "title": "y", "category": "z"}
    assert found(films, ITEMS) == found(films.select("z", "y", "x"), ITEMS) == expected


def test_the_demo_is_mapped_by_its_headings_and_its_country_is_not_the_items(retail):
    guesses = propose(EVENTS, sheet(retail))
    assert {ours: guess.column for ours, guess in guesses.items()} == {
        "user_id": "CustomerID", "item_id": "StockCode", "occurred_at": "InvoiceDate",
        "quantity": "Quantity", "price": "UnitPrice", "order_id": "InvoiceNo",
        "item_title": "Description",
    }  # fmt: skip
    assert min(guess.confidence for guess in guesses.values()) >= 0.9


def test_the_demo_is_mapped_by_its_contents(retail):
    """Without a heading: order and customer stand in runs, and the finer one is the order."""
    names = dict(zip(retail.columns, "abcdefgh", strict=True))
    part = retail.slice(300_000, 200).rename(names)
    mapping = found(part)
    assert mapping == {
        "user_id": names["CustomerID"], "item_id": names["StockCode"],
        "occurred_at": names["InvoiceDate"], "quantity": names["Quantity"],
        "price": names["UnitPrice"], "order_id": names["InvoiceNo"],
        "item_title": names["Description"],
    }  # fmt: skip
    assert suggested_options(EVENTS, sheet(part), mapping) == {
        "default_type": "purchase", "cancellation_prefix": "C",
    }  # fmt: skip


def test_headings_hint_in_both_languages():
    frame = pl.DataFrame(
        {"用户编号": ["1", "2"], "下单时间": ["2024-01-01", "2024-01-02"], "数量": ["1", "2"],
         "Product number": ["a", "b"], "Unit cost": ["1.5", "2.5"]}
    )  # fmt: skip
    assert found(frame) == {
        "user_id": "用户编号", "occurred_at": "下单时间", "quantity": "数量",
        "item_id": "Product number", "price": "Unit cost",
    }  # fmt: skip


def test_a_heading_that_its_cells_contradict_is_proposed_as_a_doubt():
    frame = pl.DataFrame({"user": ["u1", "u2"], "item": ["a", "b"], "date": ["soon", "later"]})
    guess = propose(EVENTS, sheet(frame))["occurred_at"]
    assert (guess.column, guess.reason, guess.confidence) == ("date", "contradicted", 0.4)


def test_peoples_names_and_countries_are_nobodys_title():
    """A text that belongs to the person must not slip in as the item's."""
    rows = 60
    frame = pl.DataFrame(
        {
            "customer": [f"c{n // 6}" for n in range(rows)],
            "buyer name": [f"Ann Smith {n // 6}" for n in range(rows)],
            "country": [("France", "Spain")[n // 6 % 2] for n in range(rows)],
            "sku": [f"p{n % 25}" for n in range(rows)],
            "time": [f"2024-05-{1 + n % 28:02d}" for n in range(rows)],
        }
    )
    mapping = found(frame)
    assert "country" not in mapping.values()
    assert mapping["user_id"] == "customer" and mapping["item_id"] == "sku"


def test_a_few_words_that_recur_at_random_are_groups_and_no_people(ratings):
    mixed = ratings.sample(fraction=1, shuffle=True, seed=2).with_columns(
        pl.concat_str(pl.lit("K"), pl.col("A").str.zfill(5)).alias("A"),
        pl.Series("branch", [("North", "South", "West")[n * 7 % 11 % 3]
                             for n in range(ratings.height)]),
    )  # fmt: skip
    assert found(mixed.select("branch", *ratings.columns)) == RATINGS


def test_headings_that_tell_of_a_person_hint_at_nothing_else():
    """Names of people must not become titles of items, nor birthdays times of acts."""
    rows = 60
    frame = pl.DataFrame(
        {
            "customer_id": [f"c{n // 6}" for n in range(rows)],
            "product_id": [f"p{n % 25}" for n in range(rows)],
            "Customer Name": [f"Ann Smith {n // 6}" for n in range(rows)],
            "Customer Group": [("gold", "silver")[n // 6 % 2] for n in range(rows)],
            "birth_date": [f"1980-05-{1 + n // 6:02d}" for n in range(rows)],
            "Bought": [f"2024-05-{1 + n * 7 % 28:02d}" for n in range(rows)],
        }
    )
    mapping = found(frame)
    assert mapping["occurred_at"] == "Bought"
    assert not {"Customer Name", "Customer Group", "birth_date"} & set(mapping.values())


def test_options_are_suggested_for_columns_that_are_not_there_or_no_ids():
    frame = pl.DataFrame({"amount": [1.0, 2.0], "order": [2.0**53, 2.0**53 + 2]})
    mapping = {"value": "gone", "order_id": "gone too"}
    assert suggested_options(EVENTS, sheet(frame), mapping)["default_type"] == "purchase"
    mapping = {"value": "amount", "order_id": "order"}
    assert "cancellation_prefix" not in suggested_options(EVENTS, sheet(frame), mapping)


def test_event_types_are_known_by_their_words():
    frame = pl.DataFrame({"x": ["View", "buy", "cart", "view"], "y": ["a", "b", "c", "d"]})
    guess = propose(EVENTS, sheet(frame))["type"]
    assert (guess.column, guess.reason) == ("x", "known_words")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_empty_odd_and_wide_files_are_proposed_something_quickly_and_no_column_twice(kind):
    wide = pl.DataFrame({f"c{n}": ["7", None, "x"] for n in range(512)})
    empty = pl.DataFrame(schema=dict.fromkeys(("user_id", "time"), pl.String))
    for frame in (wide, empty, pl.DataFrame({"n": [None, None]}), pl.DataFrame({"f": [1.5]})):
        guesses = propose(kind, sheet(frame))
        columns = [guess.column for guess in guesses.values()]
        assert len(columns) == len(set(columns))
