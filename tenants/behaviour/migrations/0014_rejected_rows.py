import django.db.models.deletion
from django.db import migrations, models

import tenants.isolation.models
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0013_taken_back")]

    operations = [
        migrations.CreateModel(
            name="RejectedRows",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("batch", models.IntegerField()),
                ("codes", models.JSONField(default=dict)),
                ("bytes", models.IntegerField()),
                ("sealed", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "upload",
                    tenants.isolation.models.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rejected_rows",
                        to="behaviour.upload",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "upload", "batch"), name="rejected_once"
                    )
                ],
            },
        ),
        IsolateTenant("RejectedRows"),
    ]
