"""Coverage by day."""

from django.db import migrations, models

import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("consent", "0006_signals")]

    operations = [
        migrations.CreateModel(
            name="CoverageDay",
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
                ("day", models.DateField()),
                ("known", models.BigIntegerField()),
                ("recorded", models.BigIntegerField()),
                ("usable", models.JSONField(default=dict)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "day"), name="coverage_day_once")
                ],
            },
        ),
        IsolateTenant("CoverageDay"),
    ]
