"""Which stored events training may read now: the questions in SQL, and a cursor to ask them with.

A subject is in when their consent is in force at this moment, for every purpose that the tenant's
table asks of training; a notice may say that only what came after the consent counts, an event
that it is not for this, and the subject may have taken items out of their profile. Asked in one
transaction, events and consents agree.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tenants.consent.policy import purposes_of
from tenants.consent.vocabulary import PURPOSE_OF, Use

PURPOSE = PURPOSE_OF[Use.TRAINING]

ALLOWED = """
from behaviour_event e
left join consent_consentstate s
    on s.tenant_id = e.tenant_id and s.subject_id = e.subject_id and s.purpose = '{purpose}'
left join consent_consentrecord r on r.tenant_id = s.tenant_id and r.id = s.record_id
left join consent_notice n on n.tenant_id = r.tenant_id and n.id = r.notice_id
left join (
    select x.subject_id, x.item_id from rights_profileremoval x where x.item_id is not null
    union
    select x.subject_id, i.id from rights_profileremoval x
        join behaviour_item i on i.tenant_id = x.tenant_id and i.category = x.category
        where x.category <> ''
) removed on removed.subject_id = e.subject_id and removed.item_id = e.item_id
"""
IN_FORCE = """(s.state = 'given' and s.valid_from <= statement_timestamp()
    and (s.expires_at is null or s.expires_at > statement_timestamp()))"""
IN_TIME = "(not coalesce(n.later_events_only, false) or e.occurred_at >= s.valid_from)"
IN_PROFILE = "(removed.item_id is null)"
NOT_WITHHELD = "not coalesce(e.withheld && array[{purposes}]::text[], false)"
# One such condition for each further purpose.
TOO = """exists (select from consent_consentstate o
    left join consent_consentrecord q on q.tenant_id = o.tenant_id and q.id = o.record_id
    left join consent_notice m on m.tenant_id = q.tenant_id and m.id = q.notice_id
    where o.tenant_id = e.tenant_id and o.subject_id = e.subject_id and o.purpose = '{other}'
        and o.state = 'given' and o.valid_from <= statement_timestamp()
        and (o.expires_at is null or o.expires_at > statement_timestamp())
        and (not coalesce(m.later_events_only, false) or e.occurred_at >= o.valid_from))"""
USABLE = f"({IN_FORCE} and {IN_TIME} and {IN_PROFILE} and {NOT_WITHHELD} and {{others}})"

EXCLUDED = f"""
select case when s.state is null then 'no_record'
            when s.state <> 'given' then s.code
            when s.expires_at is not null and s.expires_at <= statement_timestamp() then 'expired'
            when removed.item_id is not null then 'removed'
            when not ({{others}}) then 'purpose_missing'
            when not ({NOT_WITHHELD}) then 'event_withholds'
            else 'before_consent' end as code, count(*)
{ALLOWED} where not coalesce({USABLE}, false) group by 1"""

COUNTS = f"""
select count(*), count(distinct e.subject_id), count(distinct e.item_id)
{ALLOWED} where {USABLE}"""  # nosec B608 # constants of this file alone


def asked_of_training(question: str) -> str:
    """A question with the purposes that the tenant's table asks of training."""
    purposes = purposes_of(Use.TRAINING)
    return question.format(
        purpose=PURPOSE.value,
        purposes=", ".join(f"'{each.value}'" for each in purposes),
        others=" and ".join(TOO.format(other=each.value) for each in purposes[1:]) or "true",
    )


@contextmanager
def whole_tenant() -> Iterator[Any]:
    """A cursor for questions that read all of a tenant's rows: they never join by nested loops.

    Right after a large upload the planner may still believe that the tables are empty, and nested
    loops over what is not would take hours.
    """
    with connection.cursor() as cursor:
        cursor.execute("set local enable_nestloop = off")
        yield cursor
        cursor.execute("set local enable_nestloop = on")
