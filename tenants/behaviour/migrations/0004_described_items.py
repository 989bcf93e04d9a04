"""Items that only a public key has named are told from those that the tenant described."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0003_end_of_tenant")]

    operations = [
        migrations.AddField("item", "described", models.BooleanField(default=True)),
    ]
