"""The head is moved in the statement that finds it free."""

from django.db import migrations

from tenants.audit.linking import APPEND


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_linking")]

    operations = [migrations.RunSQL(APPEND, migrations.RunSQL.noop)]
