"""Fewer and smaller keys for events: the act itself is the key, and a subject's history needs no
tenant beside the subject's number. No row is rewritten, and writers go on meanwhile: the new index
is built beside them, before the old one goes.
"""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # an index cannot be built beside writers inside a transaction

    dependencies = [("behaviour", "0008_removed_items")]

    operations = [
        # One that was interrupted leaves an index that is no good.
        migrations.RunSQL(
            "drop index concurrently if exists event_of_subject", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            "event", models.Index(fields=["subject", "occurred_at"], name="event_of_subject")
        ),
        RemoveIndexConcurrently("event", "event_history"),
        # `event_once` keeps acts apart as it did, over the same two columns as the new key.
        migrations.RunSQL(
            "alter table behaviour_event drop constraint behaviour_event_pkey",
            "alter table behaviour_event add primary key (tenant_id, id)",
            state_operations=[
                migrations.AlterField(
                    "event",
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id",
                        "dedup",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                )
            ],
        ),
    ]
