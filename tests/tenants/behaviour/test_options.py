"""The options of one upload."""

import json

import pytest

from tenants.behaviour.cleaning.pseudo_items import PseudoItem
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.refusals import UploadRefused


def test_options_survive_the_way_through_json():
    options = UploadOptions(
        default_type="purchase",
        cancellation_prefix="C",
        timezone="Europe/London",
        decimal_mark=",",
        pseudo_items=(PseudoItem("bag", item_id="bag", title="paper bag"),),
        shift_weeks=780,
    )
    assert UploadOptions.from_plain(json.loads(json.dumps(options.to_plain()))) == options
    assert UploadOptions.from_plain({}) == UploadOptions()


@pytest.mark.parametrize(
    "plain",
    [
        {"default_type": "?!"},
        {"default_type": 4},
        {"cancellation_prefix": "x" * 21},
        {"cancellation_prefix": None},
        {"timezone": "Europe/Nowhere"},
        {"timezone": "../etc/passwd"},
        {"timezone": ""},
        {"timezone": 1},
        {"decimal_mark": ";"},
        {"acts_per_minute": -1},
        {"acts_per_minute": True},
        {"known_items_only": 1},
        {"shift_weeks": 1.5},
        {"shift_weeks": True},
        {"shift_weeks": 10_000},
        {"pseudo_items": [{"name": "x", "title": "("}]},
        {"pseudo_items": [{"name": "x", "title": "a{1000}{1000}{1000}"}]},
        {"pseudo_items": [{"name": "x", "item_id": "x" * 301}]},
        {"pseudo_items": [{"name": 1}]},
        {"pseudo_items": [{"colour": "red"}]},
        {"pseudo_items": "postage"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_bad_option_is_refused_by_name(plain):
    with pytest.raises(UploadRefused) as caught:
        UploadOptions.from_plain(plain)
    assert (caught.value.code, caught.value.param) == ("bad_option", next(iter(plain)))


def test_a_pattern_must_close_its_own_brackets():
    with pytest.raises(UploadRefused):
        UploadOptions(pseudo_items=(PseudoItem("x", title="a)|(b"),))
