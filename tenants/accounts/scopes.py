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
    READ_AUDIT = "audit:read"
    READ_OVERVIEW = "overview:read"
    MANAGE_KEYS = "keys:manage"


# What a key may be given: everything but the rights that only people have.
SCOPES = frozenset(Right) - {Right.MANAGE_KEYS, Right.READ_OVERVIEW}
