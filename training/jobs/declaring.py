"""Which groups a tenant's versions are checked for: what its data can be parted by, its choice.

Groups are for the check of fairness alone; nothing here reaches a model.
"""

import re
from dataclasses import dataclass

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.columns.event_context import KEY
from tenants.errors import AppError
from tenants.isolation.scope import current_tenant
from training.engine.tasks.recommendation.fairness import SMALLEST_GROUP
from training.jobs.allowed import ALLOWED, USABLE, asked_of_training, whole_tenant
from training.jobs.grouping import MOST_GROUPS
from training.jobs.models import DeclaredGroups

ITEM_KEY = re.compile(r"category|attributes\.[^\x00-\x1f\x7f]{1,100}")

# What each person's last event said, as a snapshot would see it: consent is asked first.
PEOPLE = f"""
with told as (
    select distinct on (e.subject_id, c.key) e.subject_id, c.key, c.value
    {ALLOWED} cross join lateral jsonb_each_text(e.context) as c
    where {USABLE}
    order by e.subject_id, c.key, e.occurred_at desc, e.id desc)
select key, value, count(*) as size from told where value <> '' group by 1, 2
"""  # nosec B608 # constants of this file and of `freezing` alone

ITEMS = """
select 'category' as key, category as value, count(*) as size
from behaviour_item where category <> '' group by 1, 2
union all
select 'attributes.' || a.key, a.value #>> '{}', count(*)
from behaviour_item cross join lateral jsonb_each(attributes) as a
where jsonb_typeof(a.value) in ('string', 'number', 'boolean') and a.value #>> '{}' <> ''
group by 1, 2
"""

SUMMED = """
select key, count(*), count(*) filter (where size >= %(smallest)s), sum(size)
from ({groups}) as g group by key having count(*) between 2 and %(most)s order by key
"""


@dataclass(frozen=True)
class Choice:
    """What people or items can be parted by. groups: how many there are; large: how many of them
    are large enough to be shown; size: people or items that are in one."""

    key: str
    groups: int
    large: int
    size: int


def declared() -> DeclaredGroups:
    """The tenant's declaration; an empty one, unsaved, where it has made none."""
    return DeclaredGroups.objects.first() or DeclaredGroups()


@transaction.atomic
def declare_groups(*, subjects: str, items: str, actor: Actor) -> DeclaredGroups:
    """Say what people and items are parted by from the next job on; "" declares none.

    subjects is a key of the events' context; items is `category` or `attributes.KEY`. Whether the
    data hold such groups is seen when they are frozen. AppError bad_groups.
    """
    for param, key, form in (("subjects", subjects, KEY), ("items", items, ITEM_KEY)):
        if key and not form.fullmatch(key):
            raise AppError("bad_groups", "Choose one of the keys that your data hold.", param=param)
    changed, _ = DeclaredGroups.objects.update_or_create(
        tenant_id=current_tenant(),
        defaults={"subjects": subjects, "items": items, "actor_ref": actor.ref},
    )
    record(AuditEvent.GROUPS_DECLARED, actor=actor, details={"subjects": subjects, "items": items})
    return changed


def choices_of_people() -> list[Choice]:
    """By which context keys the people can be parted whom a snapshot taken now would hold."""
    return _choices(asked_of_training(PEOPLE))


def choices_of_items() -> list[Choice]:
    """By what the items can be parted."""
    return _choices(ITEMS)


def _choices(groups: str) -> list[Choice]:
    given = {"smallest": SMALLEST_GROUP, "most": MOST_GROUPS}
    with whole_tenant() as cursor:
        cursor.execute(SUMMED.replace("{groups}", groups), given)
        return [Choice(key, many, large, int(size)) for key, many, large, size in cursor.fetchall()]
