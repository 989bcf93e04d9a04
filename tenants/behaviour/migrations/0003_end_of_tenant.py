"""Streamed requests' records end with their tenant's time."""

from django.db import migrations

from tenants.isolation.policies import ends_with_tenant, withhold

TABLE = "behaviour_eventbatch"


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0002_event_batch"), ("isolation", "0002_closing")]

    operations = [migrations.RunSQL(ends_with_tenant(TABLE), withhold(TABLE, "delete"))]
