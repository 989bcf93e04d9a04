"""Why a column is proposed for one of ours, in words, and the choices of the mapping page."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Code of a proposal's reason -> what speaks for it.
REASONS: dict[str, str | Promise] = {
    "remembered": _("As you chose for the last such file"),
    "said": _("As you said"),
    "name": _("Same name"),
    "alias": _("Known by this name"),
    "hint": _("The heading says so: please check"),
    "contradicted": _("The heading says so, the contents do not: please check"),
    "people_ids": _("Ids as of people"),
    "thing_ids": _("Ids as of items"),
    "ids_in_runs": _("Ids, several rows of one after another: please check"),
    "ids_with_title": _("Ids, each with one title"),
    "ids": _("Ids, but whose is a guess: please check"),
    "unique_ids": _("Ids, a different one in each row"),
    "orders": _("Several rows of one moment share it"),
    "times": _("Dates or times"),
    "epoch": _("Times in seconds since 1970"),
    "known_words": _("Holds words that are known here"),
    "scale": _("A short scale of numbers: please check"),
    "pieces": _("Small whole numbers: please check"),
    "money": _("Amounts of money: please check"),
    "short_texts": _("Short texts"),
    "long_texts": _("Long texts"),
    "lists": _("Several words in one cell"),
    "few_texts": _("Few different texts: please check"),
    "flags": _("Yes or no"),
    "json": _("JSON objects"),
}
# What a person is to look at again.
SURE = 0.8

DELIMITERS: dict[str, str | Promise] = {
    "": _("As found"),
    ",": _("Comma"),
    ";": _("Semicolon"),
    "\t": _("Tab"),
    "|": _("Vertical bar"),
}
ENCODINGS: dict[str, str | Promise] = {
    "": _("As found"),
    "utf-8": "UTF-8",
    "cp1252": _("Windows, Western Europe (cp1252)"),
    "cp1250": _("Windows, Central Europe (cp1250)"),
    "cp1251": _("Windows, Cyrillic (cp1251)"),
    "gb18030": _("Chinese (GB 18030)"),
    "big5": _("Chinese, traditional (Big5)"),
    "shift_jis": _("Japanese (Shift JIS)"),
    "utf-16-le": "UTF-16",
}
DECIMAL_MARKS: dict[str, str | Promise] = {
    ".": _("A point: 1,234.50"),
    ",": _("A comma: 1.234,50"),
}
DATE_ORDERS: dict[str, str | Promise] = {
    "": _("There are none"),
    "day": _("The day: 31/1/2026"),
    "month": _("The month: 1/31/2026"),
}
# What becomes of a column that is none of ours.
LEFT_OUT = "left_out"
MORE: dict[str, dict[str, str | Promise]] = {
    "items": {"attribute": _("Attribute of the item"), LEFT_OUT: _("Left out")},
    "events": {LEFT_OUT: _("Left out"), "context": _("Kept beside the event, to tell groups")},
    "consents": {LEFT_OUT: _("Left out")},
}
# How an id of one person is shown in the preview: by which row had it first.
NUMBERED: dict[str, str | Promise] = {
    "person": _("Person %(number)s"),
    "order": _("Order %(number)s"),
    "event": _("Event %(number)s"),
    "record": _("Record %(number)s"),
}
