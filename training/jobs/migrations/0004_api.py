"""What the API shows of a job: the tenant's own metadata, ids of events, the moment of a point."""

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.utils.timezone import now

from tenants.ids import uuid7


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_life")]

    operations = [
        migrations.AddField("job", "metadata", models.JSONField(default=dict)),
        migrations.AddField(
            "jobmetric", "at", models.DateTimeField(auto_now_add=True, default=now), False
        ),
        # The database gives every row that is there an id of its own: no statement could, for
        # the owner of the tables sees no tenant's rows.
        migrations.AddField("jobevent", "event_id", models.UUIDField(db_default=RandomUUID())),
        migrations.AlterField(
            "jobevent", "event_id", models.UUIDField(default=uuid7, editable=False)
        ),
        migrations.AddConstraint(
            "jobevent",
            models.UniqueConstraint(fields=["tenant_id", "event_id"], name="job_event_id_once"),
        ),
    ]
