"""A pack as plain values: sections of facts, written as JSON lines and as Markdown.

A fact without a value is an open question: only the tenant can answer it, and nothing is made up.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import override

from tenants.evidence.cells import json_line, text_lines
from tenants.evidence.kinds import EvidenceFile, EvidenceKind, Options

LANGUAGES = ("en", "zh-hans")
Words = str | Promise


@dataclass(frozen=True)
class Fact:
    """One fact: a stable name, what it is called, and its value, of which JSON can hold all but
    translatable words; None where it is open."""

    name: str
    says: Words
    value: Any


@dataclass(frozen=True)
class Section:
    """Facts under one heading, with the articles that ask for them."""

    name: str
    says: Words
    law: str
    facts: Sequence[Fact]


Sections = Callable[[], list[Section]]


def pack(name: str, says: Words, sections: Sections) -> EvidenceKind:
    """A kind of evidence out of what `sections` finds in the tenant's scope."""

    def files(options: Options) -> Iterator[EvidenceFile]:
        found = sections()
        yield EvidenceFile(f"{name}.jsonl", _json_lines(found))
        for language in LANGUAGES:
            with override(language):
                text = markdown(says, found)
            yield EvidenceFile(f"{name}.{language[:2]}.md", text_lines(text))

    return EvidenceKind(says, files)


def _json_lines(sections: Sequence[Section]) -> Iterator[bytes]:
    """One line for each fact."""
    with override("en"):
        for section in sections:
            for fact in section.facts:
                yield json_line({
                    "section": section.name, "law": section.law, "fact": fact.name,
                    "says": str(fact.says), "open": fact.value is None,
                    "value": _plain(fact.value),
                })  # fmt: skip


def markdown(says: Words, sections: Sequence[Section]) -> str:
    """The pack in the language in force."""
    lines = [f"# {says}", "", _(
        "Made from the rows and settings of this tenant. What only the tenant can say is marked as "
        "open until it is answered on the page Statements. Not legal advice."
    ), ""]  # fmt: skip
    for section in sections:
        lines += [f"## {section.says}", "", f"*{section.law}*", ""]
        for fact in section.facts:
            lines += [*_said(fact), ""]
    return "\n".join(lines)


def _said(fact: Fact) -> list[str]:
    if fact.value is None:
        return [f"**{fact.says}**: {_('OPEN')}"]
    if isinstance(fact.value, list | tuple):
        if not fact.value:
            return [f"**{fact.says}**: {_('none')}"]
        return [f"**{fact.says}**:", "", *(f"- {_shown(one)}" for one in fact.value)]
    return [f"**{fact.says}**: {_shown(fact.value)}"]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_shown(one)}" for name, one in value.items() if one != "")
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one) for one in value) or _("none")
    if value is None:
        return "–"
    # A text of the tenant's own must not become a heading or a line of another fact.
    return " ".join(str(value).split()).replace("|", "\\|")


def _plain(value: Any) -> Any:
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
