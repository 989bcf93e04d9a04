"""The one question behind an answer: key, consent, recent events and published version."""

from django.db import migrations

# What may be known of a subject for an answer. Without consent in force no event is read.
SUBJECT = """
create function recommend_subject(p_lookup bytea, p_purpose text, p_most integer)
returns table (subject_id bigint, wrapped bytea, code text, items bigint[], times float8[],
    types smallint[], amounts float8[], version_id uuid, manifest_sha256 bytea)
language plpgsql stable as $$
begin
    select p.version_id, v.manifest_sha256 into version_id, manifest_sha256
        from jobs_publication p join jobs_version v on v.id = p.version_id
        where p.task = 'recommendation';
    select s.id, k.wrapped into subject_id, wrapped
        from subjects_subject s left join subjects_subjectkey k on k.subject_id = s.id
        where s.lookup = p_lookup and s.erased_at is null;
    if subject_id is null then
        code := 'unknown_user';
        return next;
        return;
    end if;
    select case when c.state = 'given' and c.valid_from <= statement_timestamp()
                     and (c.expires_at is null or c.expires_at > statement_timestamp()) then ''
                when c.state = 'given' then 'expired'
                else coalesce(nullif(c.code, ''), c.state) end into code
        from consent_consentstate c
        where c.subject_id = recommend_subject.subject_id and c.purpose = p_purpose;
    code := coalesce(code, 'no_record');
    if code = '' then
        select array_agg(e.item_id), array_agg(extract(epoch from e.occurred_at)::float8),
               array_agg(e.type), array_agg(e.value)
            into items, times, types, amounts
            from (select ev.* from behaviour_event ev
                  where ev.subject_id = recommend_subject.subject_id
                  order by ev.occurred_at desc, ev.id desc limit p_most) e;
    end if;
    return next;
end $$;
"""

CONTEXT = """
create function recommend_context(
    p_tenant uuid, p_digest bytea, p_lookup bytea, p_purpose text, p_most integer)
returns table (key_id uuid, key_scopes text[], subject_id bigint, wrapped bytea, code text,
    items bigint[], times float8[], types smallint[], amounts float8[], version_id uuid,
    manifest_sha256 bytea)
language plpgsql as $$
declare before text := coalesce(current_setting('app.tenant_id', true), '');
begin
    select k.key_id, k.key_scopes into key_id, key_scopes
        from account_valid_key(p_tenant, p_digest) k;
    if key_id is not null then
        perform set_config('app.tenant_id', p_tenant::text, true);
        select r.* into subject_id, wrapped, code, items, times, types, amounts, version_id,
                manifest_sha256
            from recommend_subject(p_lookup, p_purpose, p_most) r;
        perform set_config('app.tenant_id', before, true);
        return next;
    end if;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("recommend", "0001_initial"),
        ("accounts", "0001_initial"),
        ("consent", "0001_initial"),
        ("behaviour", "0001_initial"),
        ("jobs", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(SUBJECT, "drop function recommend_subject(bytea, text, integer)"),
        migrations.RunSQL(
            CONTEXT, "drop function recommend_context(uuid, bytea, bytea, text, integer)"
        ),
    ]
