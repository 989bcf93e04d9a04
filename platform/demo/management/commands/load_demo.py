"""`manage.py load_demo --begin`: make the demo tenant, once. Local mode only."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.load import begin


class Command(BaseCommand):
    help = "Make the demo tenant; the workers process its data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--begin", action="store_true", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("A demo sign-in exists in local mode only (ATTUNE_MODE=local).")
        secrets = Path(settings.VAR) / "secrets.json"
        try:
            password = json.loads(secrets.read_text())["demo_password"]
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"{secrets} holds no demo password. Run `make up`.") from error
        begin(password)
