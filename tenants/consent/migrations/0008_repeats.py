"""When a no that is a record already was last heard again, and by what."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0007_coverage_day")]

    operations = [
        migrations.AddField(
            model_name="consentstate",
            name="repeated_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="consentstate",
            name="repeated_by",
            field=models.TextField(default=""),
        ),
    ]
