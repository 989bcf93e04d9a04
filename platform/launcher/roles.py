"""The two database roles and what they may do: the owner migrates, the app serves under row-level
security. The only module of the launcher that speaks SQL."""

from collections.abc import Callable
from urllib.parse import quote

import psycopg
from psycopg import sql

from launcher.ports import HOST
from launcher.trouble import Trouble

OWNER, APP, DATABASE = "attune_owner", "attune_app", "attune"
# CREATEDB lets the owner make test databases.
_RIGHTS = {
    OWNER: sql.SQL("LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB"),
    APP: sql.SQL("LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB"),
}


def url(*, role: str, password: str, port: int, database: str = DATABASE) -> str:
    return f"postgresql://{quote(role)}:{quote(password)}@{HOST}:{port}/{quote(database)}"


def answers(admin_url: str) -> Callable[[], bool]:
    """A question: does the server accept a real connection now?"""

    def ask() -> bool:
        try:
            psycopg.connect(admin_url, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Trouble(
                    "The passwords in secrets.json do not open the database beside it. Put the "
                    "file of the same backup back, or move the folder away to begin anew."
                ) from error
            return False
        return True

    return ask


def ensure_roles(
    admin: psycopg.Connection, passwords: dict[str, str], *, alone: bool = True
) -> None:
    """Creates both roles or sets them right; `passwords` maps OWNER and APP to theirs.

    Not `alone` in the server, the admin is no superuser and may name no right, not even to refuse
    it; a new role has none. Passwords travel as SCRAM verifiers, so no server log can hold them.
    """
    for role, rights in _RIGHTS.items():
        exists = admin.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
        verifier = admin.pgconn.encrypt_password(
            passwords[role].encode(), role.encode(), b"scram-sha-256"
        )
        statement = sql.SQL("{verb} ROLE {role} {rights} PASSWORD {verifier}").format(
            verb=sql.SQL("ALTER" if exists else "CREATE"),
            role=sql.Identifier(role),
            rights=rights if alone else sql.SQL("LOGIN"),
            verifier=sql.Literal(verifier.decode()),
        )
        admin.execute(statement)


def ensure_database(admin_url: str, passwords: dict[str, str]) -> None:
    """Roles and the database `attune`, owned by OWNER, in a server that is ours alone."""
    try:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            ensure_roles(admin, passwords)
            exists = admin.execute("select 1 from pg_database where datname = %s", [DATABASE])
            if exists.fetchone() is None:
                name, owner = sql.Identifier(DATABASE), sql.Identifier(OWNER)
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
    except psycopg.Error as error:
        raise Trouble(f"The database roles could not be made: {one_line(error)}") from error


def one_line(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
