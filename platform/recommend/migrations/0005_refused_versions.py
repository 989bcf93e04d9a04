"""A version that must not serve any more is left out of the one question behind an answer, so that
it holds in every process from the next request on."""

from importlib import import_module

from django.db import migrations

# As before, but for the version: one that is stopped, past its deadline or destroyed is no version,
# and the code says which. A person's own code comes first.
SUBJECT = """
create or replace function recommend_subject(p_lookup bytea, p_purpose text, p_most integer)
returns table (subject_id bigint, wrapped bytea, code text, items bigint[], times float8[],
    types smallint[], amounts float8[], version_id uuid, manifest_sha256 bytea)
language plpgsql stable as $$
declare refused text := '';
begin
    select p.version_id, v.manifest_sha256,
           case when v.state in ('replaced', 'retired') or v.stopped_at is not null
                     then 'version_stopped'
                when v.due_at <= statement_timestamp() then 'version_overdue'
                else '' end
        into version_id, manifest_sha256, refused
        from jobs_publication p join jobs_version v on v.id = p.version_id
        where p.task = 'recommendation';
    if refused <> '' then
        version_id := null;
        manifest_sha256 := null;
    end if;
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
    if code = '' and refused <> '' then
        code := refused;
        return next;
        return;
    end if;
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
BEFORE = import_module("recommend.migrations.0002_context").SUBJECT.replace(
    "create function", "create or replace function"
)


class Migration(migrations.Migration):
    dependencies = [("recommend", "0004_answer"), ("jobs", "0010_taint")]
    operations = [migrations.RunSQL(SUBJECT, BEFORE)]
