"""The queue forgets a tenant whose time is over, and no other."""

from django.db import migrations

from tenants.isolation.policies import ends_with_tenant, withhold


class Migration(migrations.Migration):
    dependencies = [("work", "0001_initial"), ("isolation", "0002_closing")]

    operations = [
        migrations.RunSQL(
            ends_with_tenant("work_workitem", guard=True),
            [
                "drop trigger ends_with_tenant on work_workitem",
                withhold("work_workitem", "delete"),
            ],
        ),
    ]
