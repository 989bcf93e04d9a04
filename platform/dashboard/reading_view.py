"""How the mapping page shows a file: our columns with what is chosen for each, the first rows as
they would be read, and the columns that are none of ours."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.timezone import now

from dashboard.reading_choices import Choices, becomes, can_be
from dashboard.wording.columns import MEANINGS
from dashboard.wording.errors import refusal_of
from dashboard.wording.mapping import MORE, NUMBERED, REASONS, SURE
from dashboard.wording.states import act_name
from tenants.behaviour.asking.look import Look
from tenants.behaviour.asking.preview import OF_PERSONS, Preview, preview, unread_columns
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.columns.schema import KINDS
from tenants.behaviour.models import Upload
from tenants.behaviour.types.type_table import TypeTable
from tenants.behaviour.wording import outcome_text
from tenants.errors import AppError

Context = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One of our columns: what it means, the file's column chosen for it, and why."""

    name: str
    means: str | Promise
    required: bool
    column: str
    reason: str | Promise
    sure: bool


def lines_of(upload: Upload, choices: Choices) -> Context:
    """Our columns: those that are required or found, and the others."""
    lines = []
    for column in KINDS[upload.kind].columns:
        guess = choices.guesses.get(column.name)
        lines.append(
            Line(
                name=column.name,
                means=MEANINGS[upload.kind].get(column.name, ""),
                required=column.required,
                column=choices.mapping.get(column.name, ""),
                reason=REASONS[guess.reason] if guess else "",
                sure=guess is None or guess.confidence >= SURE,
            )
        )
    main = [line for line in lines if line.required or line.column]
    return {"lines": main, "further": [line for line in lines if line not in main]}


def read_rows(upload: Upload, look: Look, choices: Choices, types: TypeTable) -> Context:
    """The first rows under these choices, or why they cannot be read so."""
    ours = {column.name for column in KINDS[upload.kind].columns}
    used = {theirs for name, theirs in choices.mapping.items() if name in ours and theirs}
    found: Context = {
        "upload": upload,
        "unread": [
            (one, becomes(one.name, choices.mapping),
             [(what, MORE[upload.kind][what]) for what in can_be(one.name, upload.kind)])
            for one in unread_columns(upload.kind, look, used)
        ],
    }  # fmt: skip
    try:
        options = UploadOptions.from_plain(choices.options)
        seen = preview(upload.kind, look, choices.mapping, options, types, now())
    except AppError as error:
        return {**found, "unreadable": refusal_of(error)}
    return {**found, "preview": seen, "table": _table(seen, types), "ended": _ended(seen)}


def _ended(seen: Preview) -> list[tuple[int, str]]:
    return [
        (count, outcome_text("duplicate" if code == "duplicate" else "rejected", code))
        for code, count in sorted(seen.ended.items(), key=lambda one: -one[1])
    ]


def _table(seen: Preview, types: TypeTable) -> list[tuple[int, list[tuple[str, Any]], str]]:
    """Row number, values by our column, why it would be left out."""
    return [
        (
            row.row,
            [(name, _value(name, value, types)) for name, value in row.values.items()],
            outcome_text("duplicate" if row.code == "duplicate" else "rejected", row.code)
            if row.code
            else "",
        )
        for row in seen.rows
    ]


def _value(name: str, value: Any, types: TypeTable) -> Any:
    if value is not None and name in OF_PERSONS:
        return str(NUMBERED[OF_PERSONS[name]]) % {"number": value}
    return act_name(types.by_name[value]) if name == "type" and value is not None else value
