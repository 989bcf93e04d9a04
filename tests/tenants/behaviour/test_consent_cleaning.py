"""The shape of uploaded consent records."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest
from behaviour_files import NOW, parquet_file
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.behaviour.cleaning.consent_cleaning import (
    CONSENT_COLUMNS,
    ConsentRow,
    ConsentWords,
    clean_consents,
    consent_rows,
)
from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.reading.opening import open_table

KNOWN = ConsentWords(
    purposes=frozenset({"model_training", "personalised_recommendation"}),
    events=frozenset({"given", "refused", "withdrawn"}),
    granting=frozenset({"given"}),
    lawful_bases=frozenset({"consent", "contract"}),
)
FULL = {
    "user_id": "13085",
    "purpose": "model_training",
    "event": "given",
    "event_time": "2024-05-01T10:00:00+02:00",
    "lawful_basis": "consent",
    "notice_id": "privacy",
    "notice_version": "2",
    "notice_lang": "en-GB",
    "notice_sha256": "AB" * 32,
    "collection_method": "web_form",
    "jurisdiction": "gb-eng",
    "expires_at": "2026-05-01T00:00:00Z",
    "pii_categories": "behaviour|purchases",
    "sensitive": "no",
    "evidence": "form 7",
    "recipients": "",
    "storage_country": "gb",
}


def clean(*records):
    """A consents file of these records, checked."""
    names = list(dict.fromkeys(name for record in records for name in record))
    lines = [",".join(record.get(name, "") for name in names) for record in records]
    table = open_table("\n".join((",".join(names), *lines, "")).encode(), delimiter=",")
    plan = make_plan("consents", table.columns)
    (batch,) = table.batches(plan.columns)
    return clean_consents(batch, plan, KNOWN, now=NOW)


def test_a_full_record_becomes_a_plain_row():
    (row,) = consent_rows(clean(FULL))
    assert row == ConsentRow(
        row=1,
        user_id="13085",
        purpose="model_training",
        event="given",
        event_time=datetime(2024, 5, 1, 8, tzinfo=UTC),
        lawful_basis="consent",
        notice_id="privacy",
        notice_version="2",
        notice_lang="en-gb",
        notice_sha256="ab" * 32,
        collection_method="web_form",
        ui_variant=None,
        jurisdiction="GB-ENG",
        jurisdiction_source=None,
        expires_at=datetime(2026, 5, 1, tzinfo=UTC),
        retention_until=None,
        age_band=None,
        record_id=None,
        guardian_record_id=None,
        supersedes=None,
        pii_categories=("behaviour", "purchases"),
        sensitive=False,
        evidence="form 7",
        recipients=(),
        storage_country="GB",
        transfer_mechanism=None,
        withdrawal_method=None,
    )


def test_the_row_and_the_frame_have_the_same_columns():
    assert tuple(field.name for field in fields(ConsentRow)) == CONSENT_COLUMNS


def test_a_withdrawal_needs_only_who_what_for_what_and_when():
    cleaned = clean(
        {
            "user_id": "1",
            "purpose": "model_training",
            "event": "withdrawn",
            "event_time": "2024-05-01T10:00:00Z",
        }
    )
    assert [(row.user_id, row.event) for row in consent_rows(cleaned)] == [("1", "withdrawn")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"user_id": ""}, "missing_user"),
        ({"purpose": ""}, "missing_purpose"),
        ({"purpose": "fun"}, "unknown_purpose"),
        ({"event": ""}, "missing_event"),
        ({"event": "shrugged"}, "unknown_event"),
        ({"event_time": ""}, "missing_time"),
        ({"event_time": "soon"}, "bad_time"),
        ({"event_time": "1970-01-01T00:00:00Z"}, "bad_time"),
        ({"event_time": "2024-05-01 10:00:00"}, "time_without_zone"),
        ({"event_time": "2024-05-01"}, "time_without_zone"),
        ({"event_time": "2024-06-01T12:05:01Z"}, "future_time"),
        ({"lawful_basis": ""}, "missing_lawful_basis"),
        ({"lawful_basis": "habit"}, "unknown_lawful_basis"),
        ({"notice_id": ""}, "missing_notice"),
        ({"notice_version": ""}, "missing_notice"),
        ({"collection_method": ""}, "missing_collection_method"),
        ({"jurisdiction": ""}, "missing_jurisdiction"),
        ({"notice_sha256": "abc"}, "bad_hash"),
        ({"jurisdiction": "England"}, "bad_place"),
        ({"storage_country": "GBR"}, "bad_place"),
        ({"expires_at": "2026-05-01"}, "bad_expiry"),
        ({"expires_at": "never"}, "bad_expiry"),
        ({"retention_until": "2026-02-30T00:00:00Z"}, "bad_expiry"),
        ({"sensitive": "perhaps"}, "bad_flag"),
        ({"user_id": "x" * 201}, "id_too_long"),
        ({"evidence": "x" * 20_001}, "text_too_long"),
        ({"user_id": "a\x00"}, "control_character"),
    ],
    ids=str,
)
def test_a_malformed_record_is_rejected_with_its_code(change, code):
    cleaned = clean(FULL, {**FULL, "user_id": "2", **change})
    assert cleaned.marks.rows() == [(2, code)]
    assert cleaned.rows["user_id"].to_list() == ["13085"]


def test_purposes_are_words_whatever_the_case():
    (row,) = consent_rows(clean({**FULL, "purpose": " Model_Training "}))
    assert row.purpose == "model_training"


def test_only_exact_repetitions_are_duplicates():
    cleaned = clean(FULL, FULL, {**FULL, "evidence": "form 8"})
    assert cleaned.marks.rows() == [(2, "duplicate")]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                name: st.sampled_from([value, "", "odd", "a\x00", "2024-05-01", "x" * 300])
                for name, value in FULL.items()
            }
        ),
        min_size=1,
        max_size=15,
    )
)
def test_every_record_has_exactly_one_outcome_whatever_the_dirt(records):
    cleaned = clean({**FULL, "user_id": "first"}, *records)
    ended = [*cleaned.rows["row"], *cleaned.marks["row"]]
    assert sorted(ended) == list(range(1, len(records) + 2))
    assert len(consent_rows(cleaned)) == cleaned.rows.height >= 1


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59-01:00", 1 - 10**17])
@pytest.mark.parametrize("name", ["expires_at", "retention_until"])
def test_an_end_outside_of_every_calendar_is_a_bad_expiry(name, end):
    """In UTC the years 10000 and -1199, for which there is no date."""
    columns = {key: [text] for key, text in FULL.items()}
    table = open_table(parquet_file({**columns, name: [end]}))
    plan = make_plan("consents", table.columns)
    (batch,) = table.batches(plan.columns)
    cleaned = clean_consents(batch, plan, KNOWN, now=NOW)
    assert (consent_rows(cleaned), cleaned.counts()) == ([], {"bad_expiry": 1})
