"""Snapshots with their lineage, fine-tuning jobs with their progress, and model versions."""

from django.db import models

from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantForeignKey, TenantOwned
from tenants.subjects.models import Subject
from training.engine.params import AUTO
from training.jobs import life


class Snapshot(TenantOwned):
    """The frozen, hashed data that one training run may see. Its files may be destroyed later."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    purpose = models.TextField()
    # Which table use -> purpose was in force: its hash, so that a later change shows.
    policy_version = models.TextField()
    sha256 = models.BinaryField()
    files = models.JSONField(default=dict)
    events = models.BigIntegerField()
    subjects = models.IntegerField()
    items = models.IntegerField()
    # Events left out, by the code of the reason.
    excluded = models.JSONField(default=dict)
    # The table of event types as it was: what each weighed in what is learnt from these data.
    event_types = models.JSONField(default=list)
    first_event_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True)
    # Why somebody in it must not be learnt from any more, a row of `taints.TAINTS`; "" for nobody.
    taint = models.TextField(default="")
    tainted_at = models.DateTimeField(null=True)

    @property
    def public_id(self) -> str:
        return public_id("snapshot", self.id)


class SnapshotSubject(TenantOwned):
    """That a subject is in a snapshot, how much of them, and the consent record relied on."""

    id = models.BigAutoField(primary_key=True)
    snapshot = TenantForeignKey(Snapshot, related_name="members")
    subject = TenantForeignKey(Subject, related_name="snapshots")
    consent_record_id = models.UUIDField()
    events = models.IntegerField()
    content_hash = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "snapshot", "subject"],
                name="snapshot_subject_once",
            )
        ]
        indexes = [
            models.Index(fields=["tenant_id", "subject"], name="snapshots_of_subject"),
            models.Index(fields=["tenant_id", "consent_record_id"], name="snapshots_of_consent"),
            # A model's consents are read page by page in the order of their ids.
            models.Index(
                fields=["tenant_id", "snapshot", "consent_record_id"], name="consents_of_snapshot"
            ),
        ]


class Job(TenantOwned):
    """One fine-tuning run. The row is the truth; its files lie in a folder of its own."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.TextField(default="")
    task = models.TextField(default="recommendation")
    base_model = models.TextField()
    method = models.TextField(default="lora")
    params = models.JSONField(default=dict)
    # Names and values of the tenant's own, as they came: we read nothing in them.
    metadata = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    trigger = models.TextField(default="manual")
    # One of `life.STATES`; see there how one follows another.
    state = models.TextField(default=life.VALIDATING)
    snapshot = TenantForeignKey(Snapshot, null=True, related_name="jobs")
    attempts = models.IntegerField(default=0)
    # Attempts that ended without getting beyond `failed_fraction`: three make the job fail.
    failures = models.SmallIntegerField(default=0)
    failed_fraction = models.FloatField(default=-1.0)
    # The last progress line of the engine: stage, fraction, eta_seconds, rss_mb, …
    progress = models.JSONField(default=dict)
    error = models.JSONField(default=dict)
    # events, subjects, items and device_seconds, as they were expected before the start.
    estimate = models.JSONField(default=dict)
    device = models.TextField(default="")
    device_seconds = models.FloatField(default=0.0)
    actor_ref = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "-created_at"], name="job_latest")]

    @property
    def public_id(self) -> str:
        return public_id("job", self.id)

    @property
    def devices(self) -> int:
        """How many devices train it together."""
        chosen = self.params.get("devices", AUTO)
        return 1 if chosen == AUTO else int(chosen)


class JobMetric(TenantOwned):
    """One point of a curve: training loss, validation NDCG@10, by series and step."""

    id = models.BigAutoField(primary_key=True)
    job = TenantForeignKey(Job, related_name="metrics")
    series = models.TextField()
    name = models.TextField()
    step = models.IntegerField()
    value = models.FloatField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "job", "series", "name", "step"],
                name="metric_point_once",
            )
        ]


class JobEvent(TenantOwned):
    """What happened to a job, as a code with parameters, worded when shown."""

    id = models.BigAutoField(primary_key=True)
    # What the API calls it: the number beside it counts the events of all tenants.
    event_id = models.UUIDField(default=uuid7, editable=False)
    job = TenantForeignKey(Job, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    level = models.TextField(default="info")
    code = models.TextField()
    params = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "event_id"], name="job_event_id_once")
        ]

    @property
    def public_id(self) -> str:
        return public_id("job event", self.event_id)


