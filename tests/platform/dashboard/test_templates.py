"""Nothing inline: the content security policy allows our own files and nothing else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "platform/dashboard/static").rglob("*.js"))
SHEETS = sorted((ROOT / "platform/dashboard/static").rglob("*.css"))
FORBIDDEN = {
    "a style element": r"<style\b",
    "a style attribute": r"\sstyle\s*=",
    "an inline script": r"<script(?![^>]*\bsrc=)[^>]*>",
    "an event attribute": r"\son[a-z]+\s*=",
    "an htmx script": r"hx-on|js:|hx-vals=.js",
    "a script address": r"javascript:",
    "another host": r"(?:src|href)=[\"']https?://",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_templates_to_look_at():
    assert len(TEMPLATES) > 30 and len(SCRIPTS) >= 4 and len(SHEETS) >= 8


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_holds_nothing_that_the_policy_forbids(path):
    html = path.read_text(encoding="utf-8")
    assert [what for what, pattern in FORBIDDEN.items() if re.search(pattern, html)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_evaluates_no_text(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\beval\(|new Function|innerHTML|setAttribute\(.style", text) == []


@pytest.mark.parametrize("path", SHEETS, ids=name_of)
def test_a_sheet_fetches_nothing_and_keeps_colours_in_the_tokens(path):
    text = path.read_text(encoding="utf-8")
    assert "@import" not in text and "url(" not in text
    if path.name != "tokens.css":
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b", text) == []


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2, section 1.4.3."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TOKENS = dict(
    re.findall(
        r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\);",
        (ROOT / "platform/dashboard/static/dashboard/css/tokens.css").read_text(),
    )
)
INKS = ("ink", "soft", "faint", "accent", "bad")
GROUNDS = ("ground", "surface")
PAIRS = [
    *(
        (ink, ground, 4.5)
        for ink in ("ink", "soft", "faint", "accent", "bad")
        for ground in GROUNDS
    ),
    *((tone, f"{tone}-wash", 4.5) for tone in ("good", "warn", "bad", "info")),
    *(("ink", f"{tone}-wash", 4.5) for tone in ("good", "warn", "bad", "info", "accent")),
    ("accent-strong", "accent-wash", 4.5),
    ("soft", "sunk", 4.5),
    ("on-accent", "accent", 4.5),
    *(("edge", ground, 3.0) for ground in GROUNDS),
    *((f"chart-{number}", "surface", 3.0) for number in range(1, 7)),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_colours_stand_apart_in_both_themes(front, back, least, theme):
    one, other = (TOKENS[name].split(", ")[theme] for name in (front, back))
    assert contrast(one, other) >= least
