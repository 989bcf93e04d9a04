"""When a tenant closes, and the grace before it, kept by the database itself."""

from django.db import migrations, models

from tenants.isolation import policies

TRIGGER = """create trigger grace_period before insert or update or delete on isolation_knowntenant
for each row execute function app_grace_period()"""
GRANT = f"grant update (closes_at), delete on isolation_knowntenant to {policies.APP_ROLE}"
REVOKE = f"revoke update (closes_at), delete on isolation_knowntenant from {policies.APP_ROLE}"


class Migration(migrations.Migration):
    dependencies = [("isolation", "0001_ground")]

    operations = [
        migrations.AddField("knowntenant", "closes_at", models.DateTimeField(null=True)),
        migrations.RunSQL(policies.CLOSING, policies.DROP_CLOSING),
        migrations.RunSQL(TRIGGER, "drop trigger grace_period on isolation_knowntenant"),
        migrations.RunSQL(GRANT, REVOKE),
    ]
