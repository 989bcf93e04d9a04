"""`manage.py tenant ACTION`: a tenant's whole life from the command line of the installation.

Every action is one service, with its checks and its entry in the tenant's own log.
"""

import getpass
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from tenants.accounts.life import locked_tenant, resume_tenant, set_limits, suspend_tenant
from tenants.accounts.models import Person, Tenant
from tenants.accounts.plans import NAMES, PLANS
from tenants.accounts.queries import person_with
from tenants.accounts.services import create_tenant
from tenants.audit.actor import system
from tenants.departure.finishing import finish_tenant
from tenants.departure.services import close_tenant, keep_tenant, request_export
from tenants.errors import AppError
from tenants.ids import parse_id
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import tenant_scope

ACTOR = system("operator")
ALARM = "  ALARM: it has an end in the register but is not being closed; it will not be deleted."


class Command(BaseCommand):
    help = "Create, list, limit, suspend, resume, export, close, keep or finish a tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a tenant with its owner")
        create.add_argument("--name", required=True)
        create.add_argument("--owner-email", required=True)
        create.add_argument("--timezone", default="UTC", help="IANA name, e.g. Europe/London")
        create.add_argument("--jurisdiction", default="GB")
        create.add_argument("--contact", default="", help="who answers for the data")
        create.add_argument("--password-file", type=Path, help="else it is asked for")
        actions.add_parser("list", help="every tenant with its state")
        for name, says in ABOUT_ONE.items():
            one = actions.add_parser(name, help=says)
            one.add_argument("tenant", type=tenant_id, help="tnt_… or the UUID")
            for argument in MORE.get(name, ()):
                one.add_argument(argument[0], **argument[1])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for line in ACTIONS[options["action"]](options):
                self.stdout.write(line)
        except AppError as error:
            raise CommandError(error.message) from error


def tenant_id(text: str) -> UUID:
    """The UUID behind what was typed; ValueError, which argparse words."""
    try:
        return UUID(text)
    except ValueError:
        try:
            return parse_id("tenant", text)
        except AppError as error:
            raise ValueError(error.message) from error


def create(options: dict[str, Any]) -> list[str]:
    """The tenant, and its owner where nobody has that address yet."""
    email = options["owner_email"].strip().lower()
    person = person_with(email)
    password = None if person else _password(email, options["password_file"])
    with transaction.atomic():
        person = person or Person.objects.create_user(email, password)
        tenant = create_tenant(
            name=options["name"],
            actor=ACTOR,
            owner=person,
            timezone=options["timezone"],
            jurisdiction=options["jurisdiction"],
            controller_contact=options["contact"],
        )
    return [f"{tenant.public_id}  {tenant.name}, owned by {email}"]


def _password(email: str, file: Path | None) -> str:
    """From the file, a pipe, or the keyboard; CommandError when it is too weak."""
    try:
        validate_email(email)
        if file:
            password = file.read_text().rstrip("\n")
        elif sys.stdin.isatty():
            password = getpass.getpass(f"Password for {email}: ")
        else:
            password = sys.stdin.readline().rstrip("\n")
        validate_password(password, Person(email=email))
    except OSError as error:
        raise CommandError(f"Cannot read the password: {error}") from error
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return password


def show(options: dict[str, Any]) -> list[str]:
    """A line each: id, state, plan, name; an alarm where row and register disagree."""
    lines = []
    for known in KnownTenant.objects.order_by("created_at"):
        with tenant_scope(known.tenant_id):
            tenant = Tenant.objects.filter(pk=known.tenant_id).first()
        if tenant is None:
            continue
        until = f" until {known.closes_at:%Y-%m-%d %H:%M} UTC" if known.closes_at else ""
        state = (tenant.resting or "works") + until
        alarm = ALARM if known.closes_at and tenant.resting not in Tenant.ENDING else ""
        lines.append(
            f"{tenant.public_id}  {tenant.mode}  {state}  {tenant.plan}  {tenant.name}{alarm}"
        )
    return lines or ["There is no tenant."]


def suspend(options: dict[str, Any]) -> list[str]:
    suspend_tenant(tenant_id=options["tenant"], reason=options["reason"], actor=ACTOR)
    return ["Suspended: its keys open nothing, its work waits."]


def resume(options: dict[str, Any]) -> list[str]:
    resume_tenant(tenant_id=options["tenant"], actor=ACTOR)
    return ["It works again."]


def limits(options: dict[str, Any]) -> list[str]:
    """Change what is asked for, and say what holds."""
    wanted = {
        "plan": options["plan"],
        "grant": dict(options["set"]),
        "withdraw": options["unset"],
    }
    with tenant_scope(options["tenant"]):
        tenant = set_limits(**wanted, actor=ACTOR) if any(wanted.values()) else locked_tenant()
    return [f"plan {tenant.plan}"] + [
        f"{name} = {getattr(tenant.limits, name)}{' (granted)' if name in tenant.granted else ''}"
        for name in NAMES
    ]


def export(options: dict[str, Any]) -> list[str]:
    with tenant_scope(options["tenant"]):
        made = request_export(actor=ACTOR)
    return [f"{made.public_id}: the owner finds it on the settings page once it is made."]


def close(options: dict[str, Any]) -> list[str]:
    close_tenant(tenant_id=options["tenant"], name=options["name"], actor=ACTOR)
    known = KnownTenant.objects.get(pk=options["tenant"])
    return [f"Suspended; everything is deleted after {known.closes_at:%Y-%m-%d %H:%M} UTC."]


def keep(options: dict[str, Any]) -> list[str]:
    keep_tenant(tenant_id=options["tenant"], actor=ACTOR)
    return ["It stays, and works again unless it is suspended."]


def finish(options: dict[str, Any]) -> list[str]:
    if not finish_tenant(options["tenant"]):
        return ["A worker is at it already."]
    return ["Nothing is left of it but the seals of its log."]


def limit(text: str) -> tuple[str, float]:
    """`name=value`; ValueError, which argparse words."""
    name, _, value = text.partition("=")
    return name, float(value)


ABOUT_ONE = {
    "suspend": "let it rest: keys and pages shut, work waits",
    "resume": "end the suspension",
    "limits": "show or set its plan and what is granted beside it",
    "export": "make a file with everything it owns",
    "close": "suspend it and delete it after 30 days; needs an export",
    "keep": "take the closing back",
    "finish": "delete it now, once its time is over",
}
MORE: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "suspend": (("--reason", {"required": True}),),
    "limits": (
        ("--plan", {"help": ", ".join(PLANS)}),
        ("--set", {"action": "append", "default": [], "type": limit, "metavar": "NAME=VALUE"}),
        ("--unset", {"action": "append", "default": [], "metavar": "NAME"}),
    ),
    "close": (("--name", {"required": True, "help": "the tenant's name, as it is written"}),),
}
ACTIONS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "create": create,
    "list": show,
    "suspend": suspend,
    "resume": resume,
    "limits": limits,
    "export": export,
    "close": close,
    "keep": keep,
    "finish": finish,
}
