"""The bad files that are text: what each is, how it is made, and what must become of its rows.

How many rows a file holds is counted as it is built, never read off it again.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

HEAD = ("user_id", "item_id", "type", "occurred_at", "price", "quantity")
PEOPLE = 10
TIME = "2026-03-05T10:00:00Z"


@dataclass(frozen=True)
class Bad:
    """One bad input. `made` gives its bytes and how many rows they hold.

    code: with which it is refused as a whole, and stores nothing; else `ends` says how its rows
    end, by code ("accepted" is one). `broken`: it breaks off behind rows that may be stored.
    """

    says: str
    made: Callable[[], tuple[bytes, int]]
    code: str = ""
    ends: Mapping[str, int] = field(default_factory=dict)
    name: str = "export.csv"
    kind: str = "events"
    options: Mapping[str, Any] = field(default_factory=dict)
    broken: bool = False


def row(number: int, tag: str, **changed: str) -> dict[str, str]:
    """A sound row; `tag` tells the rows of one file from those of another."""
    sound = (f"u{number % PEOPLE}", f"{tag}-{number}", "purchase", TIME, "9.50", "2")
    return {**dict(zip(HEAD, sound, strict=True)), **changed}


def rows(tag: str, count: int) -> list[dict[str, str]]:
    return [row(number, tag) for number in range(count)]


def csv(found: Iterable[Mapping[str, str]], mark: str = ",") -> str:
    """As any export writes it; texts with the delimiter in quotation marks."""
    lines = [[_cell(one[name], mark) for name in HEAD] for one in found]
    return "".join(f"{mark.join(line)}\n" for line in [list(HEAD), *lines])


def _cell(text: str, mark: str) -> str:
    return f'"{text}"' if mark in text else text


def text(
    says: str, tag: str, changes: Iterable[Mapping[str, str]], ends: Mapping[str, int], **how: Any
) -> Bad:
    """A file of one row per change, under the usual headings."""
    encoding = how.pop("encoding", "utf-8")
    found = [row(number, tag, **change) for number, change in enumerate(changes)]
    return Bad(says, lambda: (csv(found).encode(encoding), len(found)), ends=ends, **how)


def raw(says: str, tag: str, write: Callable[[str], bytes], count: int, **how: Any) -> Bad:
    """Ten sound rows as CSV, and what `write` makes of that text; `count` rows are then in it."""
    return Bad(says, lambda: (write(csv(rows(tag, 10))), count), **how)


def each(column: str, values: Iterable[str]) -> list[dict[str, str]]:
    return [{column: value} for value in values]


# What can be one moment only is read; what can be two (03/04 in March or in April?) is given back
# until the file's options say which.
READABLE = (
    "2026-03-05T10:00:00Z", "2026-03-05 10:00", "2026/03/05 10:00:00", "2026.03.05",
    "2026-03-05T10:00:00.123456+02:00", "20260305", "5 March 2026", "Mar 5, 2026",
    "Thu, 05 Mar 2026 10:00:00 GMT", "2026年3月5日",
    "1772704800", "1772704800000", "1772704800000000",
)  # fmt: skip
YEAR_LAST = ("05.03.2026", "05.03.2026 10:00", "03/05/2026", "03/05/2026 10:00 AM", "05-03-26")
IMPOSSIBLE = (
    "31.31.2026", "0000-00-00", "2026-02-30", "2026-13-01", "2026-03-05 25:00:00", "yesterday",
    "1900-99-99", "99999999999999999999",
)  # fmt: skip
AHEAD = ("9999-12-31", "253402300799", "2099-01-01T00:00:00Z")
NEGATIVE = ("-1", "-0.01", "-9,500.00", "nothing", "1e999")
ENGLISH = ("1,234.50", "12,345,678.90", "£1,234.50", "1 234.50")
GERMAN = ("1.234,50", "12.345.678,90", "1.234,50 €", "1 234,50")

TEXTS = (
    Bad("an empty file", lambda: (b"", 0), code="empty_file"),
    raw("headings and no row", "none", lambda t: t.splitlines()[0].encode() + b"\n", 0,
        code="no_rows"),
    raw("NULs within two cells", "nul",
        lambda t: t.replace("nul-3,", "nul\0-3,").replace("u7,", "u\x007,").encode(), 10,
        ends={"accepted": 8, "control_character": 2}),
    raw("a binary file named .csv", "bin", lambda t: bytes(range(256)) * 400, 0,
        code="unknown_encoding"),
    raw("UTF-8 and two rows of Windows-1252 in it", "mix",
        lambda t: t.replace("mix-", "méx-").encode().replace("méx-4".encode(), b"m\xe9x-4")
        .replace("méx-8".encode(), b"m\xe9x-8"), 10,
        ends={"accepted": 8, "bad_encoding": 2}),
    raw("a byte order mark, UTF-8", "bom", lambda t: t.encode("utf-8-sig"), 10,
        ends={"accepted": 10}),
    raw("a byte order mark, UTF-16", "b16", lambda t: t.encode("utf-16"), 10,
        ends={"accepted": 10}),
    raw("a wrong delimiter said", "del", str.encode, 10, code="one_column",
        options={"delimiter": ";"}),
    text("dates in 13 readable forms", "ten", each("occurred_at", READABLE),
         {"accepted": len(READABLE)}),
    text("dates with the year last, no order said", "amb", each("occurred_at", YEAR_LAST),
         {"bad_time": len(YEAR_LAST)}),
    text("dates with the year last, the day said to be first", "day",
         each("occurred_at", YEAR_LAST), {"accepted": len(YEAR_LAST)},
         options={"date_order": "day"}),
    text("impossible dates", "imp", each("occurred_at", IMPOSSIBLE),
         {"bad_time": len(IMPOSSIBLE)}),
    text("dates to come, also year 9999", "yet", each("occurred_at", AHEAD),
         {"future_time": 2, "bad_time": 1}),
    text("negative prices and none at all", "neg", each("price", NEGATIVE),
         {"bad_price": len(NEGATIVE)}),
    raw("10,000 columns", "wide",
        lambda t: (",".join(f"c{n}" for n in range(10_000)) + "\n" + "," * 9_999 + "\n").encode(),
        1, code="too_many_columns"),
    raw("a heading that stands twice", "twice",
        lambda t: t.replace("price,quantity", "price,price").encode(), 10,
        code="duplicate_columns"),
    text("thousands with commas", "eng", each("price", ENGLISH), {"accepted": len(ENGLISH)}),
    text("thousands with points", "ger", each("price", GERMAN), {"accepted": len(GERMAN)},
         options={"decimal_mark": ","}),
    text("the wrong decimal mark said", "wdm", each("price", ("1,234.50", "0.99")),
         {"bad_price": 2}, options={"decimal_mark": ","}),
    text("unknown event types", "unk", each("type", ("veiw", "purchase", "=1+1", "")),
         {"accepted": 1, "unknown_type": 2, "missing_type": 1}),
    raw("a quotation mark never closed", "quo", lambda t: t.replace("quo-6", '"quo-6').encode(),
        7, ends={"accepted": 6, "unclosed_quote": 1}),
    raw("rows with cells too many and too few", "cel",
        lambda t: t.replace("cel-2,", "cel-2,,").replace(",9.50,2\nu6", "\nu6").encode(), 10,
        ends={"accepted": 8, "unparseable": 2}),
    raw("no user, no item, no time", "mis",
        lambda t: t.replace("u1,", ",").replace("mis-2,", ",")
        .replace(f"mis-3,purchase,{TIME}", "mis-3,purchase,").encode(), 10,
        ends={"accepted": 7, "missing_user": 1, "missing_item": 1, "missing_time": 1}),
    raw("every row twice", "dup", lambda t: (t + t.partition("\n")[2]).encode(), 20,
        ends={"accepted": 10, "duplicate": 10}),
    raw("JSON that is no JSON Lines", "jsn",
        lambda t: json.dumps(rows("jsn", 10), indent=1).encode(), 10, code="not_json_lines"),
    raw("an old Excel workbook named .csv", "xls",
        lambda t: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), 0, code="unsupported_file"),
)  # fmt: skip
