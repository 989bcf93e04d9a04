from django.db import migrations

from tenants.isolation import policies


class Migration(migrations.Migration):
    dependencies = [("isolation", "0004_lasting_keys")]

    operations = [migrations.RunSQL(policies.PERSON_ASKED, policies.DROP_PERSON_ASKED)]
