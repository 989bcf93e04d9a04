"""`manage.py repeat_job ID`: train a job again from its record and compare the hashes; exit 1 when
they differ, with the inputs that are no longer the same."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from tenants.errors import AppError
from tenants.ids import parse_id
from tenants.isolation.models import standing
from tenants.isolation.scope import tenant_scope
from training.jobs.models import Job
from training.jobs.repeating import Line, Repeat, repeat_job


class Command(BaseCommand):
    help = "Repeat a job from its record and compare every file of what it made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", type=_id("job"), help="ftjob-… or the UUID")
        parser.add_argument(
            "--tenant", type=_id("tenant"), help="tnt_… or the UUID; looked for without it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = options["tenant"] or _owner(options["job"])
        try:
            repeat = repeat_job(tenant_id=tenant_id, job_id=options["job"])
        except AppError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        for line in _table(repeat):
            self.stdout.write(line)
        self.stdout.write(json.dumps(_facts(repeat)))
        if not repeat.equal:
            raise CommandError(_why(repeat))


def _id(kind: str) -> Any:
    """A reader of an id as it is shown, or of a UUID; ValueError, which argparse words."""

    def read(text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            try:
                return parse_id(kind, text)
            except AppError as error:
                raise ValueError(error.message) from error

    return read


def _owner(job_id: UUID) -> UUID:
    """The tenant whose job it is, asked one after the other, each inside its own wall."""
    for tenant_id in standing():
        with tenant_scope(tenant_id):
            if Job.objects.filter(pk=job_id).exists():
                return tenant_id
    raise CommandError("There is no such job.")


def _table(repeat: Repeat) -> Iterator[str]:
    width = max(len(line.name) for line in repeat.files)
    for line in repeat.files:
        state = "same" if line.equal else "DIFFERS"
        yield f"{line.name:{width}}  {line.before[:16]:16}  {line.now[:16]:16}  {state}"


def _facts(repeat: Repeat) -> dict[str, Any]:
    def told(lines: list[Line]) -> dict[str, Any]:
        return {line.name: {"before": line.before, "now": line.now} for line in lines}

    return {
        "job": repeat.job,
        "equal": repeat.equal,
        "files": told(repeat.files),
        "inputs_that_differ": told([line for line in repeat.inputs if not line.equal]),
    }


def _why(repeat: Repeat) -> str:
    if repeat.differing:
        return (
            "The weights differ. So do these inputs, any of which may be why: "
            f"{', '.join(repeat.differing)}."
        )
    return (
        "The weights differ, and every recorded input is the same. Equal bits are promised on a "
        "CPU alone; look at the device."
    )
