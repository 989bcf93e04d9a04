"""`manage.py rotate_keys`: bring every tenant under the current master key; says what is left.

Before: stop every process, put the key so far into ATTUNE_MASTER_KEY_PREVIOUS, a new one into
ATTUNE_MASTER_KEY, one more into ATTUNE_MASTER_KEY_VERSION, start again. See docs/security.md.
"""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.isolation.keys import current_version, versions
from tenants.isolation.models import standing
from tenants.isolation.scope import tenant_scope
from tenants.subjects.rotating import left, needs_rotation
from tenants.work import queue

POLL_SECONDS = 2.0


class Command(BaseCommand):
    help = "Re-key every tenant's people under the current master key, by the workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", action="store_true", help="until nothing is left")

    def handle(self, *args: Any, **options: Any) -> None:
        if len(versions()) == 1:
            raise CommandError(
                "There is one master key. Set ATTUNE_MASTER_KEY_PREVIOUS to the one so far, "
                "ATTUNE_MASTER_KEY to a new one, and ATTUNE_MASTER_KEY_VERSION one higher."
            )
        waiting = [tenant_id for tenant_id in standing() if needs_rotation(tenant_id)]
        for tenant_id in waiting:
            with tenant_scope(tenant_id):
                queue.enqueue("rotation", tenant_id=tenant_id, object_id=tenant_id)
                self.stdout.write(f"{tenant_id}: {left()} people to be re-keyed")
        while options["wait"] and any(map(needs_rotation, waiting)):
            time.sleep(POLL_SECONDS)
        open_ones = [tenant_id for tenant_id in waiting if needs_rotation(tenant_id)]
        if open_ones:
            self.stdout.write(f"{len(open_ones)} tenants wait for a worker; run it again later.")
            return
        self.stdout.write(
            f"All rows lie under version {current_version()}. Exports of the last seven days and "
            "answers of the last day may lie under the version before: keep "
            "ATTUNE_MASTER_KEY_PREVIOUS until they are over, then take it away."
        )
