"""An event may say itself what it may not be used for."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0005_deleted_acts")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="withheld",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="quarantinedrow",
            name="withheld",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), null=True, size=None
            ),
        ),
    ]
