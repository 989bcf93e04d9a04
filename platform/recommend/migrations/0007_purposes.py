"""An answer asks the tenant's own table for its purposes, in the same statement; an event that
withholds one of them, or is from before a consent that counts later ones alone, is not read.
"""

from importlib import import_module

from django.db import migrations

# `p_personal` and `p_common` are the purposes of a personal answer and of one for everybody, where
# the tenant has no table of its own. `code` is that of the first purpose that is not in force.
SUBJECT = """
create function recommend_subject(
    p_lookup bytea, p_most integer, p_personal text[], p_common text[])
returns table (subject_id bigint, wrapped bytea, code text, items bigint[], times float8[],
    types smallint[], amounts float8[], version_id uuid, manifest_sha256 bytea, purpose text,
    common_purpose text)
language plpgsql stable as $$
declare
    own jsonb;
    refused text := '';
    has_removals boolean;
    purposes text[];
    since timestamptz;
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
    select u.uses into own from consent_usetable u order by u.number desc limit 1;
    purposes := case when own ? 'personalised_answer'
        then array(select jsonb_array_elements_text(own->'personalised_answer')) else p_personal end;
    purpose := purposes[1];
    common_purpose := coalesce(own->'popularity'->>0, p_common[1]);
    select s.id, k.wrapped into subject_id, wrapped
        from subjects_subject s left join subjects_subjectkey k on k.subject_id = s.id
        where s.lookup = p_lookup and s.erased_at is null;
    if subject_id is null then
        code := 'unknown_user';
        return next;
        return;
    end if;
    select coalesce((array_agg(r.reason order by r.place) filter (where r.reason <> ''))[1], ''),
           max(r.since)
        into code, since
        from (select p.place,
                case when c.id is null then 'no_record'
                     when c.state = 'given' and c.valid_from <= statement_timestamp()
                         and (c.expires_at is null or c.expires_at > statement_timestamp()) then ''
                     when c.state = 'given' then 'expired'
                     else coalesce(nullif(c.code, ''), c.state) end as reason,
                case when n.later_events_only then c.valid_from end as since
            from unnest(purposes) with ordinality p(name, place)
            left join consent_consentstate c
                on c.subject_id = recommend_subject.subject_id and c.purpose = p.name
            left join consent_consentrecord t on t.id = c.record_id
            left join consent_notice n on n.id = t.notice_id) r;
    if code = '' and refused <> '' then
        code := refused;
        return next;
        return;
    end if;
    if code = '' then
        has_removals := exists (select from rights_profileremoval x
            where x.subject_id = recommend_subject.subject_id);
        select array_agg(e.item_id), array_agg(extract(epoch from e.occurred_at)::float8),
               array_agg(e.type), array_agg(e.value)
            into items, times, types, amounts
            from (select ev.* from behaviour_event ev
                  where ev.subject_id = recommend_subject.subject_id
                      and (since is null or ev.occurred_at >= since)
                      and not coalesce(ev.withheld && purposes, false)
                      and (not has_removals or not exists (
                          select from rights_profileremoval x
                              left join behaviour_item i on i.id = ev.item_id
                              where x.subject_id = ev.subject_id
                                  and (x.item_id = ev.item_id
                                      or x.category <> '' and x.category = i.category)))
                  order by ev.occurred_at desc, ev.id desc limit p_most) e;
    end if;
    return next;
end $$;
"""

CONTEXT = """
create function recommend_context(
    p_tenant uuid, p_digest bytea, p_lookup bytea, p_most integer, p_personal text[],
    p_common text[])
returns table (key_id uuid, facts jsonb, subject_id bigint, wrapped bytea, code text,
    items bigint[], times float8[], types smallint[], amounts float8[], version_id uuid,
    manifest_sha256 bytea, purpose text, common_purpose text)
language plpgsql as $$
declare before text := coalesce(current_setting('app.tenant_id', true), '');
begin
    select k.key_id, k.facts into key_id, facts from account_enter(p_tenant, p_digest) k;
    if key_id is not null then
        -- A key that may not ask is told so; nothing is read for it.
        if facts->'scopes' ? 'recommendations:read' then
            select r.* into subject_id, wrapped, code, items, times, types, amounts, version_id,
                    manifest_sha256, purpose, common_purpose
                from recommend_subject(p_lookup, p_most, p_personal, p_common) r;
        end if;
        perform set_config('app.tenant_id', before, true);
        return next;
    end if;
end $$;
"""
DROP_CONTEXT = "drop function recommend_context(uuid, bytea, bytea, integer, text[], text[])"
DROP_SUBJECT = "drop function recommend_subject(bytea, integer, text[], text[])"
OLD_CONTEXT = import_module("recommend.migrations.0003_key_facts").CONTEXT
EARLIER = import_module("recommend.migrations.0006_profile_removals")
OLD_SUBJECT = EARLIER.changed(EARLIER.BEFORE)


class Migration(migrations.Migration):
    dependencies = [
        ("recommend", "0006_profile_removals"),
        ("consent", "0005_use_table"),
        ("behaviour", "0006_withheld"),
    ]
    operations = [
        migrations.RunSQL(
            "drop function recommend_context(uuid, bytea, bytea, text, integer)", OLD_CONTEXT
        ),
        migrations.RunSQL("drop function recommend_subject(bytea, text, integer)", OLD_SUBJECT),
        migrations.RunSQL(SUBJECT, DROP_SUBJECT),
        migrations.RunSQL(CONTEXT, DROP_CONTEXT),
    ]
