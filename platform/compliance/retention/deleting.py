"""How rows of a class are deleted whose time is over: a few at a time, oldest or not, none newer.

Each function takes a moment and a number, deletes at most that many rows of the tenant in scope
that are older, and returns how many it was.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import connection
from django.db.models import Model
from django.utils.timezone import now

from tenants.isolation.scope import current_tenant
from training.jobs import life
from training.jobs.erasing import destroy_data
from training.jobs.models import Job, Snapshot

Delete = Callable[[datetime, int], int]

# Records go together with the others of their person and purpose, or a withdrawal that went first
# would bring back the grant before it; and none goes on which frozen data still rest.
CONSENTS = """
with over as (
    select r.subject_id, r.purpose from consent_consentrecord r
    group by 1, 2 having count(*) = count(*) filter (where r.retention_until < %(before)s)
        and not bool_or(exists (select from jobs_snapshotsubject s
            where s.tenant_id = r.tenant_id and s.consent_record_id = r.id)) limit %(most)s
), states as (
    delete from consent_consentstate s using over
    where s.subject_id = over.subject_id and s.purpose = over.purpose
)
delete from consent_consentrecord r using over
where r.subject_id = over.subject_id and r.purpose = over.purpose
"""


def rows_of(model: type[Model], column: str, condition: str = "true") -> Delete:
    """Rows of a table by the time in `column`; `condition` is SQL of ours alone."""
    table = model._meta.db_table
    # Names and conditions of our own tables.
    statement = (
        f"delete from {table} where ctid = any(array("  # nosec B608
        f"select ctid from {table} where {column} < %s and {condition} limit %s))"
    )

    def delete(before: datetime, most: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, [before, most])
            return int(cursor.rowcount)

    return delete


def consents(before: datetime, most: int) -> int:
    """Consent records whose own `retention_until` lies before `before`, and their states."""
    with connection.cursor() as cursor:
        cursor.execute("select exists (select from consent_consentrecord"
                       " where retention_until < %s)", [before])  # fmt: skip
        if not cursor.fetchone()[0]:  # the usual case, without a look at every record
            return 0
        cursor.execute(CONSENTS, {"before": before, "most": most})
        return int(cursor.rowcount)


def training_data(before: datetime, most: int) -> int:
    """Frozen data of jobs that ended before `before`; their hashes, counts and lineage stay.

    StillRunning, StoreUnreachable end it until the next run.
    """
    ended = Job.objects.filter(
        state__in=life.ENDED, finished_at__lt=before, snapshot__destroyed_at=None
    ).exclude(snapshot=None)
    found = list(ended.order_by("finished_at").values_list("id", "snapshot_id")[:most])
    snapshots = {snapshot_id for _, snapshot_id in found}
    running = Job.objects.filter(snapshot__in=snapshots).exclude(
        state__in=life.ENDED, finished_at__lt=before
    )
    kept = set(running.values_list("snapshot_id", flat=True))
    over = [(job_id, snapshot_id) for job_id, snapshot_id in found if snapshot_id not in kept]
    Snapshot.objects.filter(pk__in=[snapshot_id for _, snapshot_id in over]).update(
        destroyed_at=now()
    )
    for job_id, _ in over:
        destroy_data(current_tenant(), job_id)
    return len(over)
