"""One line of JSON as one flat row: names with dots, values as the file spells them.

`{"user": {"id": 7}}` gives `user.id`, and `user` itself as JSON text for whoever wants it whole.
"""

import json
from typing import Any

from tenants.behaviour.reading.csv_head import HEADING_LENGTH
from tenants.behaviour.reading.encodings import BAD

# Objects nested deeper stay one value.
DEPTH = 8
BAD_BYTES = BAD.encode()
Row = dict[str, Any]


class Spelled(str):
    """A number as the file writes it: 1.50, or an id too long for any float."""

    __slots__ = ()


class Faulty(ValueError):
    """The line gives no row; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_line(line: bytes) -> Row:
    """The fields of one line: texts, Spelled numbers, booleans, None, lists, objects.

    Raises Faulty unparseable or bad_encoding. A field that stands twice makes a line unparseable:
    which of the two was meant nobody can tell.
    """
    if BAD_BYTES in line:
        raise Faulty("bad_encoding")
    try:
        value = DECODER.decode(line.decode().strip())
        if not isinstance(value, dict):
            raise Faulty("unparseable")
        if b"\\u" in line:  # half a surrogate pair is no character
            json.dumps(value, ensure_ascii=False).encode()
        return flattened(value)
    except UnicodeEncodeError:
        raise Faulty("bad_encoding") from None
    except (ValueError, RecursionError):
        raise Faulty("unparseable") from None


def flattened(value: Row) -> Row:
    """The object's fields and those of the objects in it; Faulty where two share a name."""
    found: Row = {}
    _flatten(found, value, "", 1)
    return found


def _flatten(found: Row, value: Row, prefix: str, depth: int) -> None:
    for key, inner in value.items():
        name = prefix + key.strip()
        if name in found or name == prefix or len(name) > HEADING_LENGTH or not name.isprintable():
            raise Faulty("unparseable")
        found[name] = inner
        if isinstance(inner, dict) and depth < DEPTH:
            _flatten(found, inner, f"{name}.", depth + 1)


def as_text(value: Any) -> str | None:
    """A value as a cell: a list of plain values between vertical bars, as our list columns are
    read; other lists and objects as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(_is_plain(one) for one in value):
        return "|".join(value)
    if isinstance(value, list | dict):
        return written(value)
    return None if value is None else str(value)


def written(value: Any) -> str:
    """A value as JSON, its numbers spelled as they came."""
    if isinstance(value, Spelled):
        return str(value)
    if isinstance(value, dict):
        parts = (f"{json.dumps(key, ensure_ascii=False)}: {written(one)}"
                 for key, one in value.items())  # fmt: skip
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and "|" not in value


def _once(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Faulty("unparseable")
    return found


def _no_number(name: str) -> Any:
    raise Faulty("unparseable")  # NaN and Infinity are not JSON


DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=Spelled, parse_float=Spelled, parse_constant=_no_number
)
