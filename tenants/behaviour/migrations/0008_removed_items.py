"""An item may be removed while events tell of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0007_batch_outcomes")]

    operations = [
        migrations.AddField(
            model_name="item", name="removed_at", field=models.DateTimeField(null=True)
        ),
    ]
