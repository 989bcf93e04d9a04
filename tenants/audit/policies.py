"""What the database itself lets go of a log, in SQL: old entries behind a checkpoint, no others."""

# The days that nobody can shorten: at least six months (AI Act art. 19 and 26(6)).
PRUNING = """
create function audit_prunable() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if app_time_is_over(old.tenant_id) then
        return old;
    end if;
    if old.recorded_at < statement_timestamp() - interval '183 days' and exists (
        select from audit_auditcheckpoint where tenant_id = old.tenant_id and size >= old.seq
    ) then
        return old;
    end if;
    raise exception '% is append-only: % refused', tg_table_name, tg_op
        using errcode = 'insufficient_privilege';
end $$;

create function audit_pruned_whole() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare found record;
begin
    for found in select tenant_id, max(seq) as until from gone group by tenant_id loop
        continue when app_time_is_over(found.tenant_id);
        if exists (select from audit_auditentry
                where tenant_id = found.tenant_id and seq < found.until)
            or not exists (select from audit_auditcheckpoint
                where tenant_id = found.tenant_id and size = found.until) then
            raise exception '% is append-only: a log is pruned from its beginning to a checkpoint',
                tg_table_name using errcode = 'insufficient_privilege';
        end if;
    end loop;
    return null;
end $$;

create function audit_leaves_prunable() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare found record;
begin
    for found in select distinct gone.tenant_id, seal.sealed_at, encode(seal.root, 'hex') as root
        from gone join audit_seal seal on seal.id = gone.seal_id
    loop
        continue when app_time_is_over(found.tenant_id);
        continue when found.sealed_at < statement_timestamp() - interval '183 days'
            and exists (select from audit_auditcheckpoint checkpoint join audit_auditentry entry
                on entry.tenant_id = checkpoint.tenant_id and entry.seq <= checkpoint.size
                where entry.tenant_id = found.tenant_id and entry.action = 'decisions.sealed'
                and entry.object_version = found.root);
        raise exception '% is append-only: % refused', tg_table_name, tg_op
            using errcode = 'insufficient_privilege';
    end loop;
    return null;
end $$;

drop trigger append_only on audit_auditentry;
create trigger append_only before update on audit_auditentry
    for each row execute function app_append_only();
create trigger prunable before delete on audit_auditentry
    for each row execute function audit_prunable();
create trigger pruned_whole after delete on audit_auditentry
    referencing old table as gone for each statement execute function audit_pruned_whole();
drop trigger append_only on audit_sealedrow;
create trigger append_only before update on audit_sealedrow
    for each row execute function app_append_only();
create trigger prunable after delete on audit_sealedrow
    referencing old table as gone for each statement execute function audit_leaves_prunable();
"""

NO_PRUNING = """
drop trigger pruned_whole on audit_auditentry;
drop trigger prunable on audit_auditentry;
drop trigger append_only on audit_auditentry;
create trigger append_only before update or delete on audit_auditentry
    for each row execute function app_append_only();
drop trigger prunable on audit_sealedrow;
drop trigger append_only on audit_sealedrow;
create trigger append_only before update or delete on audit_sealedrow
    for each row execute function app_append_only();
drop function audit_leaves_prunable();
drop function audit_pruned_whole();
drop function audit_prunable();
"""
