"""Every code has its sentence."""

import inspect
import re

import pytest

from tenants.behaviour.cleaning.consent_cleaning import ConsentWords, consent_steps
from tenants.behaviour.cleaning.event_cleaning import EVENT_STEPS
from tenants.behaviour.cleaning.item_cleaning import ITEM_STEPS
from tenants.behaviour.landing.event_landing import ERASED, FULL, UNKNOWN_ITEM
from tenants.behaviour.landing.taking_back import AGAIN, UNMATCHED
from tenants.behaviour.processing.report import BUCKETS, bucket_of
from tenants.behaviour.refusals import REFUSALS, UploadRefused
from tenants.behaviour.wording import WORDING, outcome_text, refusal_text
from tenants.consent import ledger
from tenants.consent.fold import CODES as STATE_CODES
from tenants.consent.fold import CONFLICT, FLAGGED, NOTICE_CHANGED, STRICTNESS

NO_WORDS = ConsentWords(frozenset(), frozenset(), frozenset(), frozenset())
CODES = {step.code for step in (*EVENT_STEPS, *ITEM_STEPS, *consent_steps(NO_WORDS))}
# What the ledger refuses although the row has the right form.
LEDGER_CODES = set(re.findall(r'AppError\(\s*"(\w+)"', inspect.getsource(ledger.refusal)))

# What an event says of consent itself.
CARRIED = {"record_unknown", "event_withholds"}
# What a fault of ours kept from being stored.
OURS = {"not_landed"}


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_of_the_chains_is_worded(code):
    sentence = outcome_text(bucket_of(code), code)
    assert sentence.endswith(".")
    assert "%" not in sentence


def test_every_worded_code_of_the_chains_exists():
    assert set(WORDING) == set(BUCKETS)
    assert "notice_unknown" in LEDGER_CODES
    assert bucket_of(AGAIN) == "duplicate" and AGAIN in WORDING["duplicate"]
    others = LEDGER_CODES | {FULL[1], ERASED[1], UNKNOWN_ITEM[1], UNMATCHED} | CARRIED | OURS
    assert set(WORDING["rejected"]) == CODES - {"duplicate"} | others


def test_every_reason_why_a_consent_denies_is_worded_and_ranked():
    reasons = {*STATE_CODES.values(), CONFLICT, NOTICE_CHANGED, "minor_no_guardian"}
    reasons |= set(FLAGGED.values())
    assert set(STRICTNESS) == reasons
    assert reasons <= set(WORDING["quarantined"])


def test_figures_come_from_the_rules():
    assert outcome_text("rejected", "id_too_long").startswith("An id is longer than 200 characters")
    assert "(120, unless" in outcome_text("rejected", "bot_like")
    assert "5 minutes ahead" in outcome_text("rejected", "future_time")


def test_a_refusal_reads_the_same_where_it_is_raised_and_where_it_is_shown():
    refused = UploadRefused("too_many_columns", count=600, most=512)
    assert refusal_text(refused.code, refused.params) == refused.message
    assert refused.message == (
        "The file has 600 columns, the most is 512. Remove the columns you do not need."
    )


def test_a_bound_in_bytes_is_told_in_a_size_that_people_read():
    refused = UploadRefused("archive_too_large", most=64 << 20)
    assert "more than 64 MiB" in refused.message
    assert refusal_text("row_too_long", {"row": 3, "most": 4 << 20}).startswith(
        "A row after row 3 is longer than 4 MiB"
    )


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_refusal_is_a_sentence_with_a_way_on(code):
    assert REFUSALS[code].count(". ") >= 1 or code == "encrypted_parquet"
    assert REFUSALS[code].endswith((".", "%(allowed)s"))
