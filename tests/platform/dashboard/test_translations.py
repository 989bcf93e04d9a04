"""Every sentence has its Chinese, and what is compiled is what was written."""

import re

import polib

from tests.translations import CATALOGUE, Message, in_python, in_template, marked

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
ENTRIES = list(polib.pofile(str(CATALOGUE)))


def key(entry) -> Message:
    return Message(entry.msgctxt or "", entry.msgid, entry.msgid_plural or "")


def said(entry) -> str:
    return entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr


def wanted(entry) -> str:
    return entry.msgid_plural or entry.msgid


def values(text: str) -> tuple[set[str], int]:
    """The placeholders of a sentence and its percent signs."""
    return set(PLACEHOLDER.findall(text)), text.count("%%")


def test_the_catalogue_holds_exactly_the_sentences_of_the_project():
    known, found = {key(entry) for entry in ENTRIES}, marked()
    assert sorted(found - known) == []
    assert sorted(known - found) == []


def test_every_sentence_is_translated():
    assert [entry.msgid for entry in ENTRIES if not said(entry) or entry.fuzzy] == []


def test_translations_fill_in_the_same_values():
    assert [entry.msgid for entry in ENTRIES if values(said(entry)) != values(wanted(entry))] == []


def test_the_compiled_catalogue_is_the_written_one():
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    assert {key(e): said(e) for e in compiled} == {key(e): said(e) for e in ENTRIES}


def test_sentences_are_found_in_python_and_in_templates():
    python = 'x = _("One"); ngettext("%(n)s day", "%(n)s days", n); pgettext("form", "Two")'
    assert set(in_python(python)) == {
        Message("", "One", ""),
        Message("", "%(n)s day", "%(n)s days"),
        Message("form", "Two", ""),
    }
    template = (
        '{% load i18n %}{% translate "It\'s" %}{% blocktranslate %}Hi {{ name }}, "you"'
        "{% endblocktranslate %}{{ x|default:_('None') }}"
    )
    assert {m.singular for m in in_template(template)} == {"It's", 'Hi %(name)s, "you"', "None"}
