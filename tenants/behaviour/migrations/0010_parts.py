"""An upload may arrive in parts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0009_event_layout")]

    operations = [
        migrations.AddField("upload", "arrived", models.BigIntegerField(null=True)),
        migrations.AddField("upload", "arrived_at", models.DateTimeField(null=True)),
    ]
