"""Entries that wait to be linked, so that no writer waits for another; entry format 2."""

from django.db import migrations, models

import tenants.ids
import tenants.isolation.scope
from tenants.audit.linking import DROP_FUNCTIONS, FUNCTIONS
from tenants.isolation.operations import IsolateTenant


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_checkpoints")]

    operations = [
        migrations.AlterField("auditentry", "format", models.SmallIntegerField(default=2)),
        migrations.CreateModel(
            name="AuditWaiting",
            fields=[
                (
                    "tenant_id",
                    models.UUIDField(
                        default=tenants.isolation.scope.current_tenant, editable=False
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=tenants.ids.uuid7, primary_key=True, serialize=False),
                ),
                ("format", models.SmallIntegerField(default=2)),
                ("occurred_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("actor_type", models.TextField()),
                ("actor_ref", models.TextField()),
                ("actor_role", models.TextField(default="")),
                ("actor_auth", models.TextField(default="")),
                ("action", models.TextField()),
                ("object_type", models.TextField()),
                ("object_id", models.TextField(default="")),
                ("object_version", models.TextField(default="")),
                ("subject_ref", models.TextField(default="")),
                ("purpose", models.TextField(default="")),
                ("lawful_basis", models.TextField(default="")),
                ("outcome", models.TextField(default="success")),
                ("reason", models.TextField(default="")),
                ("request_id", models.TextField(default="")),
                ("policy_version", models.TextField(default="")),
                ("details_commit", models.BinaryField()),
                ("content_hash", models.BinaryField()),
                ("salt", models.BinaryField()),
                ("details", models.JSONField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "recorded_at", "id"], name="audit_waits")
                ]
            },
        ),
        IsolateTenant("AuditWaiting", append_only=True, deletable=True),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
    ]
