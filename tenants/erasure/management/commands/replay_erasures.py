"""`manage.py replay_erasures`: after a backup was restored, erase again who was erased since."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.erasure.ledger import LedgerDamaged
from tenants.erasure.replaying import replay_all
from tenants.isolation.depot import StoreUnreachable


class Command(BaseCommand):
    """Before anything serves; it may run again without doing anything twice."""

    help = "Erase again whoever the ledger outside the database names and the database forgot."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            again = replay_all()
        except (LedgerDamaged, StoreUnreachable) as error:
            raise CommandError(f"The ledger of erasures cannot be read: {error}") from error
        self.stdout.write(f"{again} erasures repeated")
