"""The SQL of row-level security: one policy text, the functions it calls, and grants.

The application role is neither owner, superuser nor BYPASSRLS. Knows no table by name.
"""

APP_ROLE = "attune_app"

# `nullif` because a setting that was once set locally reads '' afterwards. Silent zero rows
# would let an erasure "succeed", so a missing scope raises.
FUNCTIONS = """
create function app_tenant() returns uuid language plpgsql stable as $$
declare value text := nullif(current_setting('app.tenant_id', true), '');
begin
    if value is null then
        raise exception 'no tenant scope: app.tenant_id is not set'
            using errcode = 'insufficient_privilege', hint = 'enter tenant_scope() first';
    end if;
    return value::uuid;
end $$;

create function app_person_or_null() returns uuid language sql stable as $$
    select nullif(current_setting('app.person_id', true), '')::uuid
$$;

create function app_tenant_or_person() returns uuid language plpgsql stable as $$
declare value text := nullif(current_setting('app.tenant_id', true), '');
begin
    if value is null and app_person_or_null() is null then
        raise exception 'no scope: neither app.tenant_id nor app.person_id is set'
            using errcode = 'insufficient_privilege',
                  hint = 'enter tenant_scope() or person_scope() first';
    end if;
    return value::uuid;
end $$;

create function app_append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op
        using errcode = 'insufficient_privilege';
end $$;
"""

DROP_FUNCTIONS = """
drop function app_append_only(); drop function app_tenant_or_person();
drop function app_person_or_null(); drop function app_tenant();
"""

# The grace period, kept by the database: nobody, whatever role they stole, makes a tenant's end
# come sooner than in seven days, and until then the append-only tables refuse every DELETE. The
# fixed search path keeps a temporary table of the register's name from standing in for it.
CLOSING = """
create function app_time_is_over(tenant uuid) returns boolean language plpgsql stable
set search_path = pg_catalog, public, pg_temp as $$
begin
    return exists (select from isolation_knowntenant
        where tenant_id = tenant and closes_at <= statement_timestamp());
end $$;

create or replace function app_append_only() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        if app_time_is_over(old.tenant_id) then
            return old;
        end if;
    end if;
    raise exception '% is append-only: % refused', tg_table_name, tg_op
        using errcode = 'insufficient_privilege';
end $$;

create function app_grace_period() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op <> 'INSERT' then
        if old.tenant_id <> app_tenant() then
            raise exception 'the end of a tenant is set inside its own scope'
                using errcode = 'insufficient_privilege';
        end if;
        if coalesce(old.closes_at <= statement_timestamp(), false) <> (tg_op = 'DELETE') then
            raise exception 'the grace of a tenant before its end allows no %', tg_op
                using errcode = 'insufficient_privilege';
        end if;
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if new.closes_at < statement_timestamp() + interval '7 days' then
        raise exception 'a tenant closes seven days from now at the earliest'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
"""

DROP_CLOSING = """
drop function app_grace_period();
create or replace function app_append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op
        using errcode = 'insufficient_privilege';
end $$;
drop function app_time_is_over(uuid);
"""

# What a table of persons asks: they sign in before a tenant is known and may belong to several.
PERSON_FUNCTIONS = """
create function app_tenant_or_null() returns uuid language sql stable as $$
    select nullif(current_setting('app.tenant_id', true), '')::uuid
$$;

create function app_sign_in_or_null() returns text language sql stable as $$
    select nullif(current_setting('app.sign_in', true), '')
$$;

create function app_about_persons() returns boolean language plpgsql stable as $$
begin
    if app_person_or_null() is null and app_sign_in_or_null() is null
            and app_tenant_or_null() is null then
        raise exception 'no scope: none of app.person_id, app.sign_in, app.tenant_id is set'
            using errcode = 'insufficient_privilege',
                  hint = 'enter person_scope(), sign_in_scope() or tenant_scope() first';
    end if;
    return true;
end $$;
"""

DROP_PERSON_FUNCTIONS = """
drop function app_about_persons(); drop function app_sign_in_or_null();
drop function app_tenant_or_null();
"""

# Which plan PostgreSQL chooses must not decide whether a query without a scope raises: through the
# indexes it may find no row and never ask `app_about_persons`. So the compared value asks.
PERSON_ASKED = """
create function app_person_asked() returns uuid language plpgsql stable as $$
begin
    perform app_about_persons();
    return app_person_or_null();
end $$;
"""

DROP_PERSON_ASKED = "drop function app_person_asked();"

# Default privileges are per database; `all tables` covers Django's own migration table, which
# exists before the first migration runs.
GRANTS = f"""
grant usage on schema public to {APP_ROLE};
grant select on all tables in schema public to {APP_ROLE};
alter default privileges in schema public
    grant select, insert, update, delete on tables to {APP_ROLE};
alter default privileges in schema public grant usage on sequences to {APP_ROLE};
"""

