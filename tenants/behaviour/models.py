"""Items, events, uploads and the rows that consent holds back."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.audit.canonical import timestamp
from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantForeignKey, TenantOwned
from tenants.subjects.models import Subject


class Item(TenantOwned):
    """What can be recommended. `available` is false for what must not be shown now.

    `described` is false while only a public key has named it; then it is not available either.
    A removed one keeps its row, for events tell of it; it is shown nowhere and never available.
    """

    id = models.BigAutoField(primary_key=True)
    external_id = models.TextField()
    title = models.TextField(default="")
    text = models.TextField(default="")
    category = models.TextField(default="")
    price = models.FloatField(null=True)
    attributes = models.JSONField(default=dict)
    available = models.BooleanField(default=True)
    described = models.BooleanField(default=True)
    first_seen_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "external_id"], name="item_once")
        ]

    @property
    def public_id(self) -> str:
        """By which the API names it: the tenant's own id."""
        return self.external_id


class Event(TenantOwned):
    """One act of a subject on an item. `dedup` is a keyed hash: the same act counts once.

    The widest table of all: what each key and index costs stands in docs/decisions.md.
    """

    pk = models.CompositePrimaryKey("tenant_id", "dedup")
    # The order of arrival: an identity column, made in the migration, without an index of its own.
    id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    subject = models.ForeignKey(
        Subject, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    item = models.ForeignKey(Item, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    type = models.SmallIntegerField()
    value = models.FloatField(null=True)
    quantity = models.FloatField(null=True)
    dedup = models.UUIDField()
    # The upload or the event batch it came with; None for a row that was held back first.
    upload_id = models.UUIDField(null=True)
    context = models.JSONField(null=True)
    # Purposes for which this event may not be used, whatever its subject consented to.
    withheld = ArrayField(models.TextField(), null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "dedup"], name="event_once")]
        indexes = [
            # A subject's number is theirs alone in the whole installation.
            models.Index(fields=["subject", "occurred_at"], name="event_of_subject"),
            models.Index(fields=["tenant_id", "occurred_at"], name="event_time"),
        ]


class TenantEventType(TenantOwned):
    """What a tenant changed of an event type, or a type of its own (codes from `FIRST_OWN` up).

    Rows are never deleted: stored events bear their codes. `name` is as the tenant wrote it.
    """

    id = models.BigAutoField(primary_key=True)
    code = models.SmallIntegerField()
    name = models.TextField()
    weight = models.FloatField()
    trade = models.BooleanField()
    aliases = ArrayField(models.TextField(), default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "code"], name="event_type_once")
        ]


class Upload(TenantOwned):
    """One file with its report. The file is kept encrypted until it is processed.

    One for which a person says how it is read is looked into first, waits (`mapping`) and may be
    checked without anything being stored; `rehearsal` is what the latest such check found, or why
    the file could not be opened. `arrived` counts the bytes of one that comes in parts, `sha256`
    is empty until it is known.
    """

    kept_back = {"source_sealed": "secret"}

    RECEIVING, RECEIVED, RUNNING = "receiving", "received", "running"
    LOOKING, MAPPING, CHECKING = "looking", "mapping", "checking"
    DONE, FAILED = "done", "failed"
    # Before anybody said how it is read.
    ASKED = (LOOKING, MAPPING, CHECKING)
    # What a file may still be there for.
    OPEN = (RECEIVING, *ASKED, RECEIVED, RUNNING)
    # While something goes on by itself.
    MOVING = (RECEIVING, LOOKING, CHECKING, RECEIVED, RUNNING)
    COMPLETE = (*ASKED, RECEIVED, RUNNING, DONE)
    EVENTS, ITEMS, CONSENTS = "events", "items", "consents"
    KINDS = (EVENTS, ITEMS, CONSENTS)

    id = models.UUIDField(primary_key=True, default=uuid7)
    kind = models.TextField()
    name = models.TextField()
    bytes = models.BigIntegerField()
    sha256 = models.BinaryField()
    options = models.JSONField(default=dict)
    state = models.TextField(default=RECEIVED)
    # Null where the file came with its request.
    arrived = models.BigIntegerField(null=True)
    # When the latest part came.
    arrived_at = models.DateTimeField(null=True)
    # When a person last said something of it, or was told what they had asked.
    said_at = models.DateTimeField(null=True)
    # Where it is fetched from, without what may be a secret; that is sealed until the file is here.
    source = models.TextField(default="")
    source_sealed = models.BinaryField(null=True)
    # Rows read from the file, and rows whose outcome is settled: what the progress bar shows.
    rows = models.BigIntegerField(null=True)
    rows_done = models.BigIntegerField(default=0)
    report = models.JSONField(default=dict)
    rehearsal = models.JSONField(default=dict)
    # A code with parameters, worded when shown.
    error = models.JSONField(default=dict)
    actor_ref = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "-created_at"], name="upload_latest")]

    @property
    def public_id(self) -> str:
        return public_id("upload", self.id)

    @property
    def bytes_received(self) -> int:
        """How much of the file is here."""
        return self.bytes if self.arrived is None else self.arrived


