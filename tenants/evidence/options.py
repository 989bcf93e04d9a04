"""Filters of an export: what the asker writes -> what is stored and handed to the kind.

A person's own id never gets further than this module.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from tenants.audit.canonical import timestamp
from tenants.errors import AppError
from tenants.subjects.directory import ID_LENGTH, audit_ref, find

TEXT_LENGTH = 200
Reader = Callable[[str, Any], dict[str, Any]]


def read_options(given: Mapping[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    """The filters that say something, ready to be stored. AppError bad_filter, unknown_filter,
    unknown_person.
    """
    read: dict[str, Any] = {}
    for name, value in given.items():
        if value in (None, ""):
            continue
        if name not in allowed:
            raise AppError("unknown_filter", f"This export has no filter {name}.", param=name)
        read |= FILTERS[name](name, value)
    if read.get("since", "") > read.get("until", "9"):
        raise AppError("bad_filter", "The end lies before the beginning.", param="until")
    return read


def _moment(name: str, value: Any) -> dict[str, Any]:
    """A day or a moment; a day without its zone is one of the zone in force, from its midnight."""
    try:
        moment = value if isinstance(value, datetime) else parse_datetime(str(value))
        day = value if isinstance(value, date) else parse_date(str(value))
        if moment is None and day is not None:
            moment = datetime.combine(day, time.min)
        if moment is not None:
            moment = moment if moment.tzinfo else timezone.make_aware(moment)
            return {name: timestamp(moment)}
    except (ValueError, OverflowError):
        pass
    raise AppError(
        "bad_filter", "Write a day such as 2026-11-01, or a moment with its zone.", param=name
    )


def _text(name: str, value: Any) -> dict[str, Any]:
    text = str(value)
    if len(text) > TEXT_LENGTH or "\0" in text:
        raise AppError("bad_filter", f"Write at most {TEXT_LENGTH} characters.", param=name)
    return {name: text}


def _person(name: str, value: Any) -> dict[str, Any]:
    """A person by the tenant's own id for them."""
    subject = None if len(str(value)) > ID_LENGTH or "\0" in str(value) else find(str(value))
    reference = audit_ref(subject.id) if subject else ""
    if subject is None or not reference:
        raise AppError("unknown_person", "Nobody is known by this id.", param=name)
    return {"subject_id": subject.id, "subject_ref": reference}


# What can be asked for, by name. A kind says which of these it understands.
FILTERS: dict[str, Reader] = {
    "since": _moment,
    "until": _moment,
    "action": _text,
    "actor": _text,
    "outcome": _text,
    "subject": _person,
    "version": _text,
}
