"""Why what a streamed request told was not accepted stays with its record."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0006_withheld")]

    operations = [
        migrations.AddField(
            model_name="eventbatch", name="outcomes", field=models.JSONField(default=list)
        ),
    ]
