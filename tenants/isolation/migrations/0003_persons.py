from django.db import migrations

from tenants.isolation import policies


class Migration(migrations.Migration):
    dependencies = [("isolation", "0002_closing")]

    operations = [
        migrations.RunSQL(policies.PERSON_FUNCTIONS, policies.DROP_PERSON_FUNCTIONS),
    ]
