"""Who may do what: ONE table for members' roles and keys' scopes, used by API and pages alike.

A key's scopes are rights of the same names; which a key may be given stands beside the names.
"""

from tenants.accounts.models import Role, Tenant
from tenants.accounts.scopes import SCOPES, Right

__all__ = ["RIGHTS_OF", "SCOPES", "Right", "rights_in"]

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

# What is left of every role while the tenant is suspended, by the reason.
LEFT: dict[str, frozenset[Right]] = {
    "": frozenset(Right),
    # The owner may still take it back, or fetch the export.
    Tenant.CLOSING: frozenset({Right.MANAGE_TENANT}),
    Tenant.OPERATOR: frozenset(),
    Tenant.HELD: frozenset(),
    Tenant.CLOSED: frozenset(),
}


def rights_in(tenant: Tenant, role: str) -> frozenset[Right]:
    """What a member with this role may do in the tenant now."""
    return RIGHTS_OF[role] & LEFT[tenant.resting]
