"""The demo tenant: UCI Online Retail II, let in by the same door as any tenant's data.

Daqing Chen, Online Retail II, UCI Machine Learning Repository (2019), doi 10.24432/C5CG6D, CC BY
4.0. Dates are moved by whole weeks, so that the history ends within the last week; consent
records are synthetic. Both facts stand on the tenant and on every page that shows its figures.
"""

import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings
from django.db import transaction

from demo.consents import NOTICE_ID, NOTICE_LANGUAGE, NOTICE_VERSION, consent_file
from tenants.accounts.keys import create_key
from tenants.accounts.models import Person, Tenant
from tenants.accounts.queries import memberships_of, person_with
from tenants.accounts.services import create_tenant
from tenants.accounts.tokens import parse_token
from tenants.audit.actor import Actor, system
from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Upload
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import Purpose
from tenants.isolation.scope import tenant_scope
from training.jobs.services import set_standing_approval

HERE = Path(__file__).parent
DATA = HERE / "data" / "online_retail_II.parquet"
EMAIL = "demo@attune.example"
ACTOR = system("demo")
SCOPES = ["recommendations:read", "consents:write", "events:write", "events:read"]
MAPPING = {
    "user_id": "CustomerID",
    "item_id": "StockCode",
    "item_title": "Description",
    "occurred_at": "InvoiceDate",
    "quantity": "Quantity",
    "price": "UnitPrice",
    "order_id": "InvoiceNo",
}
OPTIONS = {
    "default_type": "purchase",
    "cancellation_prefix": "C",
    "timezone": "Europe/London",
}


def begin(password: str) -> dict[str, str]:
    """Make the demo tenant and queue its uploads, once; what its visitor needs to know.

    Its rows are processed by the workers, like anybody's.
    """
    person = person_with(EMAIL)
    if person is None:
        with transaction.atomic():
            person = Person.objects.create_user(EMAIL, password)
            key = _make_tenant(person)
    else:
        key = _known_key() or _another_key(person)
    return _remember(password, key)


def _make_tenant(person: Person) -> str:
    """The tenant, its notice, standing approval, uploads and key; the key's text."""
    raw = DATA.read_bytes()
    rows = pl.read_parquet(io.BytesIO(raw), columns=["CustomerID", "InvoiceDate", "Country"])
    weeks = weeks_to_move(rows["InvoiceDate"].max(), datetime.now(UTC))
    tenant = create_tenant(
        name="Online Retail II",
        actor=ACTOR,
        owner=person,
        timezone="Europe/London",
        jurisdiction="GB",
        controller_contact="privacy@demo.example",
        shift_weeks=weeks,
        synthetic_consent=True,
    )
    with tenant_scope(tenant.id):
        _archive_notice()
        set_standing_approval(
            enabled=True, reason="The demo publishes what passes its gates.", actor=ACTOR
        )
        shift = {"shift_weeks": weeks}
        _upload(Upload.CONSENTS, "consents (synthetic).parquet", consent_file(rows), options=shift)
        _upload(Upload.EVENTS, DATA.name, raw, mapping=MAPPING, options={**OPTIONS, **shift})
        return _new_key(ACTOR)


def weeks_to_move(last: Any, now: datetime) -> int:
    """Whole weeks by which the history must move to end within the last seven days."""
    weeks: int = (now - last.replace(tzinfo=UTC)) // timedelta(weeks=1)
    return max(weeks, 0)


def _archive_notice() -> None:
    archive_notice(
        notice_id=NOTICE_ID,
        version=NOTICE_VERSION,
        language=NOTICE_LANGUAGE,
        body=(HERE / "notice-en.txt").read_bytes(),
        purposes=[
            Purpose.SERVICE,
            Purpose.ANALYTICS,
            Purpose.PERSONALISED_RECOMMENDATION,
            Purpose.MODEL_TRAINING,
        ],
        pii_categories=["purchase history"],
        actor=ACTOR,
    )


def _upload(kind: str, name: str, content: bytes, **how: Any) -> None:
    accept_upload(kind=kind, name=name, chunks=[content], actor=ACTOR, **how)


def _new_key(actor: Actor) -> str:
    _, text = create_key(name="demo", scopes=SCOPES, actor=actor)
    return text


def _known_key() -> str | None:
    """The key that was written down, if it still stands there and has the form of today's."""
    try:
        text = str(json.loads(_notes().read_text())["api_key"])
    except (OSError, ValueError, KeyError):
        return None
    return text if parse_token(text) else None


def _another_key(person: Person) -> str:
    """The first key's text is gone with its file; nobody can show it again, so make a new one."""
    tenant: Tenant = memberships_of(person)[0][1]
    with tenant_scope(tenant.id):
        return _new_key(ACTOR)


def _notes() -> Path:
    return Path(settings.VAR) / "demo.json"


def _remember(password: str, key: str) -> dict[str, str]:
    """Write down for the launcher's welcome what only this machine's user may read."""
    port = os.environ.get("ATTUNE_PORT", "8000")
    address = f"http://127.0.0.1:{port}/v1/recommendations?user_id=13085&limit=10"
    notes = {
        "email": EMAIL,
        "password": password,
        "api_key": key,
        "curl": f'curl -H "Authorization: Bearer {key}" "{address}"',
    }
    path = _notes()
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(notes, file, indent=1)
    os.replace(partial, path)
    return notes
