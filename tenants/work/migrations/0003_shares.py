"""Accounts of what each tenant used of a fair queue; they end with the tenant."""

from django.db import migrations, models

from tenants.isolation.policies import ends_with_tenant, withhold


class Migration(migrations.Migration):
    dependencies = [("work", "0002_end_of_tenant")]

    operations = [
        migrations.AddField("workitem", "expected", models.FloatField(default=0.0)),
        migrations.CreateModel(
            name="WorkShare",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("queue", models.TextField()),
                ("served", models.FloatField(default=0.0)),
                ("weight", models.FloatField(default=1.0)),
                ("at_once", models.IntegerField(default=1)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "queue"),
                        name="work_share_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("weight__gt", 0)),
                        name="work_share_weighs",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            ends_with_tenant("work_workshare", guard=True),
            [
                "drop trigger ends_with_tenant on work_workshare",
                withhold("work_workshare", "delete"),
            ],
        ),
    ]
