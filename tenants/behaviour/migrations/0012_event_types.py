import django.contrib.postgres.fields
from django.db import migrations, models

import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0011_sources")]

    operations = [
        migrations.CreateModel(
            name="TenantEventType",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.SmallIntegerField()),
                ("name", models.TextField()),
                ("weight", models.FloatField()),
                ("trade", models.BooleanField()),
                (
                    "aliases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), default=list, size=None
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "code"), name="event_type_once")
                ],
            },
        ),
        IsolateTenant("TenantEventType"),
    ]
