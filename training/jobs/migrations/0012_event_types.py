from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_consents_of_snapshot")]

    operations = [
        migrations.AddField("snapshot", "event_types", models.JSONField(default=list)),
    ]
