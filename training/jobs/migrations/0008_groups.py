"""By which groups of people and of items a tenant wants its versions checked for fairness."""

from django.db import migrations, models

import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_gates")]

    operations = [
        migrations.CreateModel(
            name="DeclaredGroups",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                ("subjects", models.TextField(default="")),
                ("items", models.TextField(default="")),
                ("actor_ref", models.TextField(default="")),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="declaredgroups",
            constraint=models.UniqueConstraint(fields=("tenant_id",), name="one_declared_groups"),
        ),
        IsolateTenant("DeclaredGroups"),
    ]
