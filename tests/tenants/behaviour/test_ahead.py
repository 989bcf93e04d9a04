"""The next batch is made while one is stored: in order, one at a time, errors in their place."""

from threading import Event, get_ident

import pytest

from tenants.behaviour.processing.ahead import ahead


def test_the_items_come_in_their_order_and_none_is_lost():
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(ahead(iter(()))) == []


def test_the_next_item_is_made_in_another_thread_while_one_is_used():
    made = [Event(), Event(), Event()]
    threads = set()

    def items():
        for number, event in enumerate(made):
            threads.add(get_ident())
            event.set()
            yield number

    coming = ahead(items())
    assert next(coming) == 0
    assert made[1].wait(5)
    assert not made[2].is_set()
    assert list(coming) == [1, 2]
    assert get_ident() not in threads and len(threads) == 1


def test_an_error_is_raised_where_its_item_would_have_come():
    def items():
        yield 1
        raise LookupError("the file breaks off")

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(LookupError, match="breaks off"):
        next(coming)


def test_whoever_stops_early_leaves_no_thread_behind():
    coming = ahead(iter(range(10)))
    next(coming)
    coming.close()
    with pytest.raises(StopIteration):
        next(coming)