REVOKE_GRANTS = f"""
alter default privileges in schema public
    revoke select, insert, update, delete on tables from {APP_ROLE};
alter default privileges in schema public revoke usage on sequences from {APP_ROLE};
"""


def wall(table: str, *, column: str = "tenant_id", also_read: str = "") -> list[str]:
    """Statements that put `table` under forced row-level security, reading and writing.

    `also_read` is a second rule under which a row may be seen (a person's own memberships); the
    wall then raises only where neither scope is set.
    """
    # What raises is the compared value itself: a condition beside it may never be evaluated,
    # when an index on the column finds nothing first.
    tenant = "app_tenant_or_person" if also_read else "app_tenant"
    rule = f"{column} = (select {tenant}())"
    statements = [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy tenant_wall on {table} using ({rule}) with check ({rule})",
    ]
    if also_read:
        statements.append(f"create policy own_rows on {table} for select using ({also_read})")
    return statements


def person_wall(table: str, *, person: str, email: str, members: str) -> list[str]:
    """Statements that put a table of persons under forced row-level security.

    A row is the person's own, by the column `person` or, while somebody signs in, by `email`;
    `members` selects the persons whom the tenant in scope may see besides, reading only.
    """
    own = f"{person} = (select app_person_or_null()) or {email} = (select app_sign_in_or_null())"
    # `case` keeps the order: without a tenant the members' own wall would raise.
    fellow = (
        f"case when (select app_tenant_or_null()) is null then false "
        f"else {person} in ({members}) end"
    )
    # Beside the rules and not in them: what `or` joins is not always evaluated. As with the other
    # walls, a look through a unique index that meets no row at all ends before anything is asked.
    asked = "(select app_about_persons())"
    return [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy in_scope on {table} as restrictive using ({asked}) with check ({asked})",
        f"create policy own_row on {table} using ({own}) with check ({own})",
        f"create policy fellow_members on {table} for select using ({fellow})",
    ]


def asking_wall(table: str, *, person: str, email: str) -> list[str]:
    """Statements after which the wall of `person_wall` raises by whatever plan it is asked."""
    own = f"{person} = (select app_person_asked()) or {email} = (select app_sign_in_or_null())"
    return [f"alter policy own_row on {table} using ({own}) with check ({own})"]


def silent_wall(table: str, *, person: str, email: str) -> list[str]:
    """The way back of a migration with `asking_wall`."""
    own = f"{person} = (select app_person_or_null()) or {email} = (select app_sign_in_or_null())"
    return [f"alter policy own_row on {table} using ({own}) with check ({own})"]


def open_wall(table: str, *names: str) -> list[str]:
    """The way back of a migration: statements that drop policies and the wall with them."""
    dropped = [f"drop policy {name} on {table}" for name in names]
    off = ["no force row level security", "disable row level security"]
    return dropped + [f"alter table {table} {verb}" for verb in off]


def withhold(table: str, *verbs: str) -> str:
    """A statement that takes rights on `table` from the application role, e.g. "delete"."""
    return f"revoke {', '.join(verbs)} on {table} from {APP_ROLE}"


def append_only(table: str, *, deletable: bool = False) -> list[str]:
    """Statements that make the database itself refuse to change what is written in `table`.

    TRUNCATE is always refused; DELETE, unless `deletable` (what erasure or an end of time removes),
    until the tenant's own time is over (`CLOSING`).
    """
    refused = "update" if deletable else "update, delete"
    return [
        withhold(table, "update", "truncate"),
        f"create trigger append_only before {refused.replace(', ', ' or ')} on {table} "
        "for each row execute function app_append_only()",
        f"create trigger append_only_all before truncate on {table} "
        "for each statement execute function app_append_only()",
    ]


def ends_with_tenant(table: str, *, guard: bool = False) -> list[str]:
    """Statements that grant DELETE on `table`, for its tenant's end alone.

    An append-only table has the trigger that refuses before; `guard` gives one to any other.
    """
    statements = [f"grant delete on {table} to {APP_ROLE}"]
    if guard:
        statements.append(
            f"create trigger ends_with_tenant before delete on {table} "
            "for each row execute function app_append_only()"
        )
    return statements


def tenant_key(table: str) -> str:
    """The unique key that composite foreign keys of other tables point at."""
    return f"alter table {table} add constraint {table}_tenant_key unique (tenant_id, id)"


def tenant_reference(table: str, column: str, target: str) -> str:
    """A composite foreign key: a plain one is checked without row-level security.

    `not valid` spares only the look at rows that stand already (none: the table is new), which
    forced row-level security would refuse to the owner; every later row is checked.
    """
    return (
        f"alter table {table} add constraint {table}_{column}_tenant_fk "
        f"foreign key (tenant_id, {column}) references {target} (tenant_id, id) "
        "deferrable initially deferred not valid"
    )
