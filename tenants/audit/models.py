"""The append-only log: entries chained per tenant, their details aside, and batch seals."""

from typing import Any

from django.db import models

from tenants.audit.canonical import timestamp
from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantForeignKey, TenantOwned

# 1 hashed content and place at once; 2 in two steps, the second in the database.
ENTRY_FORMAT = 2


class AuditHead(TenantOwned):
    """The last link of a tenant's chain; whoever holds it may add the next."""

    seq = models.BigIntegerField(default=0)
    hash = models.BinaryField(default=bytes(32))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="audit_one_head")]


class EntryFacts(TenantOwned):
    """What an entry says, before and after it is linked into the chain."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    format = models.SmallIntegerField(default=ENTRY_FORMAT)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_type = models.TextField()
    actor_ref = models.TextField()
    actor_role = models.TextField(default="")
    actor_auth = models.TextField(default="")
    action = models.TextField()
    object_type = models.TextField()
    object_id = models.TextField(default="")
    object_version = models.TextField(default="")
    subject_ref = models.TextField(default="")
    purpose = models.TextField(default="")
    lawful_basis = models.TextField(default="")
    outcome = models.TextField(default="success")
    reason = models.TextField(default="")
    request_id = models.TextField(default="")
    policy_version = models.TextField(default="")
    details_commit = models.BinaryField()

    class Meta:
        abstract = True

    def facts(self) -> dict[str, Any]:
        """What its content hash covers, in the field names of the export format."""
        return {
            "v": self.format,
            "tenant": str(self.tenant_id),
            "id": str(self.id),
            "occurred_at": timestamp(self.occurred_at),
            "recorded_at": timestamp(self.recorded_at),
            "actor": {
                "type": self.actor_type,
                "ref": self.actor_ref,
                "role": self.actor_role,
                "auth": self.actor_auth,
            },
            "action": self.action,
            "object": {
                "type": self.object_type,
                "id": self.object_id,
                "version": self.object_version,
            },
            "subject_ref": self.subject_ref,
            "purpose": self.purpose,
            "lawful_basis": self.lawful_basis,
            "outcome": self.outcome,
            "reason": self.reason,
            "request_id": self.request_id,
            "policy_version": self.policy_version,
            "details_commit": bytes(self.details_commit).hex(),
        }


class AuditEntry(EntryFacts):
    """One governance event. The database refuses UPDATE, TRUNCATE and, before its time, DELETE."""

    seq = models.BigIntegerField()
    prev_hash = models.BinaryField()
    entry_hash = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "seq"], name="audit_entry_order")
        ]
        indexes = [models.Index(fields=["tenant_id", "action", "-seq"], name="audit_by_action")]

    @property
    def public_id(self) -> str:
        return public_id("audit entry", self.id)

    def content(self) -> dict[str, Any]:
        """The facts and their place in the chain: what an export shows and the hash covers."""
        return {**self.facts(), "seq": self.seq, "prev_hash": bytes(self.prev_hash).hex()}


class AuditWaiting(EntryFacts):
    """An entry whose writer found the chain's head taken, until it is linked (`linking`). The
    database lets it go only once it stands in the log, word for word.
    """

    content_hash = models.BinaryField()
    salt = models.BinaryField()
    details = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "recorded_at", "id"], name="audit_waits")]


class AuditDetail(TenantOwned):
    """The details behind a commitment. May be deleted: the chain still verifies without them."""

    entry = TenantForeignKey(AuditEntry, related_name="detail")
    salt = models.BinaryField()
    details = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "entry"], name="audit_one_detail")
        ]


class AuditCheckpoint(TenantOwned):
    """A signed root over the entries 1 to `size`. `edge` lets the tree go on from there."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    size = models.BigIntegerField()
    root = models.BinaryField()
    # The hash of the entry `size`: where a log that was pruned up to here begins.
    head_hash = models.BinaryField()
    edge = models.BinaryField()
    made_at = models.DateTimeField()
    # The hash of the checkpoint before, empty in the first.
    previous = models.BinaryField()
    key_id = models.TextField()
    signature = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "size"], name="audit_checkpoint_order")
        ]

    @property
    def public_id(self) -> str:
        return public_id("checkpoint of the log", self.id)

    def content(self) -> dict[str, Any]:
        """What its signature covers."""
        edge = bytes(self.edge)
        return {
            "v": 1,
            "tenant": str(self.tenant_id),
            "size": self.size,
            "root": bytes(self.root).hex(),
            "head": bytes(self.head_hash).hex(),
            "edge": [edge[start : start + 32].hex() for start in range(0, len(edge), 32)],
            "made_at": timestamp(self.made_at),
            "previous": bytes(self.previous).hex(),
        }


class CheckpointPlace(TenantOwned):
    """Where a tenant wants copies of its checkpoints: the name of a place that the installation
    offers. `copied` is the size up to which they lie there.
    """

    name = models.TextField()
    copied = models.BigIntegerField(default=0)
    copied_at = models.DateTimeField(null=True)
    # Why the last copy failed, as a code; "" when it did not.
    error = models.TextField(default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="audit_one_place")]


class Seal(TenantOwned):
    """A Merkle root over one batch of a stream of rows (the decision log), made once."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    stream = models.TextField()
    sealed_at = models.DateTimeField(auto_now_add=True)
    count = models.IntegerField()
    root = models.BinaryField()

    @property
    def public_id(self) -> str:
        return public_id("seal", self.id)


class SealedRow(TenantOwned):
    """One leaf of a seal: it outlives the row itself, so that erasure keeps the tree whole."""

    seal = TenantForeignKey(Seal, related_name="rows")
    stream = models.TextField()
    row_id = models.UUIDField()
    position = models.IntegerField()
    leaf = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "stream", "row_id"], name="sealed_once"),
        ]
