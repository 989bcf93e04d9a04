"""Finds every sentence that is marked for translation, keeps the catalogue complete, compiles it.

Run by hand after a sentence has changed: `python tests/translations.py` adds what is new to
locale/zh_Hans (untranslated), drops what is gone, and compiles. Knows only literal arguments.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
FOLDERS = ("platform", "tenants", "training")
# Function -> positions of context, singular and plural among its arguments; None: it has none.
MARKERS = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "pgettext": (0, 1, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
}
HEADER = {
    "Project-Id-Version": "Attune",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}


class Message(NamedTuple):
    """One sentence as gettext knows it; empty where it has no context or no plural."""

    context: str
    singular: str
    plural: str


def marked() -> set[Message]:
    """Every marked sentence of the project's Python and templates."""
    found: set[Message] = set()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            found.update(in_python(path.read_text(encoding="utf-8")))
    for path in sorted((ROOT / "templates").rglob("*.html")):
        found.update(in_template(path.read_text(encoding="utf-8")))
    return found


def in_python(source: str) -> Iterator[Message]:
    """The marked literals of one module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in MARKERS:
                message = Message(*(_argument(node, place) for place in MARKERS[name]))
                if message.singular:
                    yield message


def _argument(call: ast.Call, place: int | None) -> str:
    if place is None or place >= len(call.args):
        return ""
    value = call.args[place]
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def in_template(source: str) -> Iterator[Message]:
    """The marked texts of one template, by way of the Python-like text that Django makes of it."""
    calls = re.findall(r"\b(?:n?p?gettext|_)\((?:[^()'\"]|'(?:\\.|[^'])*'|\"(?:\\.|[^\"])*\")*\)",
                       templatize(source))  # fmt: skip
    for call in calls:
        yield from in_python(re.sub(r",\s*count\)$", ", 1)", call))


def update() -> int:
    """Bring the catalogue in line with the code and compile it; how many sentences lack words."""
    known = (
        {_key(entry): entry for entry in polib.pofile(str(CATALOGUE))} if CATALOGUE.exists() else {}
    )
    catalogue = polib.POFile(wrapwidth=96)
    catalogue.metadata = HEADER
    for message in sorted(marked()):
        catalogue.append(known.get(message) or _entry(message))
    catalogue.save(str(CATALOGUE))
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    return len(catalogue.untranslated_entries())


def _key(entry: polib.POEntry) -> Message:
    return Message(entry.msgctxt or "", entry.msgid, entry.msgid_plural or "")


def _entry(message: Message) -> polib.POEntry:
    plural = {"msgid_plural": message.plural, "msgstr_plural": {0: ""}} if message.plural else {}
    return polib.POEntry(
        msgid=message.singular, msgstr="", msgctxt=message.context or None, **plural
    )


if __name__ == "__main__":
    settings.configure(USE_I18N=True)
    print(f"{update()} sentences lack a translation")
