"""Reasons as sentences: singular and plural, in the reader's language, never with a hole."""

from uuid import UUID

import pytest
from django.utils.translation import override

from recommend.wording import REASONS, reason_text, why_not_personal
from tenants.behaviour.models import Item
from training.engine.reasons import Reason

NOBODY = UUID(int=0)
CUP = Item(tenant_id=NOBODY, id=7, external_id="cup-1", title="Red cup")


@pytest.mark.parametrize(
    ("times", "sentence"),
    [(1, "You chose this once before."), (3, "You chose this 3 times before.")],
)
def test_how_often_is_worded_in_singular_and_plural(times, sentence):
    reason = Reason("bought_before", {"times": times, "item": 7})
    assert reason_text(reason, {7: CUP}) == sentence
    with override("zh-hans"):
        assert str(times) in reason_text(reason, {7: CUP})


@pytest.mark.parametrize("code", [code for code in REASONS if code != "popular_now"])
def test_a_reason_names_its_item_or_none_at_all(code):
    assert "Red cup" in reason_text(Reason(code, {"item": 7}), {7: CUP})
    for cited in ({}, {"item": 8}):
        assert reason_text(Reason(code, cited), {7: CUP}) == "It fits what you chose lately."


def test_an_item_without_a_title_goes_by_its_id():
    bare = Item(tenant_id=NOBODY, id=7, external_id="cup-1", title="")
    assert "cup-1" in reason_text(Reason("similar_text", {"item": 7}), {7: bare})


def test_a_personal_answer_needs_no_excuse():
    assert why_not_personal("") == ""
    assert "withdrew" in why_not_personal("withdrawn")
