"""Lineage ends with its tenant's time, and not before."""

from django.db import migrations

from tenants.isolation.policies import ends_with_tenant, withhold


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("isolation", "0002_closing")]

    operations = [
        migrations.RunSQL(
            ends_with_tenant("jobs_snapshotsubject"), withhold("jobs_snapshotsubject", "delete")
        ),
    ]
