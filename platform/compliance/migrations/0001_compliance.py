"""Chosen times, the tenant's own statements; and what the database lets go after its time.

Consent records and outcomes of streamed events were refused every DELETE. Now a record goes when
its own end of retention has passed, an outcome after half a year (AI Act 19), and no sooner.
"""

from django.db import migrations, models

import tenants.isolation.scope
from tenants.isolation.operations import IsolateTenant

LET_GO = """
drop trigger append_only on {table};
create trigger append_only before update on {table}
    for each row execute function app_append_only();
create trigger append_only_until before delete on {table}
    for each row when ({kept}) execute function app_append_only();
"""
HOLD = """
drop trigger append_only_until on {table};
drop trigger append_only on {table};
create trigger append_only before update or delete on {table}
    for each row execute function app_append_only();
"""
KEPT = {
    "consent_consentrecord": "old.retention_until is null"
    " or old.retention_until > statement_timestamp()",
    "behaviour_eventbatch": "old.received_at > statement_timestamp() - interval '180 days'",
}


def tenant_id() -> models.UUIDField:
    return models.UUIDField(default=tenants.isolation.scope.current_tenant, editable=False)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("isolation", "0002_closing"),
        ("consent", "0001_initial"),
        ("behaviour", "0002_event_batch"),
    ]

    operations = [
        migrations.CreateModel(
            name="RetentionChoice",
            fields=[
                ("tenant_id", tenant_id()),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.TextField()),
                ("days", models.IntegerField()),
                ("actor_ref", models.TextField()),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "code"), name="one_retention_choice"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("tenant_id", tenant_id()),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("text", models.TextField()),
                ("actor_ref", models.TextField()),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "name"), name="one_statement_per_question"
                    )
                ],
            },
        ),
        IsolateTenant("RetentionChoice"),
        IsolateTenant("Statement"),
        migrations.RunSQL(
            "".join(LET_GO.format(table=table, kept=kept) for table, kept in KEPT.items()),
            "".join(HOLD.format(table=table) for table in KEPT),
        ),
    ]
