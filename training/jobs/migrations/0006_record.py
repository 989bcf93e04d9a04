"""A running job may come to rest by itself: the disk is full, and somebody has to make room."""

from django.db import migrations

from training.jobs.life import sql_moves

# The same function as before, with the table of moves as it is now.
HOLD = f"""
create or replace function jobs_hold_life() returns trigger language plpgsql as $$
begin
    if new.state <> old.state
            and (old.state, new.state) not in (select * from (values {sql_moves()}) as moves) then
        raise exception 'a job that is % does not become %', old.state, new.state
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
"""  # nosec B608 # constants of `life` alone


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_devices")]

    operations = [migrations.RunSQL(HOLD, migrations.RunSQL.noop)]
