"""What follows an answer's ranking is one statement too: which of the ranked items are available
now, what they are called, and the row in the decision log.
"""

from django.db import migrations

# p_lines: [{"item": number, "score": …, "reason": {"code": …, "params": {…}}}, …], best first, more
# than are asked for. The rows with a place are those of the answer, in its order, at most p_limit;
# those without are items that reasons of the answer cite.
ANSWER = """
create function recommend_answer(
    p_tenant uuid, p_decision uuid, p_at timestamptz, p_subject bigint, p_subject_ref text,
    p_code text, p_purpose text, p_version uuid, p_key text, p_lines jsonb, p_limit integer)
returns table (place bigint, id bigint, external_id text, title text, category text, price float8)
language plpgsql as $$
#variable_conflict use_column
declare
    before text := coalesce(current_setting('app.tenant_id', true), '');
    told jsonb;
begin
    perform set_config('app.tenant_id', p_tenant::text, true);
    select coalesce(jsonb_agg(l.line order by l.place), '[]') into told from (
        select r.line, r.place
            from jsonb_array_elements(p_lines) with ordinality r(line, place)
            join behaviour_item i on i.id = (r.line->>'item')::bigint
            where i.available
            order by r.place limit p_limit) l;
    insert into recommend_decision (tenant_id, id, occurred_at, subject_id, subject_ref,
            personalised, code, purpose, version_id, key_ref, items)
        values (p_tenant, p_decision, p_at, p_subject, p_subject_ref,
            p_code = '', p_code, p_purpose, p_version, p_key, told);
    return query
        select r.place, i.id, i.external_id, i.title, i.category, i.price
            from jsonb_array_elements(told) with ordinality r(line, place)
            join behaviour_item i on i.id = (r.line->>'item')::bigint
        union all
        select null, i.id, i.external_id, i.title, i.category, i.price from behaviour_item i
            where i.id in (select (r.line->'reason'->'params'->>'item')::bigint
                from jsonb_array_elements(told) r(line))
        order by 1;
    perform set_config('app.tenant_id', before, true);
end $$;
"""
DROP = """
drop function recommend_answer(
    uuid, uuid, timestamptz, bigint, text, text, text, uuid, text, jsonb, integer);
"""


class Migration(migrations.Migration):
    dependencies = [("recommend", "0003_key_facts"), ("behaviour", "0001_initial")]
    operations = [migrations.RunSQL(ANSWER, DROP)]
