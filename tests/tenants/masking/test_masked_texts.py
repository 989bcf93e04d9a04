"""Personal data in free text: what is found and what is left alone, on a labelled set."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from tenants.masking.candidates import CANDIDATE
from tenants.masking.masking import find, masked
from tenants.masking.shapes import NAMES
from tests.bench.masking import figures, lines

# What follows a checksum or a strict form; the rest is believed by its surroundings.
STRICT = ("email", "cn_resident_id", "iban", "bank_card", "us_ssn", "ipv4", "ipv6")
# The labelled set holds names in the middle of sentences, which no shape can find.
LEAST_RECALL = {"name": 0.8, "phone": 0.9}
LEAST_PRECISION = {"cn_landline": 0.85}


@pytest.fixture(scope="module")
def found():
    return figures(lines())


def test_recall_and_precision_on_the_labelled_set_hold_their_floors(found):
    assert found["recall"] >= 0.95 and found["precision"] >= 0.97
    for kind, told in found["kinds"].items():
        assert told["recall"] >= LEAST_RECALL.get(kind, 0.95), kind
        assert told["precision"] >= LEAST_PRECISION.get(kind, 0.95), kind


def test_the_coarse_look_passes_over_nothing_that_the_close_one_finds():
    texts = [line.text for line in lines()]
    passed = set(pl.Series(texts).filter(pl.Series(texts).str.contains(CANDIDATE)))
    assert [text for text in texts if find(text) and text not in passed] == []
    assert len(passed) < len(texts)


def test_what_has_a_checksum_is_always_found_and_nothing_is_taken_for_it(found):
    assert {found["kinds"][kind]["recall"] for kind in STRICT} == {1.0}
    assert {found["kinds"][kind]["precision"] for kind in STRICT} == {1.0}


def test_the_labelled_set_is_large_bilingual_and_knows_every_kind():
    table = lines()
    assert len(table) >= 400 and {line.lang for line in table} == {"en", "zh"}
    assert sum(not line.labels for line in table) > len(table) / 2
    assert {one.kind for line in table for one in line.labels} == set(NAMES)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail ada@example.com, please", "mail [email], please"),
        ("我的手机是１３８００１３８０００。", "我的手机是[cn_mobile]。"),
        ("身份证11010519491231002X", "身份证[cn_resident_id]"),
        ("身份证110105194912310021", "身份证110105194912310021"),
        ("订单号13800138000", "订单号13800138000"),
        ("电话13800138000，订单号13800138001", "电话[cn_mobile]，订单号13800138001"),
        ("微信：ada_88 QQ 12345678", "微信：[wechat] QQ [qq]"),
        ("v1.2.3.4 from 203.0.113.9", "v1.2.3.4 from [ipv4]"),
        ("", ""),
    ],
)
def test_a_text_is_left_without_what_was_found(text, left):
    assert masked(text).text == left


@given(st.text())
def test_any_text_is_masked_once_and_for_all(text):
    once = masked(text)
    assert masked(once.text).text == once.text
    assert sum(once.counts.values()) == len(find(text))


@given(
    st.sampled_from(["110105", "310104", "440305", "510107"]), st.dates().filter(
        lambda day: 1930 <= day.year <= 2010), st.integers(0, 999),
    st.sampled_from(["", "我是", "ID: ", "（", "\n"]), st.sampled_from(["", "，谢谢", ")", " ok"]),
)  # fmt: skip
def test_every_resident_id_is_found_wherever_it_stands(place, day, serial, before, after):
    body = f"{place}{day:%Y%m%d}{serial:03d}"
    number = body + ric.calc_check_digit(body + "0")
    (one,) = find(f"{before}{number}{after}")
    assert (one.kind, one.start, one.end) == ("cn_resident_id", len(before), len(before) + 18)


@given(st.integers(10**14, 10**15 - 1), st.sampled_from(["", " ", "-"]))
def test_every_card_is_found_by_its_sum_and_no_other_digits(number, parted):
    body = f"4{str(number)[1:]}"
    card = body + luhn.calc_check_digit(body)
    wrong = body + str((int(card[-1]) + 1) % 10)
    told = [parted.join(one[n : n + 4] for n in range(0, 16, 4)) for one in (card, wrong)]
    assert [one.kind for one in find(f"Karte {told[0]}.")] == ["bank_card"]
    assert "bank_card" not in [one.kind for one in find(f"Karte {told[1]}.")]
