"""Foreign consent signals as they came, and the tenant's table of what they mean."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.isolation.models
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant
from tenants.isolation.policies import ends_with_tenant, withhold

TENANT = (
    "tenant_id",
    models.UUIDField(default=tenants.isolation.scope.current_tenant, editable=False),
)
KEY = ("id", models.UUIDField(default=tenants.ids.uuid7, primary_key=True, serialize=False))


class Migration(migrations.Migration):
    dependencies = [("consent", "0005_use_table"), ("subjects", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SignalTable",
            fields=[
                TENANT,
                KEY,
                ("number", models.IntegerField()),
                ("rows", models.JSONField(default=list)),
                ("actor_ref", models.TextField()),
                ("created_at", models.DateTimeField()),
                (
                    "notice",
                    tenants.isolation.models.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signal_tables",
                        to="consent.notice",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "number"), name="signal_table_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentSignal",
            fields=[
                TENANT,
                KEY,
                ("kind", models.TextField()),
                ("value", models.TextField()),
                ("event_time", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "subject",
                    tenants.isolation.models.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consent_signals",
                        to="subjects.subject",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "subject"], name="signals_of_subject")
                ],
            },
        ),
        IsolateTenant("SignalTable", append_only=True),
        IsolateTenant("ConsentSignal", append_only=True, deletable=True),
        migrations.RunSQL(
            ends_with_tenant("consent_signaltable"), withhold("consent_signaltable", "delete")
        ),
    ]
