"""How long each table of a person is kept, as their own export tells them (GDPR 15(1)(d)): in the
words of its subject store, and in the days that the tenant has in force.
"""

from django.conf import settings
from django.utils.module_loading import import_string

from compliance.retention.choosing import days_kept
from compliance.retention.classes import CLASSES
from tenants.subjects.store import Rows


def kept(subject_id: int) -> Rows:
    """One row a table; `days` is None where no time ends it. The same for every person."""
    days = days_kept()
    ends = {table: days[one.code] for one in CLASSES for table in one.tables}
    for dotted in settings.SUBJECT_STORES:
        for table, until in import_string(dotted)().kept.items():
            most = ends.get(table)
            words = f"{until}, {most} days at most" if most else until
            yield {"table": table, "kept": words, "days": most}