class Version(TenantOwned):
    """A trained, evaluated bundle; `manifest` is the engine's own, with every source's metrics."""

    EVALUATED, APPROVED = "evaluated", "approved"
    # Tainted, and its weights destroyed: after a clean one took its place, or with none yet.
    REPLACED, RETIRED = "replaced", "retired"
    GONE = (REPLACED, RETIRED)

    id = models.UUIDField(primary_key=True, default=uuid7)
    number = models.IntegerField()
    task = models.TextField(default="recommendation")
    job = TenantForeignKey(Job, related_name="versions")
    snapshot = TenantForeignKey(Snapshot, related_name="versions")
    parent = TenantForeignKey("self", null=True, related_name="children")
    manifest = models.JSONField()
    manifest_sha256 = models.BinaryField()
    bytes = models.BigIntegerField()
    # What each gate answered when the version was made, see `training.jobs.gates`.
    gates = models.JSONField(default=list)
    state = models.TextField(default=EVALUATED)
    approved_by = models.TextField(default="")
    approved_at = models.DateTimeField(null=True)
    # A row of `taints.TAINTS`, "" for a clean one. From `due_at` on it serves no more, nor once it
    # is stopped; then its weights are destroyed.
    taint = models.TextField(default="")
    tainted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["tenant_id", "job"], name="version_of_job_once"),
        ]

    @property
    def public_id(self) -> str:
        return public_id("version", self.id)

    @property
    def is_gone(self) -> bool:
        return self.state in self.GONE

    @property
    def fate(self) -> str:
        """clean, tainted, stopped, replaced or retired."""
        if self.is_gone:
            return self.state
        return ("stopped" if self.stopped_at else "tainted") if self.taint else "clean"

    @property
    def serves(self) -> str:
        """The name of the score source that won on validation."""
        return str(self.manifest.get("serves", ""))


class VersionOverride(TenantOwned):
    """That somebody wants a version approved in spite of a failed gate, and who else agreed."""

    id = models.BigAutoField(primary_key=True)
    version = TenantForeignKey(Version, related_name="overrides")
    reason = models.TextField()
    asked_by = models.TextField()
    asked_at = models.DateTimeField(auto_now=True)
    confirmed_by = models.TextField(default="")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "version"], name="override_once")
        ]


class Publication(TenantOwned):
    """Which version serves a task. Publishing and rolling back change this one row."""

    id = models.BigAutoField(primary_key=True)
    task = models.TextField(default="recommendation")
    version = TenantForeignKey(Version, related_name="publications")
    previous = TenantForeignKey(Version, null=True, related_name="replaced_publications")
    published_at = models.DateTimeField()
    published_by = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "task"], name="one_published_per_task")
        ]


class RetrainingRule(TenantOwned):
    """When a tenant trains anew by itself, under a standing approval; 0 switches a reason off."""

    every_days = models.IntegerField(default=7)
    # Shares of 1: consented events since the last snapshot, recent events on unknown items.
    new_share = models.FloatField(default=0.2)
    unknown_share = models.FloatField(default=0.2)
    # In how many days a version is replaced that holds traces of whoever has gone.
    replace_days = models.SmallIntegerField(default=30)
    actor_ref = models.TextField(default="")
    # When the data were last counted for it: that reads all events, so it is done once an hour.
    looked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="one_retraining_rule")]


class DeclaredGroups(TenantOwned):
    """By what a tenant wants its versions checked for fairness; "" for not at all."""

    # A key of the events' context.
    subjects = models.TextField(default="")
    # `category`, or `attributes.` and a key of the items' attributes.
    items = models.TextField(default="")
    actor_ref = models.TextField(default="")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="one_declared_groups")]


class StandingApproval(TenantOwned):
    """A recorded decision that versions which pass their gates may publish without a person."""

    enabled = models.BooleanField()
    reason = models.TextField()
    actor_ref = models.TextField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="one_standing_approval")]


class Device(models.Model):
    """A worker that runs jobs, and what it runs them on, as it told last. No tenant's table."""

    worker = models.TextField(unique=True)
    # The name under which this worker's leases are held.
    owner = models.TextField()
    host = models.TextField()
    # As the engine names it (cpu, cuda:0), and as its maker does.
    device = models.TextField()
    model = models.TextField(default="")
    slots = models.IntegerField()
    # Those that it sees; 0 where it computes on processors.
    gpus = models.IntegerField(default=0)
    last_seen = models.DateTimeField()

    @property
    def widest(self) -> int:
        """How many devices one job can have here: its slots, or the GPUs where these are fewer."""
        return min(self.slots, self.gpus or self.slots)
