"""The tenant's own table use -> purposes."""

from django.db import migrations, models

import tenants.ids
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant
from tenants.isolation.policies import ends_with_tenant, withhold


class Migration(migrations.Migration):
    dependencies = [("consent", "0004_notice_effective")]

    operations = [
        migrations.CreateModel(
            name="UseTable",
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
                ("number", models.IntegerField()),
                ("uses", models.JSONField()),
                ("policy_version", models.TextField()),
                ("actor_ref", models.TextField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "number"), name="use_table_once")
                ],
            },
        ),
        IsolateTenant("UseTable", append_only=True),
        migrations.RunSQL(
            ends_with_tenant("consent_usetable"), withhold("consent_usetable", "delete")
        ),
    ]
