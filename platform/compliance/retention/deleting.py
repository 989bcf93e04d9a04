"""How rows of a class are deleted whose time is over: a few at a time, oldest or not, none newer.

Each function takes a moment and a number, deletes at most that many rows of the tenant in scope
that are older, and returns how many it was. All of it is rows: files go behind them.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import connection
from django.db.models import Exists, Model, OuterRef, Q
from django.utils.timezone import now

from tenants.subjects.models import Subject
from training.jobs import life
from training.jobs.models import Job, Snapshot

Delete = Callable[[datetime, int], int]

# Records go together with the others of their person and purpose, or a withdrawal that went first
# would bring back the grant before it; and none goes on which frozen data still rest.
OVER = """
    select r.subject_id, r.purpose from consent_consentrecord r {among}
    group by 1, 2 having count(*) = count(*) filter (where r.retention_until < %(before)s)
        and not bool_or(exists (select from jobs_snapshotsubject s
            where s.tenant_id = r.tenant_id and s.consent_record_id = r.id))
"""
CHOICE = OVER.format(among="") + "limit %(most)s"
CONSENTS = f"""
with over as ({OVER.format(among="where r.subject_id = any(%(people)s)")}), states as (
    delete from consent_consentstate s using over
    where s.subject_id = over.subject_id and s.purpose = over.purpose
)
delete from consent_consentrecord r using over
where r.subject_id = over.subject_id and r.purpose = over.purpose
"""  # nosec B608 # words of our own


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
    """Consent records whose own `retention_until` lies before `before`, and their states; `most`
    counts people's purposes.

    The people are locked first, in order, as whoever folds a state locks them, and then asked
    again: an act that was recorded meanwhile keeps its purpose's records and its state.
    """
    with connection.cursor() as cursor:
        cursor.execute("select exists (select from consent_consentrecord"
                       " where retention_until < %s)", [before])  # fmt: skip
        if not cursor.fetchone()[0]:  # the usual case, without a look at every record
            return 0
        cursor.execute(CHOICE, {"before": before, "most": most})
        people = sorted({subject_id for subject_id, _ in cursor.fetchall()})
        locked = Subject.objects.filter(id__in=people).order_by("id").select_for_update()
        list(locked.values_list("id", flat=True))
        cursor.execute(CONSENTS, {"before": before, "people": people})
        return int(cursor.rowcount)


def training_data(before: datetime, most: int) -> int:
    """Mark frozen data as destroyed on which only jobs rest that ended before `before`; hashes,
    counts and lineage stay. The files go once that is committed, see `leftovers`.
    """
    jobs = Job.objects.filter(snapshot=OuterRef("pk"))
    over = Q(state__in=life.ENDED, finished_at__lt=before)
    found = Snapshot.objects.filter(Exists(jobs.filter(over)), destroyed_at=None)
    chosen = found.exclude(Exists(jobs.exclude(over))).order_by("created_at", "id")[:most]
    return Snapshot.objects.filter(pk__in=list(chosen.values_list("pk", flat=True))).update(
        destroyed_at=now()
    )
