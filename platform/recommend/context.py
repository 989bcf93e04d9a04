"""What an answer may know of its subject, read in one round trip."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from tenants.accounts.queries import FoundKey, found_key
from tenants.accounts.tokens import Token
from tenants.consent.vocabulary import PURPOSE_OF, Purpose, Use
from tenants.isolation.scope import current_tenant
from tenants.subjects.keys import lookups_of
from tenants.subjects.models import Subject

# What the tenant's own table does not say.
USUAL = [[PURPOSE_OF[use].value] for use in (Use.PERSONALISED_ANSWER, Use.POPULARITY)]
# As many as the engine evaluates with (its parameter `history_limit`).
MOST_EVENTS = 500


@dataclass(frozen=True)
class Context:
    """`code` is "" when the answer may be personal, else the reason why not.

    The lists run from the newest event to the oldest and are of one length.
    """

    tenant_id: UUID
    lookup: bytes
    subject_id: int | None
    wrapped_key: bytes | None
    code: str
    items: list[int]
    times: list[float]
    types: list[int]
    amounts: list[float | None]
    version_id: UUID | None
    manifest_sha256: bytes | None
    # Under which purpose a personal answer is given, and one for everybody.
    purpose: Purpose
    common_purpose: Purpose


def context_of_key(token: Token, user_id: str) -> tuple[FoundKey, Context] | None:
    """Key, consent, history and published version; None when the key is not valid."""
    for lookup in _lookups(token.tenant_id, user_id):
        with connection.cursor() as cursor:
            cursor.execute(
                "select * from recommend_context(%s, %s, %s, %s, %s, %s)",
                [token.tenant_id, token.hash, lookup, MOST_EVENTS, *USUAL],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        found = _context(token.tenant_id, lookup, row[2:])
        if found.subject_id is not None:
            break
    return found_key(token, row[0], row[1]), found


def context_in_scope(user_id: str) -> Context:
    """The same for a member who looks at the tenant in scope."""
    tenant_id = current_tenant()
    for lookup in _lookups(tenant_id, user_id):
        with connection.cursor() as cursor:
            cursor.execute(
                "select * from recommend_subject(%s, %s, %s, %s)", [lookup, MOST_EVENTS, *USUAL]
            )
            found = _context(tenant_id, lookup, cursor.fetchone())
        if found.subject_id is not None:
            break
    return found


def _lookups(tenant_id: UUID, user_id: str) -> list[bytes]:
    """Under which pseudonyms to ask for a person, one after another. One, but while the master key
    is rotated: then the row may be re-keyed between two questions, so the first is asked again."""
    found = lookups_of(tenant_id, user_id)
    return found if len(found) == 1 else [*found, found[0]]


def context_of_subject(subject: Subject) -> Context:
    """The same for a subject that is at hand, of the tenant in scope."""
    lookup = bytes(subject.lookup)
    with connection.cursor() as cursor:
        cursor.execute(
            "select * from recommend_subject(%s, %s, %s, %s)", [lookup, MOST_EVENTS, *USUAL]
        )
        return _context(current_tenant(), lookup, cursor.fetchone())


def _context(tenant_id: UUID, lookup: bytes, row: Any) -> Context:
    subject_id, wrapped, code, items, times, types, amounts, version_id, digest, *purposes = row
    return Context(
        tenant_id=tenant_id,
        lookup=lookup,
        subject_id=subject_id,
        wrapped_key=bytes(wrapped) if wrapped else None,
        code=code,
        items=items or [],
        times=times or [],
        types=types or [],
        amounts=amounts or [],
        version_id=version_id,
        manifest_sha256=bytes(digest) if digest else None,
        purpose=Purpose(purposes[0] or USUAL[0][0]),
        common_purpose=Purpose(purposes[1] or USUAL[1][0]),
    )
