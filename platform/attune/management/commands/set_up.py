"""`manage.py set_up`: everything that comes before serving, in one process: each step by itself
would load the whole product anew. It may run again without doing anything twice.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.checks import Tags
from django.core.management import call_command
from django.core.management.base import BaseCommand

CHECKED = (Tags.security, Tags.files, Tags.caches)


class Command(BaseCommand):
    """What an installation can get wrong is checked first. What only the program's own text can get
    wrong (its pages, its models) is not: that would load every page, and the tests look at it.
    """

    help = "Migrate, repeat the erasures that the database forgot, make the demo tenant."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--without-demo", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        self.check(tags=CHECKED)
        self.check(tags=(Tags.database,), databases=["default", "owner"])
        call_command("migrate", database="owner", interactive=False, stdout=self.stdout)
        call_command("replay_erasures", stdout=self.stdout)
        if not options["without_demo"]:
            call_command("load_demo", begin=True, stdout=self.stdout)
