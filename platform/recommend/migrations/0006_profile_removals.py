"""What was taken out of a person's profile is not read for their answers."""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("recommend.migrations.0005_refused_versions").SUBJECT
# Asked once, so that whoever took nothing out pays for no look at each event.
ASKED = """    if code = '' then
        has_removals := exists (select from rights_profileremoval x
            where x.subject_id = recommend_subject.subject_id);
"""
KEPT = """where ev.subject_id = recommend_subject.subject_id
                    and (not has_removals or not exists (
                        select from rights_profileremoval x
                            left join behaviour_item i on i.id = ev.item_id
                            where x.subject_id = ev.subject_id
                                and (x.item_id = ev.item_id
                                    or x.category <> '' and x.category = i.category)))
"""
CHANGES = (
    ("declare refused text := '';\n", "declare refused text := '';\n    has_removals boolean;\n"),
    ("    if code = '' then\n", ASKED),
    ("where ev.subject_id = recommend_subject.subject_id\n", KEPT),
)


def changed(text: str) -> str:
    """The function as it was, with each change made in its one place."""
    for old, new in CHANGES:
        before, after = text.split(old)
        text = before + new + after
    return text


class Migration(migrations.Migration):
    dependencies = [
        ("recommend", "0005_refused_versions"),
        ("rights", "0002_profile_removals"),
    ]
    operations = [migrations.RunSQL(changed(BEFORE), BEFORE)]
