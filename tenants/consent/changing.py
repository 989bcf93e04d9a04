"""What a changed notice does to the consents under earlier versions: they rest until renewed.

The end of reliance is set in the transaction that archives the notice, for all subjects at once, so
that nobody relies on one a moment longer; which word the state bears follows in batches.
"""

from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.ledger import NOTICES, Notices, refold
from tenants.consent.models import Notice
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.queue import Lease

BATCH = 2_000
# How long after its moment a notice that was archived ahead of it is looked for.
LOOKED_FOR = timedelta(days=1)
CHANGING = f"select pg_advisory_xact_lock({NOTICES})"

RELIES = """r.tenant_id = s.tenant_id and r.id = s.record_id and s.state = 'given'
    and r.notice_id = any(%(earlier)s)"""
END = f"""
update consent_consentstate s set expires_at = least(s.expires_at, %(moment)s)
from consent_consentrecord r where {RELIES}"""  # nosec B608 # constants of this file alone
NEXT = f"""
select s.subject_id, s.purpose from consent_consentstate s, consent_consentrecord r
where {RELIES} and s.subject_id > %(after)s order by 1 limit %(most)s"""  # nosec B608 # as above
PEOPLE = f"""
select count(distinct s.subject_id) from consent_consentstate s, consent_consentrecord r
where {RELIES}"""  # nosec B608 # as above


def hold_notices() -> None:
    """Wait for everybody who folds by the notices that there are, and let nobody begin."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGING)


def replaced_by(notice: Notice) -> list[UUID]:
    """The earlier versions that say other things than `notice`."""
    others = Notice.objects.filter(notice_id=notice.notice_id).defer("body")
    return [other.pk for other in others if notice.changes(other)]


def suspend_under(notice: Notice) -> None:
    """Set the end of every consent that relies on a version which `notice` replaces."""
    earlier = replaced_by(notice)
    if not earlier:
        return
    with connection.cursor() as cursor:
        cursor.execute(END, {"earlier": earlier, "moment": notice.begins_at})
        touched = cursor.rowcount
    if touched and notice.begins_at <= now():
        queue.enqueue("notice_change", tenant_id=notice.tenant_id, object_id=notice.pk)


def look(tenant_id: UUID) -> None:
    """Periodic duty: a notice that was archived ahead of its moment has begun to count."""
    at = now()
    with tenant_scope(tenant_id):
        begun = Notice.objects.filter(effective_at__gt=at - LOOKED_FOR, effective_at__lte=at)
        for notice in begun.defer("body"):
            earlier = replaced_by(notice)
            if earlier and _next(earlier, after=0, most=1):
                queue.enqueue("notice_change", tenant_id=tenant_id, object_id=notice.pk)


def run(lease: Lease) -> None:
    """Worker function of `notice_change`: fold the touched states anew, batch by batch."""
    after, people = 0, 0
    while True:
        with tenant_scope(lease.tenant_id):
            queue.hold(lease)
            notice = Notice.objects.defer("body").get(pk=lease.object_id)
            pairs = _next(replaced_by(notice), after=after, most=BATCH)
            refold(pairs, Notices())
            people += len({subject for subject, _ in pairs})
            if len(pairs) < BATCH:
                _finish(lease, notice, people)
                return
        # The last subject's further purposes may lie behind the border: it is looked at again.
        after = pairs[-1][0] - 1
        queue.renew(lease)


def _finish(lease: Lease, notice: Notice, people: int) -> None:
    queue.finish(lease)
    record(
        AuditEvent.CONSENTS_SUSPENDED,
        actor=system("notices"),
        object_id=notice.public_id,
        object_version=notice.version,
        details={"subjects": people},
    )


def _next(earlier: list[UUID], *, after: int, most: int) -> list[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(NEXT, {"earlier": earlier, "after": after, "most": most})
        return [(subject_id, purpose) for subject_id, purpose in cursor.fetchall()]


def relying(earlier: list[UUID]) -> int:
    """How many subjects rely on one of these notices now."""
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, {"earlier": earlier})
        return int(cursor.fetchone()[0])