class RejectedRows(TenantOwned):
    """Rejected rows of one batch of an upload as they came, sealed under the tenant's key for
    files, for a week; `codes` counts them by why they were rejected.
    """

    kept_back = {"*": "rejected"}

    id = models.BigAutoField(primary_key=True)
    upload = TenantForeignKey(Upload, related_name="rejected_rows")
    batch = models.IntegerField()
    codes = models.JSONField(default=dict)
    bytes = models.IntegerField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "upload", "batch"], name="rejected_once")
        ]


class RememberedMapping(TenantOwned):
    """How files of one kind with these headings were last read, to be proposed for the next one.

    `headings_sha256` is of the set of headings, whatever their order.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField()
    headings_sha256 = models.BinaryField()
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    confirmed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "headings_sha256"], name="mapping_once"
            )
        ]


class EventBatch(TenantOwned):
    """What became of one streamed request, append-only. Sealed in batches instead of chained:
    an entry per request would let a tenant's requests through one at a time only.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    actor_ref = models.TextField()
    received_at = models.DateTimeField()
    received = models.IntegerField()
    accepted = models.IntegerField()
    duplicate = models.IntegerField()
    quarantined = models.IntegerField()
    rejected = models.IntegerField()
    # SHA-256 over the keyed hashes of the acts that were stored or held back, in their order.
    acts_sha256 = models.BinaryField()
    # Why what was not accepted was not, in counts: the rows of `outcomes`.
    outcomes = models.JSONField(default=list)

    @property
    def public_id(self) -> str:
        return public_id("event batch", self.id)

    def content(self) -> dict[str, Any]:
        """What its leaf in the seal covers; a record without outcomes reads as they all did."""
        return {
            "v": 2 if self.outcomes else 1,
            **({"outcomes": self.outcomes} if self.outcomes else {}),
            "tenant": str(self.tenant_id),
            "id": str(self.id),
            "received_at": timestamp(self.received_at),
            "actor": self.actor_ref,
            "received": self.received,
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            "rejected": self.rejected,
            "acts_sha256": bytes(self.acts_sha256).hex(),
        }


class WaitingRequest(TenantOwned):
    """A tracking request that was acknowledged and is not landed yet: its body, packed and sealed
    under the tenant's key for files, for it holds raw ids. The id becomes that of its event batch.

    It is landed within a second or so. One that made landing fail by itself is tried again later
    and, after HELD_UP times, once an hour; `fault` says by which code.
    """

    kept_back = {"*": "waiting"}
    HELD_UP = 5

    id = models.UUIDField(primary_key=True, default=uuid7)
    actor_ref = models.TextField()
    trusted = models.BooleanField()
    received_at = models.DateTimeField()
    # That of the one message which the address takes; "" for a batch.
    kind = models.TextField(default="")
    # The most acts that it can come to, and the bytes of its body, inflated.
    acts = models.IntegerField()
    bytes = models.IntegerField()
    sealed = models.BinaryField()
    attempts = models.SmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    fault = models.TextField(default="")

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "id"], name="waiting_request_turn")]

    @property
    def public_id(self) -> str:
        return public_id("event batch", self.id)

    @property
    def held_up(self) -> bool:
        return self.attempts >= self.HELD_UP

    @property
    def state(self) -> str:
        return "held_up" if self.held_up else "waiting"


class QuarantinedRow(TenantOwned):
    """An event held back for want of consent: encrypted under the subject's own key, with an end.

    No query, export, snapshot or metric reads these; only a consent frees them.
    """

    kept_back = {"sealed": "no_consent"}

    id = models.BigAutoField(primary_key=True)
    subject = TenantForeignKey(Subject, related_name="quarantined")
    upload_id = models.UUIDField(null=True)
    row_no = models.BigIntegerField(null=True)
    code = models.TextField()
    sealed = models.BinaryField()
    # As the event's own: it is freed for another purpose alone.
    withheld = ArrayField(models.TextField(), null=True)
    dedup = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "dedup"], name="quarantined_once")
        ]
        indexes = [models.Index(fields=["tenant_id", "expires_at"], name="quarantine_end")]


class DeletedAct(TenantOwned):
    """The keyed hash of an act that was deleted for its person, taken back by a cancelled order, or
    of which a copy said that it is for nothing: sent again, it is not stored. Also that of a
    cancellation that took something back.
    """

    id = models.BigAutoField(primary_key=True)
    dedup = models.UUIDField()
    # By a cancelled order: of these a tenant itself may have many.
    taken_back = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "dedup"], name="deleted_act_once")
        ]
