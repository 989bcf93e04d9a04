"""How many GPUs a worker sees."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0008_groups")]

    operations = [migrations.AddField("device", "gpus", models.IntegerField(default=0))]
