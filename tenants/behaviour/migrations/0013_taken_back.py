from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0012_event_types")]

    operations = [
        migrations.AddField("deletedact", "taken_back", models.BooleanField(default=False)),
    ]
