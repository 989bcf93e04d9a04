"""A notice may be archived before it takes effect."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0003_flags")]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="effective_at",
            field=models.DateTimeField(null=True),
        ),
    ]
