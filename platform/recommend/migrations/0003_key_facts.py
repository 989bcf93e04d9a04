"""The question behind an answer tells all that is known of the key, not its scopes alone."""

from importlib import import_module

from django.db import migrations

CONTEXT = """
create function recommend_context(
    p_tenant uuid, p_digest bytea, p_lookup bytea, p_purpose text, p_most integer)
returns table (key_id uuid, facts jsonb, subject_id bigint, wrapped bytea, code text,
    items bigint[], times float8[], types smallint[], amounts float8[], version_id uuid,
    manifest_sha256 bytea)
language plpgsql as $$
declare before text := coalesce(current_setting('app.tenant_id', true), '');
begin
    select k.key_id, k.facts into key_id, facts from account_enter(p_tenant, p_digest) k;
    if key_id is not null then
        -- A key that may not ask is told so; nothing is read for it.
        if facts->'scopes' ? 'recommendations:read' then
            select r.* into subject_id, wrapped, code, items, times, types, amounts, version_id,
                    manifest_sha256
                from recommend_subject(p_lookup, p_purpose, p_most) r;
        end if;
        perform set_config('app.tenant_id', before, true);
        return next;
    end if;
end $$;
"""
DROP = "drop function recommend_context(uuid, bytea, bytea, text, integer)"
BEFORE = import_module("recommend.migrations.0002_context").CONTEXT


class Migration(migrations.Migration):
    dependencies = [
        ("recommend", "0002_context"),
        ("accounts", "0002_keys_plans_invitations"),
    ]
    operations = [migrations.RunSQL(DROP, BEFORE), migrations.RunSQL(CONTEXT, DROP)]
