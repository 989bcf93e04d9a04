"""Migrations run as the owner role only; everything else uses the application role."""


class OwnerMigrates:
    """Django database router; the alias `owner` exists only where migrations run."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == "owner"
