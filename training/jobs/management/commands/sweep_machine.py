"""`manage.py sweep_machine`: remove from this machine what was destroyed elsewhere. Workers do so
by themselves; a machine without one does it by its clock.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.isolation.depot import StoreUnreachable, is_shared
from training.jobs.machine_sweeping import sweep_machine


class Command(BaseCommand):
    help = "Remove copies of bundles and data that were destroyed elsewhere from this machine."

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_shared():
            raise CommandError("ARTIFACT_STORE is a folder: there are no copies to sweep.")
        try:
            sweep_machine()
        except StoreUnreachable as error:
            raise CommandError(f"The store does not answer: {error}") from error
