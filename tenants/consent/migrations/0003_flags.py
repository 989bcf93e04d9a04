"""Restrictions and objections: facts that lie over every consent."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.isolation.models
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("consent", "0002_end_of_tenant"), ("subjects", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="ConsentFlag",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=tenants.ids.uuid7, primary_key=True, serialize=False),
                ),
                ("kind", models.TextField()),
                ("raised", models.BooleanField()),
                (
                    "purposes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), null=True, size=None
                    ),
                ),
                ("reason", models.TextField(default="")),
                ("actor_ref", models.TextField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "subject",
                    tenants.isolation.models.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consent_flags",
                        to="subjects.subject",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "subject"], name="consent_flags_of_subject")
                ],
            },
        ),
        IsolateTenant("ConsentFlag", append_only=True, deletable=True),
    ]
