"""What docs/compliance.md names exists, and each of the 44 statements has one line that holds."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "compliance.md").read_text()
STATEMENTS = range(1, 45)
QUOTED = re.findall(r"`([^`\s]+)`", PAGE)
FILE = re.compile(r"[\w./-]+/[\w.-]+\.(?:py|md)")
NUMBERED = re.compile(r"test_s(\d+)_")
LINE = re.compile(r"^\| (\d+) \| (.+?) \| (.*?) ?\| (.+) \|$", re.MULTILINE)

ROW = re.compile(r"^\|(?P<cells>.+)\|$")
BETWEEN = re.compile(r"(?<!\\)\|")


@cache
def names_in(path: str) -> set[str]:
    """The tests that a file defines, without importing it."""
    if not (ROOT / path).is_file():
        return set()
    return {
        node.name for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }  # fmt: skip


def lines() -> dict[int, tuple[str, str, str]]:
    """Statement, feature and proof by number, out of the table of the statements alone."""
    table = PAGE.partition("## The statements")[2]
    found = [(int(number), *cells) for number, *cells in LINE.findall(table)]
    assert len({number for number, *_ in found}) == len(found)
    return {number: (statement, feature, proof) for number, statement, feature, proof in found}


def doubled(page: str, cells: int = 2) -> list[str]:
    """Rows that stand more than once in one table, as their first cells tell."""
    tables = re.split(r"\n(?!\|)", page)
    found = []
    for table in tables:
        rows = [match["cells"] for line in table.splitlines() if (match := ROW.match(line))]
        heads = Counter(" ".join("|".join(BETWEEN.split(row)[:cells]).split()) for row in rows)
        found += [head for head, count in heads.items() if count > 1]
    return found


def test_no_row_stands_twice_in_a_table_of_the_page():
    """Of the laws: what is asked in which article. Of the data: a table, or a class."""
    assert doubled(PAGE) == []
    assert doubled((ROOT / "docs" / "data-map.md").read_text(), cells=1) == []


def test_a_row_that_stands_twice_is_found_whatever_else_it_says():
    table = "| no | asks | test |\n|---|---|---|\n| 7 | proof | `a` |\n| 8 | proof | `a` |\n"
    assert doubled(f"Text\n\n{table}\n{table}") == []
    assert doubled(f"Text\n\n{table}|  7 | proof | `b` |\n") == ["7 | proof"]


def test_every_test_that_the_page_names_exists():
    named = [word.split("::") for word in QUOTED if "::" in word]
    assert len(named) > 40
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_every_file_that_the_page_names_exists():
    named = {word for word in QUOTED if FILE.fullmatch(word)}
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_every_statement_has_one_line_with_a_test_or_says_which_work_will_bring_it():
    table = lines()
    assert sorted(table) == list(STATEMENTS)
    open_ones = [number for number, cells in table.items() if not cells[0].strip()]
    assert open_ones == []
    for number, (_, _, proof) in table.items():
        assert "::" in proof or re.search(r"later work: \w+", proof), number


def test_a_numbered_test_is_named_in_the_line_of_its_statement_alone():
    for number, (_, _, proof) in lines().items():
        told = {int(other) for other in NUMBERED.findall(proof)}
        assert told <= {number}, number
