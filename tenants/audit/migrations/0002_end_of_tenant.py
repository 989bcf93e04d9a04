"""The log ends with its tenant's time; its seals stay."""

from django.db import migrations

from tenants.isolation.policies import ends_with_tenant, withhold


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("isolation", "0002_closing")]

    operations = [
        migrations.RunSQL(
            ends_with_tenant("audit_audithead", guard=True),
            [
                "drop trigger ends_with_tenant on audit_audithead",
                withhold("audit_audithead", "delete"),
            ],
        ),
        *(
            migrations.RunSQL(ends_with_tenant(table), withhold(table, "delete"))
            for table in ("audit_auditentry", "audit_sealedrow")
        ),
        # What remains of a tenant: nobody may ever delete a seal.
        migrations.RunSQL(withhold("audit_seal", "delete"), migrations.RunSQL.noop),
    ]
