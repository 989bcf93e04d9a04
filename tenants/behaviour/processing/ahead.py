"""Make the next thing while one is used: cleaning beside the database, in a thread of its own."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items in their order, each made while the one before is used; never more than one.

    What making one raises is raised in its place. `items` must not ask the database: the scope of
    a tenant is its thread's own.
    """
    end: object = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item  # type: ignore[misc]
