"""A new row is under the current version of the master key; the database's rows stay as they are."""

from django.db import migrations, models

from tenants.isolation.keys import current_version


class Migration(migrations.Migration):
    dependencies = [("subjects", "0002_suppression"), ("isolation", "0004_lasting_keys")]

    operations = [
        migrations.AlterField(
            "subject", "key_version", models.SmallIntegerField(default=current_version)
        ),
        migrations.AlterField(
            "suppression", "key_version", models.SmallIntegerField(default=current_version)
        ),
    ]
