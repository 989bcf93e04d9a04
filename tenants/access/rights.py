"""Who may do what: ONE table for members' roles and keys' scopes, used by API and pages alike.

A key's scopes are rights of the same names; which a key may be given stands beside the names.
"""

from tenants.accounts.models import Role
from tenants.accounts.scopes import SCOPES, Right

__all__ = ["RIGHTS_OF", "SCOPES", "Right"]

_READ = frozenset({Right.READ_OVERVIEW, Right.READ_EVENTS, Right.READ_CONSENTS, Right.READ_MODELS})
_WORK = _READ | {Right.WRITE_EVENTS, Right.READ_RECOMMENDATIONS, Right.READ_USAGE}
_RUN = _WORK | {
    Right.WRITE_CONSENTS,
    Right.MANAGE_MODELS,
    Right.MANAGE_KEYS,
    Right.MANAGE_MEMBERS,
    Right.MANAGE_RIGHTS,
    Right.READ_AUDIT,
}

RIGHTS_OF: dict[str, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.ADMIN: _RUN,
    Role.ANALYST: _WORK,
    Role.AUDITOR: frozenset({Right.READ_AUDIT}),
}
