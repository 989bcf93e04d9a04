"""A job moves only along the table of its life, whoever writes; its estimate, and what it used."""

from django.db import migrations, models

from training.jobs.life import sql_moves

HOLD = f"""
create function jobs_hold_life() returns trigger language plpgsql as $$
begin
    if new.state <> old.state
            and (old.state, new.state) not in (select * from (values {sql_moves()}) as moves) then
        raise exception 'a job that is % does not become %', old.state, new.state
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger hold_life before update of state on jobs_job
    for each row execute function jobs_hold_life();
"""  # nosec B608 # constants of `life` alone
LET_GO = "drop trigger hold_life on jobs_job; drop function jobs_hold_life();"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_end_of_tenant")]

    operations = [
        migrations.AddField("job", "estimate", models.JSONField(default=dict)),
        migrations.AddField("job", "device", models.TextField(default="")),
        migrations.AddField("job", "device_seconds", models.FloatField(default=0.0)),
        migrations.AlterField("job", "state", models.TextField(default="validating")),
        migrations.RunSQL(HOLD, LET_GO),
    ]
