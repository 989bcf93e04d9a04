"""Exports for auditors."""

from django.db import migrations, models

import tenants.ids
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    initial = True

    dependencies = [("isolation", "0002_closing")]

    operations = [
        migrations.CreateModel(
            name="EvidenceExport",
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
                ("state", models.TextField(default="waiting")),
                ("done", models.IntegerField(default=0)),
                ("total", models.IntegerField(default=0)),
                ("bytes", models.BigIntegerField(null=True)),
                ("sha256", models.BinaryField(null=True)),
                ("error", models.TextField(default="")),
                ("actor_ref", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("kind", models.TextField()),
                ("options", models.JSONField(default=dict)),
                ("manifest_sha256", models.BinaryField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "-created_at"], name="evidence_latest")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("waiting", "running"))),
                        fields=("tenant_id", "kind"),
                        name="one_open_evidence",
                    )
                ],
            },
        ),
        IsolateTenant("EvidenceExport"),
    ]
