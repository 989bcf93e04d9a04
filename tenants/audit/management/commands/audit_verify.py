"""`manage.py audit_verify`: check every tenant's chain; exit 1 when one is broken."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from tenants.audit.actor import system
from tenants.audit.linking import link
from tenants.audit.verify import verify_log
from tenants.isolation.models import standing
from tenants.isolation.scope import tenant_scope


class Command(BaseCommand):
    help = "Verify the audit log of every tenant, or of one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", type=UUID, help="the tenant's UUID; all without it")

    def handle(self, *args: Any, **options: Any) -> None:
        known = standing()
        chosen = [options["tenant"]] if options["tenant"] else known
        if options["tenant"] and options["tenant"] not in known:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        broken = 0
        for tenant_id in chosen:
            link(tenant_id)
            with tenant_scope(tenant_id):
                verdict = verify_log(actor=system("audit_verify"))
            broken += not verdict.ok
            state = "ok" if verdict.ok else f"BROKEN at {verdict.seq}: {verdict.code}"
            self.stdout.write(
                f"{tenant_id}  {verdict.entries} entries, {verdict.seals} seals  {state}"
            )
        if broken:
            raise CommandError(f"{broken} of {len(chosen)} logs do not verify")
