"""Linking entries into a tenant's chain, as the database does it: one function, one round trip.

The head's row orders the writers, and nobody waits for it. An entry whose writer finds it taken
lies in `audit_auditwaiting`, committed or rolled back with its change like any other row, until
the next one that gets the head links what waits. So a busy tenant's writers never stand behind
each other; and since a number is given only to what is committed, or commits with it, there are
no gaps.
"""

from uuid import UUID

from django.db import connection

from tenants.isolation.scope import tenant_scope

# What of an entry is known before it is linked, in the order of both tables' columns.
FACTS = (
    "tenant_id", "id", "format", "occurred_at", "recorded_at", "actor_type", "actor_ref",
    "actor_role", "actor_auth", "action", "object_type", "object_id", "object_version",
    "subject_ref", "purpose", "lawful_basis", "outcome", "reason", "request_id", "policy_version",
    "details_commit",
)  # fmt: skip
# And what is stored beside it meanwhile.
WAITING = (*FACTS, "content_hash", "salt", "details")
# How many that wait one writer takes along, and the periodic duty in one transaction.
ALONG, BATCH = 100, 1000

_COLUMNS = ", ".join(FACTS)
_ONE, _OWN, _GONE, _ENTRY = (
    ", ".join(f"{row}.{name}" for name in FACTS) for row in ("one", "own", "gone", "entry")
)
# A statement in a function sees what was committed before that statement began: what waits is read
# once the head is held, so nobody else can have linked it meanwhile. Only names of columns are put
# into these texts.
_LINK = f"""
create function audit_link(most integer, inout seq bigint, inout hash bytea, out taken uuid[])
language plpgsql as $$
#variable_conflict use_column
declare one audit_auditwaiting; before bytea;
begin
    taken := '{{}}';
    for one in select * from audit_auditwaiting order by recorded_at, id limit most loop
        before := hash;
        seq := seq + 1;
        hash := sha256('\\x00'::bytea || int8send(seq) || before || one.content_hash);
        insert into audit_auditentry ({_COLUMNS}, seq, prev_hash, entry_hash)
            values ({_ONE}, seq, before, hash);
        insert into audit_auditdetail (tenant_id, entry_id, salt, details)
            values (one.tenant_id, one.id, one.salt, one.details);
        taken := taken || one.id;
    end loop;
    if cardinality(taken) > 0 then
        delete from audit_auditwaiting where id = any(taken);
    end if;
end $$;
"""  # nosec B608
# The head is found free, moved and read in one statement, which is what most entries need: locking
# it first and moving it afterwards cost two statements more. What waits is linked behind.
APPEND = f"""
create or replace function audit_append(own audit_auditwaiting, patient boolean,
    out seq bigint, out prev_hash bytea, out entry_hash bytea)
language plpgsql as $$
#variable_conflict use_column
declare waits boolean; at bigint; last bytea;
begin
    if patient then
        perform 1 from audit_audithead h where h.tenant_id = own.tenant_id for update;
    end if;
    update audit_audithead h set seq = free.seq + 1,
        hash = sha256('\\x00'::bytea || int8send(free.seq + 1) || free.hash || own.content_hash)
    from (select id, seq, hash from audit_audithead where tenant_id = own.tenant_id
        for update skip locked) free
    where h.id = free.id
    returning h.seq, free.hash, h.hash,
        exists (select from audit_auditwaiting w where w.tenant_id = own.tenant_id)
    into seq, prev_hash, entry_hash, waits;
    if not found then
        if exists (select from audit_audithead h where h.tenant_id = own.tenant_id) then
            insert into audit_auditwaiting select own.*;
            return;
        end if;
        insert into audit_audithead (tenant_id, seq, hash)
            values (own.tenant_id, 0, decode(repeat('00', 32), 'hex'))
            on conflict (tenant_id) do nothing;
        select a.seq, a.prev_hash, a.entry_hash into seq, prev_hash, entry_hash
            from audit_append(own, true) a;
        return;
    end if;
    insert into audit_auditentry ({_COLUMNS}, seq, prev_hash, entry_hash)
        values ({_OWN}, seq, prev_hash, entry_hash);
    insert into audit_auditdetail (tenant_id, entry_id, salt, details)
        values (own.tenant_id, own.id, own.salt, own.details);
    if waits then
        select l.seq, l.hash into at, last from audit_link({ALONG}, seq, entry_hash) l;
        update audit_audithead h set seq = at, hash = last where h.tenant_id = own.tenant_id;
    end if;
end $$;
"""  # nosec B608
_LINK_WAITING = """
create function audit_link_waiting(most integer) returns integer language plpgsql as $$
declare at bigint; last bytea; gone uuid[];
begin
    if not exists (select from audit_auditwaiting) then
        return 0;
    end if;
    select h.seq, h.hash into at, last from audit_audithead h for update;
    select l.seq, l.hash, l.taken into at, last, gone from audit_link(most, at, last) l;
    update audit_audithead set seq = at, hash = last;
    return cardinality(gone);
end $$;
"""
# What waits may go only once it stands in the log, word for word.
_KEPT = f"""
create function audit_kept() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from gone where not app_time_is_over(gone.tenant_id) and not exists (
        select from audit_auditentry entry
        where entry.id = gone.id and ({_ENTRY}) = ({_GONE})
    )) then
        raise exception '% is append-only until an entry is linked: % refused',
            tg_table_name, tg_op using errcode = 'insufficient_privilege';
    end if;
    return null;
end $$;

create trigger kept after delete on audit_auditwaiting
    referencing old table as gone for each statement execute function audit_kept();
"""  # nosec B608
FUNCTIONS = [_LINK, APPEND, _LINK_WAITING, _KEPT]
DROP_FUNCTIONS = """
drop trigger kept on audit_auditwaiting;
drop function audit_kept();
drop function audit_link_waiting(integer);
drop function audit_append(audit_auditwaiting, boolean);
drop function audit_link(integer, bigint, bytea);
"""


def link(tenant_id: UUID) -> int:
    """Periodic duty, and before the log is read as a whole: link what waits; how many."""
    linked = 0
    while True:
        with tenant_scope(tenant_id):
            count = link_waiting()
        linked += count
        if count < BATCH:
            return linked


def link_waiting() -> int:
    """Link up to BATCH entries of the tenant in scope; holds the chain's head until the
    transaction ends. How many.
    """
    with connection.cursor() as cursor:
        cursor.execute("select audit_link_waiting(%s)", [BATCH])
        return int(cursor.fetchone()[0])
