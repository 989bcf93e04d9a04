"""When a no that is a record already was last heard again, and by what; children by guardian."""

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
        migrations.AddIndex(
            model_name="consentrecord",
            index=models.Index(
                condition=models.Q(guardian_record_id__isnull=False),
                fields=["tenant_id", "guardian_record_id"],
                name="consent_guardians",
            ),
        ),
    ]
