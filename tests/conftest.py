"""What every test stands on: the real PostgreSQL as the application role, Alice and Bob.

Alice and Bob own a tenant each; Bob is the outsider of every test about Alice.
"""

import fcntl
import gc
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4
from zoneinfo import available_timezones

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.test.utils import setup_databases, teardown_databases
from whitenoise.middleware import WhiteNoiseMiddleware

from tenants.accounts import services
from tests.business import Business, make_business
from tests.connections import forget


def pytest_collection_finish() -> None:
    """What was imported stays to the end: collecting garbage need not look through it each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Each test of what is made once has a transaction of its own; see made_once."""
    if "made_once" in getattr(item, "fixturenames", ()):
        item.add_marker("django_db")


@pytest.fixture(scope="session", autouse=True)
def quick_passwords(django_test_environment: None) -> None:
    """The real hash takes half a second on purpose; no test is about its strength."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def zones_read_once() -> Iterator[None]:
    """Each tenant that is made asks for all time zones, which Python reads from 600 files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "available_timezones", cache(available_timezones))
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Each client that is made loads the middleware anew; WhiteNoise then looks for every file."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, object] = {}

    def remembered(self: WhiteNoiseMiddleware) -> None:
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", remembered)
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: object
) -> Iterator[None]:
    """The owner makes the test database, the application role uses it; never another one."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        made = setup_databases(
            verbosity=0, interactive=False, aliases=["owner", "default"], serialized_aliases=[]
        )
        for alias in ("owner", "default"):
            name = connections[alias].settings_dict["NAME"]
            assert name.startswith("test_"), f"{name} is not a test database"
            settings.DATABASES[alias]["NAME"] = name
        _keep_plans()
    yield
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        connections["default"].close()
        teardown_databases(made, verbosity=0)


def _keep_plans() -> None:
    """Nobody counts rows meanwhile: what tests roll back would make every table seem empty, and
    the plan for an empty table takes minutes on the few thousand rows of a test."""
    with connections["owner"].cursor() as cursor:
        for table in connections["owner"].introspection.table_names(cursor):
            cursor.execute(f'alter table "{table}" set (autovacuum_enabled = off)')


@pytest.fixture
def alice(db: None) -> Business:
    return make_business("Alice")


@pytest.fixture
def bob(db: None) -> Business:
    return make_business("Bob")


@pytest.fixture
def charlie(db: None) -> Business:
    return make_business("Charlie")


@pytest.fixture(scope="module")
def made_once(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """For what the tests of a file all begin with: a transaction around them.

    What a fixture of the module makes in it stands before each test as it was made, for a test's
    own transaction lies inside and is rolled back. Files are not: a test that spoils one makes its
    own. Nothing is ever committed, so what asks for `committed` has to live in another file.
    """
    around = transaction.atomic()
    around._from_testcase = True  # type: ignore[attr-defined]  # as the tests' own are marked
    with django_db_blocker.unblock(), around:  # type: ignore[attr-defined]
        yield
        transaction.set_rollback(True)


@pytest.fixture
def committed(
    django_db_setup: None, django_db_blocker: object
) -> Iterator[Callable[[str], Business]]:
    """Makes tenants whose rows really commit, for tests with threads or a second connection.

    Nothing is flushed afterwards: walls keep the rows from other tests, and what all tenants
    share (the register, the queue) is cleared of them.
    """
    made: list[Business] = []

    def make(name: str) -> Business:
        made.append(make_business(f"{name}-{uuid4().hex[:12]}"))
        return made[-1]

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        assert not connections["default"].in_atomic_block, "see made_once"
        yield make
        forget(*(business.tenant.id for business in made))
        connections.close_all()


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A real, small bundle, trained by the engine itself once for all processes of a run."""
    from tests.trained import train

    home = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # see tests/workers.py
        home = home.parent
    with (home / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = home / "trained" / "artifact"
        return made if made.exists() else train(home / "trained")
