"""Deleting exports after their time."""

from uuid import UUID

from tenants.departure.exporting import MAKING


def expire(tenant_id: UUID) -> int:
    """Periodic duty: destroy the files of exports whose time is over; returns how many."""
    return MAKING.expire(tenant_id)
