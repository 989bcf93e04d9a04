"""Pages of a model's consents without sorting all of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0010_taint")]

    operations = [
        migrations.AddIndex(
            model_name="snapshotsubject",
            index=models.Index(
                fields=["tenant_id", "snapshot", "consent_record_id"], name="consents_of_snapshot"
            ),
        )
    ]
