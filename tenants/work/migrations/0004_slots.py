"""Work may take several slots of its worker."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("work", "0003_shares")]

    operations = [
        migrations.AddField("workitem", "slots", models.SmallIntegerField(db_default=1, default=1)),
    ]
