"""The names of what may be done: a right of a member's role, or a scope of an API key.

Which role has which right stands in `tenants/access/rights.py`.
"""

from enum import StrEnum


class Right(StrEnum):
    """A right; its value is also the scope name that an API key carries."""

    WRITE_EVENTS = "events:write"
    READ_EVENTS = "events:read"
    WRITE_CONSENTS = "consents:write"
    READ_CONSENTS = "consents:read"
    READ_RECOMMENDATIONS = "recommendations:read"
    READ_MODELS = "models:read"
    MANAGE_MODELS = "models:manage"
    MANAGE_RIGHTS = "rights:manage"
    READ_AUDIT = "audit:read"
    READ_USAGE = "usage:read"
    READ_OVERVIEW = "overview:read"
    MANAGE_KEYS = "keys:manage"
    MANAGE_MEMBERS = "members:manage"
    MANAGE_TENANT = "tenant:manage"


# Rights that only people have: a key must not be able to make keys, members or an end.
PEOPLE_ONLY = frozenset(
    {Right.READ_OVERVIEW, Right.MANAGE_KEYS, Right.MANAGE_MEMBERS, Right.MANAGE_TENANT}
)
# What a key may be given.
SCOPES = frozenset(Right) - PEOPLE_ONLY
# All that a public key may do: it lies open in a browser, so it can read nothing.
PUBLIC_SCOPES = frozenset({Right.WRITE_EVENTS})
