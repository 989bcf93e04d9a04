"""Functions, grants and the register. Runs before any other app's first migration."""

from django.db import migrations, models

from tenants.isolation import policies


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    run_before = [("contenttypes", "0001_initial"), ("sessions", "0001_initial")]

    operations = [
        migrations.RunSQL(policies.FUNCTIONS, policies.DROP_FUNCTIONS),
        migrations.RunSQL(policies.GRANTS, policies.REVOKE_GRANTS),
        migrations.CreateModel(
            "KnownTenant",
            fields=[
                ("tenant_id", models.UUIDField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        # The register only grows while tenants are made.
        migrations.RunSQL(
            policies.withhold("isolation_knowntenant", "update", "delete"),
            migrations.RunSQL.noop,
        ),
    ]
