"""What each gate answered about a version, requests to approve in spite of a failed one, and when
a tenant trains anew by itself.
"""

import django.db.models.deletion
from django.db import migrations, models

import tenants.isolation.models
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_record")]

    operations = [
        migrations.AddField("version", "gates", models.JSONField(default=list)),
        migrations.CreateModel(
            name="VersionOverride",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                ("asked_by", models.TextField()),
                ("asked_at", models.DateTimeField(auto_now=True)),
                ("confirmed_by", models.TextField(default="")),
                ("confirmed_at", models.DateTimeField(null=True)),
                (
                    "version",
                    tenants.isolation.models.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overrides",
                        to="jobs.version",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="versionoverride",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "version"), name="override_once"
            ),
        ),
        migrations.CreateModel(
            name="RetrainingRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                ("every_days", models.IntegerField(default=7)),
                ("new_share", models.FloatField(default=0.2)),
                ("unknown_share", models.FloatField(default=0.2)),
                ("actor_ref", models.TextField(default="")),
                ("looked_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="retrainingrule",
            constraint=models.UniqueConstraint(fields=("tenant_id",), name="one_retraining_rule"),
        ),
        IsolateTenant("VersionOverride"),
        IsolateTenant("RetrainingRule"),
    ]
