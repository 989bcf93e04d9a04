from django.db import migrations, models

import tenants.ids
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="EventBatch",
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
                ("received_at", models.DateTimeField()),
                ("received", models.IntegerField()),
                ("accepted", models.IntegerField()),
                ("duplicate", models.IntegerField()),
                ("quarantined", models.IntegerField()),
                ("rejected", models.IntegerField()),
                ("acts_sha256", models.BinaryField()),
            ],
            options={"abstract": False},
        ),
        IsolateTenant("EventBatch", append_only=True),
    ]
