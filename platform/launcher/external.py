"""Services that the environment names instead of the embedded ones: DATABASE_URL, REDIS_URL.
Never starts or stops them."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from launcher.kept_secrets import Secrets
from launcher.roles import APP, OWNER, ensure_roles, one_line
from launcher.trouble import Trouble

_WAIT = 10  # seconds
_ROLE = """select rolname::text, rolsuper or rolbypassrls, rolsuper or rolcreaterole
    from pg_roles where rolname = current_user"""
_MAY_CREATE = """select has_database_privilege(%(owner)s, current_database(), 'CREATE')
    and has_schema_privilege(%(owner)s, 'public', 'CREATE')"""


def database_urls(environ: Mapping[str, str], secrets: Secrets) -> tuple[str, str]:
    """The app role's URL and the owner role's, from DATABASE_URL and perhaps DATABASE_OWNER_URL.

    With both, they are checked and used as they are. With DATABASE_URL alone, its role has to be
    able to create roles: it makes the two roles here. Raises Trouble.
    """
    given, owner_url = environ["DATABASE_URL"], environ.get("DATABASE_OWNER_URL", "")
    with _connect("DATABASE_URL", given) as database:
        role, unbound, creates = _role(database)
        if owner_url:
            _connect("DATABASE_OWNER_URL", owner_url).close()
            if unbound:
                raise Trouble(
                    f"DATABASE_URL's role {role} ignores row-level security. Name an unprivileged "
                    "role there (docker/roles.sql makes one), or leave DATABASE_OWNER_URL away."
                )
            return given, owner_url
        if not creates:
            raise Trouble(
                f"DATABASE_URL's role {role} may not create roles. Give the role that migrates in "
                "DATABASE_OWNER_URL, too."
            )
        passwords = {OWNER: secrets.owner_password, APP: secrets.app_password}
        _make_roles(database, passwords)
    app, owner = (with_role(given, role, passwords[role]) for role in (APP, OWNER))
    return app, owner


def redis_url(environ: Mapping[str, str]) -> str:
    """REDIS_URL once it has answered; Trouble when it does not."""
    url = environ["REDIS_URL"]
    try:
        with redis.Redis.from_url(
            url, socket_timeout=_WAIT, socket_connect_timeout=_WAIT
        ) as broker:
            broker.ping()
    except (redis.RedisError, ValueError) as error:
        raise Trouble(f"REDIS_URL: {' '.join(str(error).split())}") from error
    return url


def with_role(url: str, role: str, password: str) -> str:
    """The same server and database, another role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{place}"))


def _connect(name: str, url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(url, connect_timeout=_WAIT, autocommit=True)
    except psycopg.Error as error:
        raise Trouble(f"{name}: {one_line(error)}") from error


def _role(database: psycopg.Connection) -> tuple[str, bool, bool]:
    row = database.execute(_ROLE).fetchone()
    assert row is not None  # nosec B101 # for the type checker
    return row[0], row[1], row[2]


def _make_roles(database: psycopg.Connection, passwords: dict[str, str]) -> None:
    owner, name = sql.Identifier(OWNER), sql.Identifier(database.info.dbname)
    try:
        ensure_roles(database, passwords, alone=False)
        database.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(name, owner))
        database.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(owner))
    except psycopg.Error as error:
        raise Trouble(f"DATABASE_URL: the roles could not be made: {one_line(error)}") from error
    # A GRANT by a role that does not own the thing is a warning, not an error: look.
    may = database.execute(_MAY_CREATE, {"owner": OWNER}).fetchone()
    if may is None or not may[0]:
        raise Trouble(
            f"DATABASE_URL's role does not own the database {database.info.dbname}, so {OWNER} got "
            "no right to create tables there. Give the database to that role."
        )
