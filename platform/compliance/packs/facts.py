"""What the tenant's own rows and settings say, as facts for packs. Reads, never guesses.

Numbers of people below ten are not told exactly.
"""

from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from compliance.packs.measures import MEASURES
from compliance.packs.pack import Fact, Section
from compliance.packs.questions import BY_NAME, statements
from compliance.retention.choosing import days_kept
from compliance.retention.classes import CLASSES
from tenants.accounts.models import Tenant
from tenants.audit.canonical import timestamp
from tenants.consent.models import ConsentRecord, ConsentState, Notice, UseTable
from tenants.consent.policy import uses
from tenants.consent.vocabulary import Purpose
from tenants.isolation.scope import current_tenant

FEWEST = 10


def about(count: int) -> str:
    """A number of people; one to nine are not told exactly."""
    return str(count) if count == 0 or count >= FEWEST else f"<{FEWEST}"


def asked(*names: str) -> list[Fact]:
    """The tenant's answers to these questions; open where there is none."""
    told = statements()
    return [Fact(name, BY_NAME[name].says, told.get(name)) for name in names]


def controller() -> Section:
    """Who answers for the data."""
    tenant = Tenant.objects.get(pk=current_tenant())
    return Section("controller", _("Controller"), "GDPR 4(7), 13(1)(a), 30(1)(a); PIPL 17, 73", [
        Fact("name", _("Name"), tenant.name),
        Fact("contact", _("Contact"), tenant.controller_contact or None),
        Fact("jurisdiction", _("Jurisdiction by default"), tenant.jurisdiction),
        *asked("officer", "operator"),
    ])  # fmt: skip


def purposes() -> Section:
    """What the data are used for, and the purpose that each use needs consent for."""
    found = [
        {"use": use.value, "purposes": [one.value for one in needed]}
        for use, needed in uses().items()
    ]
    version = UseTable.objects.order_by("-number").values_list("number", flat=True).first()
    bases = ConsentRecord.objects.values_list("lawful_basis", flat=True).distinct()
    return Section("purposes", _("Purposes and uses"), "GDPR 5(1)(b), 30(1)(b); PIPL 6, 17", [
        Fact("uses", _("Every use, and the purposes that it needs"), found),
        Fact("uses_version", _("Version of this table, 0 as it came"), version or 0),
        Fact("bases", _("Legal bases in the consent records"), sorted(bases)),
        Fact("without", _("Without valid consent"),
             _("A row waits, encrypted, and is deleted after its time; an answer is the common "
               "list.")),
    ])  # fmt: skip


def notices() -> Section:
    """The notices that were archived, and what they ask for."""
    shown = [
        {
            "notice": notice.notice_id, "version": notice.version, "language": notice.language,
            "purposes": notice.purposes, "categories": notice.pii_categories,
            "sha256": bytes(notice.sha256).hex(), "archived_at": timestamp(notice.archived_at),
        }
        for notice in Notice.objects.order_by("archived_at", "id")
    ]  # fmt: skip
    return Section("notices", _("Notices"), "GDPR 13, 14; PIPL 14, 17", [
        Fact("notices", _("Archived notices, each with the hash of the bytes shown"), shown)
    ])  # fmt: skip


def data() -> Section:
    """Of whom, which categories, and who receives them."""
    categories = {one for notice in Notice.objects.all() for one in notice.pii_categories}
    records = ConsentRecord.objects.filter(recipients__len__gt=0)
    recipients = {one for row in records.values_list("recipients", flat=True).distinct()
                  for one in row}  # fmt: skip
    abroad = ConsentRecord.objects.exclude(storage_country="")
    countries = abroad.values_list("storage_country", "transfer_mechanism").distinct()
    return Section("data", _("People, categories, recipients"), "GDPR 30(1)(c)-(e); PIPL 17, 23", [
        *asked("people"),
        Fact("categories", _("Categories of personal data, as the notices name them"),
             sorted(categories)),
        Fact("kept", _("What is kept of a person"), [
            _("a keyed pseudonym and the id, encrypted under a key of the person's own"),
            _("consent records and their state"),
            _("events: item, type, time, value, and what the sender named as context"),
            _("answers that were given, with their reasons"),
        ]),
        Fact("recipients", _("Recipients named in consent records"), sorted(recipients)),
        Fact("storage", _("Countries of storage named in consent records"), [
            {"country": country, "mechanism": mechanism} for country, mechanism in countries
        ]),
        *asked("transfers"),
    ])  # fmt: skip


def consents() -> Section:
    """How many people allow what, small numbers left out."""
    counted = ConsentState.objects.values("purpose", "state").annotate(people=Count("subject"))
    found = {(row["purpose"], row["state"]): row["people"] for row in counted}
    lines: list[dict[str, Any]] = [
        {"purpose": purpose, "state": state, "people": about(people)}
        for (purpose, state), people in sorted(found.items())
    ]
    never = sorted({one.value for one in Purpose} - {purpose for purpose, _state in found})
    return Section("consents", _("Consent today"), "GDPR 7; PIPL 13-16, 29, 39", [
        Fact("states", _("People by purpose and state"), lines),
        Fact("never_asked", _("Purposes of which no record speaks"), never),
    ])  # fmt: skip


def retention() -> Section:
    """How long each class of data is kept, and why."""
    days = days_kept()
    kept = [
        {
            "class": one.code, "what": one.says, "why": one.reason,
            "days": _kept(days[one.code]),
        }
        for one in CLASSES
    ]  # fmt: skip
    return Section("retention", _("Time limits for erasure"), "GDPR 5(1)(e), 30(1)(f); PIPL 19", [
        Fact("classes", _("Days by class of data"), kept)
    ])  # fmt: skip


def _kept(days: int | None) -> Any:
    """A number of days, or in words what is none."""
    if days is None:
        return _("as long as the tenant")
    return days or _("Until the end that each record names")


def measures() -> Section:
    """What protects the data here, and what this installation has switched on."""
    return Section("measures", _("Security measures"), "GDPR 30(1)(g), 32; PIPL 51", [
        Fact("measures", _("In force for every tenant"), list(MEASURES)),
        Fact("tls", _("Plain HTTP is refused by this installation"),
             bool(settings.SECURE_SSL_REDIRECT)),
        *asked("own_measures"),
    ])  # fmt: skip
