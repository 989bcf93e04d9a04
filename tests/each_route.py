"""Many routes with one set-up: what each changed is undone before the next."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest
from django.db import transaction

from tenants.accounts.models import Tenant
from tests.business import Business


@contextmanager
def open_limits(*businesses: Business) -> Iterator[None]:
    """Limits as wide as a walk over everything needs."""
    for business in businesses:
        with business.scope:
            Tenant.objects.update(granted={"requests_per_second": 1e6, "burst": 1_000_000})
    yield


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def for_each(routes: Iterable[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test that meets each route with one set-up of its other fixtures.

    A failure names its route and stops no other; what a route changed is undone before the next.
    """
    table = list(routes)

    def made(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def walked(subtests: pytest.Subtests, **given: Any) -> None:
            with open_limits(*(one for one in given.values() if isinstance(one, Business))):
                for route in table:
                    with subtests.test(route), undone():
                        test(route=route, **given)

        wished = inspect.signature(test).parameters.values()
        kept = [parameter for parameter in wished if parameter.name != "route"]
        subtests = inspect.Parameter("subtests", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        walked.__signature__ = inspect.Signature([subtests, *kept])  # type: ignore[attr-defined]
        return walked

    return made
