"""Who may do what: ONE table for members' roles and keys' scopes, used by API and pages alike."""

from enum import StrEnum

from tenants.accounts.models import Role


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


_READ = frozenset({Right.READ_OVERVIEW, Right.READ_EVENTS, Right.READ_CONSENTS, Right.READ_MODELS})
_WORK = _READ | {Right.WRITE_EVENTS, Right.READ_RECOMMENDATIONS}
_RUN = _WORK | {
    Right.WRITE_CONSENTS,
    Right.MANAGE_MODELS,
    Right.MANAGE_KEYS,
    Right.READ_AUDIT,
}

RIGHTS_OF: dict[str, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.ADMIN: _RUN,
    Role.ANALYST: _WORK,
    Role.AUDITOR: frozenset({Right.READ_AUDIT}),
}

# What a key may be given: everything but the rights that only people have.
SCOPES = frozenset(Right) - {Right.MANAGE_KEYS, Right.READ_OVERVIEW}
