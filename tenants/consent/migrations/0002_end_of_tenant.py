"""Notices and consent records end with their tenant's time, and not before."""

from django.db import migrations

from tenants.isolation.policies import ends_with_tenant, withhold


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial"), ("isolation", "0002_closing")]

    operations = [
        migrations.RunSQL(ends_with_tenant(table), withhold(table, "delete"))
        for table in ("consent_notice", "consent_consentrecord")
    ]
