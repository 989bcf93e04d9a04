"""One row in every table of a tenant, made from the models themselves: a new table joins alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.ids import uuid7
from tenants.isolation.models import TenantOwned
from tenants.subjects.directory import resolve
from tenants.subjects.models import Subject

OWNED: list[type[models.Model]] = sorted(
    (model for model in apps.get_models() if issubclass(model, TenantOwned)),
    key=lambda model: model._meta.label,
)
ANY_MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
VALUES: dict[type[models.Field], Any] = {
    models.BooleanField: False,
    models.SmallIntegerField: 1,
    models.IntegerField: 1,
    models.BigIntegerField: 1,
    models.FloatField: 1.0,
    models.JSONField: {},
    ArrayField: [],
    models.DateTimeField: ANY_MOMENT + timedelta(days=1),
    models.DateField: ANY_MOMENT.date(),
    models.EmailField: "new@example.com",
}

# Words of a fixed set, without which a page could not show the row, nor a service read it.
WORDS = {
    "behaviour.Upload.kind": "events",
    "consent.ConsentFlag.kind": "objection",
    "evidence.EvidenceExport.kind": "audit",
    "jobs.Version.manifest": {"sources": [{"name": "popular_30d", "metrics": {}}]},
    "rights.RightsRequest.kind": "access",
    "rights.RightsRequest.law": "gdpr",
    "rights.ProfileRemoval.category": "Lights",
}


# Table -> a column that may be given -> what others then are: a row may name one of them alone.
THEN = {"rights.ProfileRemoval": {"item": {"category": ""}}}


def fill_every_table() -> dict[type[models.Model], models.Model]:
    """A row of the tenant in scope in each table that has none; the last row of each."""
    rows: dict[type[models.Model], models.Model] = {}
    for model in OWNED:
        _row_of(model, rows)
    return rows


def _row_of(
    model: type[models.Model], rows: dict[type[models.Model], models.Model]
) -> models.Model:
    if model not in rows:
        rows[model] = model.objects.order_by("pk").last() or _new(model, rows)
    return rows[model]


def _new(model: type[models.Model], rows: dict[type[models.Model], models.Model]) -> models.Model:
    """A person is made as the product makes one, with a key that opens: services do open it."""
    if model is Subject:
        (subject_id,) = resolve([f"text {uuid7()}"]).values()
        return Subject.objects.get(pk=subject_id)
    return make_row(model, rows)


def make_row(
    model: type[models.Model], rows: dict[type[models.Model], models.Model], **given: Any
) -> models.Model:
    """A new row; `rows` are those it may refer to, more are made where one is missing."""
    then = THEN.get(model._meta.label, {})
    given = {
        **{name: value for each in given for name, value in then.get(each, {}).items()},
        **given,
    }
    values: dict[str, Any] = dict(given)
    for field in model._meta.concrete_fields:
        if (
            field.name in given
            or field.has_default()
            or field.null
            or field.generated
            or field.primary_key
        ):
            continue
        if field.is_relation:
            values[field.name] = _target(field, rows)
        elif not getattr(field, "auto_now_add", False) and not getattr(field, "auto_now", False):
            word = WORDS.get(f"{model._meta.label}.{field.name}")
            values[field.name] = word or _value(field)
    if model._meta.label == "behaviour.Event":  # its id is an identity column of the database
        return _event(values)
    return model.objects.create(**values)


def _target(field: Any, rows: dict[type[models.Model], models.Model]) -> models.Model:
    target = field.related_model
    return _row_of(target, rows) if issubclass(target, TenantOwned) else target.objects.first()


def _value(field: models.Field) -> Any:
    if isinstance(field, models.UUIDField):
        return uuid7()
    if isinstance(field, models.BinaryField):
        return uuid7().bytes
    if isinstance(field, models.TextField):
        return f"text {uuid7()}"
    return VALUES[type(field)]


def _event(values: dict[str, Any]) -> models.Model:
    from django.db import connection

    from tenants.behaviour.models import Event
    from tenants.isolation.scope import current_tenant

    with connection.cursor() as cursor:
        cursor.execute(
            "insert into behaviour_event (tenant_id, occurred_at, subject_id, item_id, type, dedup)"
            " values (%s, %s, %s, %s, 1, %s)",
            [current_tenant(), ANY_MOMENT, values["subject"].pk, values["item"].pk, uuid7()],
        )
    return Event.objects.get()
