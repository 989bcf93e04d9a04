"""Keys that outlive a rotation of the master key, and under which version a tenant was made."""

from django.db import migrations, models

import tenants.isolation.keys
import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("isolation", "0003_persons")]

    operations = [
        # Without a default in the database rows of before would have none: they were made under 1.
        migrations.AddField("knowntenant", "key_version", models.SmallIntegerField(default=1)),
        migrations.AlterField(
            "knowntenant",
            "key_version",
            models.SmallIntegerField(default=tenants.isolation.keys.current_version),
        ),
        migrations.CreateModel(
            name="LastingKey",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("use", models.TextField()),
                ("wrapped", models.BinaryField()),
                ("key_version", models.SmallIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "use"), name="one_lasting_key")
                ],
            },
        ),
        IsolateTenant("LastingKey"),
    ]
