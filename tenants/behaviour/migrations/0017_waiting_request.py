from django.db import migrations, models

import tenants.ids
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0016_said_at")]

    operations = [
        migrations.CreateModel(
            name="WaitingRequest",
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
                ("actor_ref", models.TextField()),
                ("trusted", models.BooleanField()),
                ("received_at", models.DateTimeField()),
                ("kind", models.TextField(default="")),
                ("acts", models.IntegerField()),
                ("bytes", models.IntegerField()),
                ("sealed", models.BinaryField()),
                ("attempts", models.SmallIntegerField(default=0)),
                ("retry_at", models.DateTimeField(null=True)),
                ("fault", models.TextField(default="")),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "id"], name="waiting_request_turn")],
            },
        ),
        IsolateTenant("WaitingRequest"),
    ]
