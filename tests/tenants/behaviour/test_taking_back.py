"""Cancelled orders take back what they cancel, once, and every row still ends in one place."""

import pytest

from tenants.behaviour.models import Event, QuarantinedRow
from tests.tenants.behaviour.uploads import adds_up, agree, outcomes, process

HEAD = "user_id,item_id,occurred_at,quantity,price,order_id"
HOW = {"options": {"default_type": "purchase", "cancellation_prefix": "C"}}


def file(*rows: tuple[str, str, int, float, str]) -> bytes:
    """(user, item, day of March, quantity, order)."""
    lines = (f"{u},{i},2026-03-{d:02}T10:00:00Z,{q},2.0,{o}" for u, i, d, q, o in rows)
    return "\n".join((HEAD, *lines, "")).encode()


def sales(business) -> list[tuple[int, float, float]]:
    """Stored purchases as (day, quantity, value)."""
    with business.scope:
        found = Event.objects.order_by("occurred_at").values_list(
            "occurred_at", "quantity", "value"
        )
        return [(at.day, quantity, value) for at, quantity, value in found]


BUY = ("u1", "i1", 1, 5, "1")
CANCEL = ("u1", "i1", 3, -5, "C2")


@pytest.mark.parametrize("files", [[(BUY, CANCEL)], [(BUY,), (CANCEL,)]], ids=["one", "two"])
def test_a_cancellation_takes_its_purchase_back(alice, files):
    agree(alice, "u1")
    upload = [process(alice, file(*rows), **HOW) for rows in files][-1]
    assert outcomes(upload)["rejected", "cancellation"][0] == 1
    assert adds_up(upload)
    assert sales(alice) == []


def test_the_latest_purchase_before_it_with_the_quantity_is_meant(alice):
    agree(alice, "u1", "u2")
    rows = [
        BUY, ("u1", "i1", 2, 9, "2"), ("u1", "i1", 3, 1, "3"), ("u1", "i1", 5, 9, "5"),
        ("u1", "i2", 3, 9, "6"), ("u2", "i1", 3, 9, "7"), ("u1", "i1", 4, -5, "C8"),
    ]  # fmt: skip
    process(alice, file(*rows), **HOW)
    assert sorted(sales(alice)) == sorted(
        [(1, 5, 10.0), (2, 4, 8.0), (3, 1, 2.0), (5, 9, 18.0), (3, 9, 18.0), (3, 9, 18.0)]
    )


def test_of_purchases_of_one_moment_the_smallest_that_has_the_quantity_is_meant(alice):
    """Whatever their hashes are, so that the same file ends alike in every installation."""
    agree(alice, "u1")
    bought = [("u1", "i1", 1, quantity, f"{quantity}") for quantity in (5, 1, 3, 6, 2, 4)]
    cancelled = [("u1", "i1", 3, -3, "C7"), ("u1", "i1", 4, -4, "C8"), ("u1", "i1", 5, -6, "C9")]
    upload = process(alice, file(*bought, *cancelled), **HOW)
    assert outcomes(upload)["rejected", "cancellation"] == (3, [7, 8, 9])
    assert sorted(quantity for _, quantity, _ in sales(alice)) == [1, 2, 5]


def test_two_cancellations_take_two_purchases_or_share_one(alice):
    agree(alice, "u1")
    rows = [("u1", "i1", 1, 4, "1"), ("u1", "i1", 3, -2, "C2"), ("u1", "i1", 3, -2, "C3"),
            ("u1", "i1", 4, -2, "C4")]  # fmt: skip
    upload = process(alice, file(*rows), **HOW)
    assert outcomes(upload) == {
        ("rejected", "cancellation"): (2, [2, 3]),
        ("rejected", "cancellation_unmatched"): (1, [4]),
    }
    assert sales(alice) == []


def test_sent_again_nothing_is_taken_twice_and_nothing_comes_back(alice):
    agree(alice, "u1")
    older = ("u1", "i1", 1, 5, "0")
    rows = (older, ("u1", "i1", 2, 5, "1"), CANCEL)
    process(alice, file(*rows), **HOW)
    again = process(alice, file(*rows), **HOW)
    assert outcomes(again) == {
        ("duplicate", "already_stored"): (2, [1, 2]),
        ("duplicate", "cancellation_again"): (1, [3]),
    }
    assert adds_up(again)
    assert sales(alice) == [(1, 5, 10.0)]


def test_a_copy_in_the_same_file_takes_nothing_more(alice):
    agree(alice, "u1")
    rows = (("u1", "i1", 1, 5, "0"), ("u1", "i1", 2, 5, "1"), CANCEL, CANCEL)
    upload = process(alice, file(*rows), **HOW)
    assert outcomes(upload) == {
        ("duplicate", "cancellation_again"): (1, [4]),
        ("rejected", "cancellation"): (1, [3]),
    }
    assert sales(alice) == [(1, 5, 10.0)]


def test_one_without_a_purchase_is_said_and_works_once_the_purchase_is_here(alice):
    agree(alice, "u1")
    upload = process(alice, file(CANCEL, ("u9", "i9", 3, -1, "C7")), **HOW)
    assert outcomes(upload) == {("rejected", "cancellation_unmatched"): (2, [1, 2])}
    process(alice, file(BUY), **HOW)
    upload = process(alice, file(CANCEL), **HOW)
    assert outcomes(upload) == {("rejected", "cancellation"): (1, [1])}
    assert sales(alice) == []


def test_rows_that_wait_for_consent_are_not_opened(alice):
    upload = process(alice, file(BUY, CANCEL), **HOW)
    assert outcomes(upload) == {
        ("quarantined", "no_record"): (1, [1]),
        ("rejected", "cancellation_unmatched"): (1, [2]),
    }
    with alice.scope:
        assert QuarantinedRow.objects.count() == 1


def test_another_tenant_loses_nothing(alice, bob):
    for business in (alice, bob):
        agree(business, "u1")
        process(business, file(BUY), **HOW)
    process(bob, file(CANCEL), **HOW)
    assert (sales(alice), sales(bob)) == ([(1, 5, 10.0)], [])
