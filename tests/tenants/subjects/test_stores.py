"""Everything held about a person is known: every column that names one is in a subject store."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils.module_loading import import_string

from tenants.isolation.models import TenantOwned
from tenants.subjects.directory import resolve
from tenants.subjects.models import Subject, SubjectKey
from tests.tenants.isolation.rows import OWNED, fill_every_table, make_row

ROOT = Path(__file__).resolve().parents[3]
STORES = {dotted: import_string(dotted)() for dotted in settings.SUBJECT_STORES}
# What stays after an erasure, and why.
KEPT = {
    "consent_record": "the proof that processing was lawful (GDPR 17(3)(e)), unlinkable by then",
    "rights_request": "the proof that a request was answered (11 CCR 7101), unlinkable by then",
    "snapshot_subject": "the lineage that says which versions must be replaced",
    "erasure": "that it was done, which the second look and the certificate go by",
}


def subject_columns(model) -> list[str]:
    """Columns that name a subject, by what they refer to or by what they are called."""
    return [
        field.name
        for field in model._meta.local_fields
        if field.related_model is Subject
        or (field.name != "subject_ref" and "subject" in field.name and not field.is_relation)
    ]


def test_s19_every_table_that_names_a_subject_is_in_exactly_one_store():
    """GDPR 15: a table that is in none would be missing from everybody's export."""
    naming = {model for model in OWNED if subject_columns(model)}
    # How many subjects a snapshot holds is a number, not a name.
    naming -= {model for model in naming if subject_columns(model) == ["subjects"]}
    stored = [table for store in STORES.values() for table in store.tables]
    assert len(stored) == len(set(stored))
    assert set(stored) == naming | {Subject}


def test_s19_a_column_that_no_store_maps_fails():
    """GDPR 15: the test above sees a column of a subject under any name that it may have."""

    class Unmapped:
        class _meta:  # as Django calls it
            local_fields = (
                models.BigIntegerField(name="subject_id"),
                models.TextField(name="about_subject"),
                models.TextField(name="subject_ref"),
                models.TextField(name="note"),
            )

    assert subject_columns(Unmapped) == ["subject_id", "about_subject"]


@pytest.mark.parametrize("dotted", STORES)
def test_s19_a_store_exports_every_table_that_it_holds_and_says_how_long_each_is_kept(
    alice, dotted
):
    """GDPR 13(2)(a), 15(1)(d): what `kept` names is what `export` names, and covers its tables."""
    store = STORES[dotted]
    with alice.scope:
        pk = resolve(["u1"])["u1"]
        exported = set(store.export(pk))
    assert set(store.kept) == exported
    naming = {plain_name(table) for table in store.tables if table is not SubjectKey}
    assert naming <= exported


def plain_name(model) -> str:
    """ConsentRecord -> consent_record, as stores call their tables."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower()


def test_no_table_outside_the_walls_names_a_subject():
    found = {
        model._meta.label
        for model in apps.get_models()
        if not issubclass(model, TenantOwned) and subject_columns(model)
    }
    assert found == set()


@pytest.mark.parametrize("dotted", STORES)
def test_a_store_counts_exports_and_erases_what_it_holds_of_one_person(alice, dotted):
    store = STORES[dotted]
    with alice.scope:
        other, pk = (resolve([name])[name] for name in ("u1", "u2"))
        rows = fill_every_table()  # of the subject made last
        for table in store.tables:
            if "subject_id" in {field.name for field in table._meta.local_fields}:
                make_row(table, rows, subject_id=pk)
        counted = store.count(pk)
        assert all(counted.values()), counted
        exported = {name: len(list(lines)) for name, lines in store.export(pk).items()}
        assert exported.items() <= counted.items()
        theirs = store.count(other)
        erased = store.erase(pk)
        assert {name: erased.get(name, 0) for name in counted} == {
            name: 0 if name in KEPT else count for name, count in counted.items()
        }
        left = {name: count for name, count in store.count(pk).items() if count}
        assert left == {name: counted[name] for name in counted if name in KEPT}
        assert store.count(other) == theirs


@pytest.mark.parametrize("name", sorted(
    [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    + settings.SUBJECT_STORES
))  # fmt: skip
def test_the_data_map_names_every_table_and_every_store(name):
    assert f"`{name}`" in (ROOT / "docs" / "data-map.md").read_text()
