"""What docs/security.md names exists: every test, every file, every requirement once."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
# A row that waits for its test may name a file that waits, too.
LINES = [line for line in PAGE.splitlines() if "(to be named)" not in line]
QUOTED = [word for line in LINES for word in re.findall(r"`([^`\s]+)`", line)]
FILE = re.compile(r"[\w./-]+\.(py|md|html|js|sql|txt|yaml|toml|dockerignore)|Makefile")


def names_in(path: Path) -> set[str]:
    return {
        node.name for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }  # fmt: skip


def test_every_test_that_the_page_names_exists():
    named = [word.split("::") for word in QUOTED if "::" in word]
    assert len(named) > 60
    assert [name for name in named if not (ROOT / name[0]).is_file()] == []
    assert [name for name in named if name[1] not in names_in(ROOT / name[0])] == []


def test_every_file_that_the_page_names_exists():
    named = {word for word in QUOTED if FILE.fullmatch(word) and word != "manage.py"}
    assert len(named) > 30
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_a_requirement_stands_in_one_row_and_says_how_it_is_proved():
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 100
    assert len({number for number, *_ in rows}) == len(rows)
    assert [cells for cells in rows if not all(cell.strip() for cell in cells)] == []
