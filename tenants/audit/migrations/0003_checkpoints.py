"""Signed checkpoints, copies of them, and what may be deleted behind one."""

from django.db import migrations, models

import tenants.ids
import tenants.isolation.scope
from tenants.audit.policies import NO_PRUNING, PRUNING
from tenants.isolation.operations import IsolateTenant
from tenants.isolation.policies import ends_with_tenant, withhold

OWN = models.UUIDField(default=tenants.isolation.scope.current_tenant, editable=False)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_end_of_tenant")]

    operations = [
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("tenant_id", OWN.clone()),
                (
                    "id",
                    models.UUIDField(default=tenants.ids.uuid7, primary_key=True, serialize=False),
                ),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("head_hash", models.BinaryField()),
                ("edge", models.BinaryField()),
                ("made_at", models.DateTimeField()),
                ("previous", models.BinaryField()),
                ("key_id", models.TextField()),
                ("signature", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "size"), name="audit_checkpoint_order"
                    )
                ]
            },
        ),
        IsolateTenant("AuditCheckpoint", append_only=True),
        migrations.RunSQL(
            ends_with_tenant("audit_auditcheckpoint"), withhold("audit_auditcheckpoint", "delete")
        ),
        migrations.CreateModel(
            name="CheckpointPlace",
            fields=[
                ("tenant_id", OWN.clone()),
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.TextField()),
                ("copied", models.BigIntegerField(default=0)),
                ("copied_at", models.DateTimeField(null=True)),
                ("error", models.TextField(default="")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id",), name="audit_one_place")
                ]
            },
        ),
        IsolateTenant("CheckpointPlace"),
        migrations.RunSQL(PRUNING, NO_PRUNING),
    ]
