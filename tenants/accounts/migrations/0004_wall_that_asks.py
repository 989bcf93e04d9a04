from django.db import migrations

from tenants.isolation import policies

PERSONS = {"accounts_person": "id", "account_emailaddress": "user_id"}


class Migration(migrations.Migration):
    """A query on persons without a scope raises, whichever plan the database chooses for it."""

    dependencies = [
        ("accounts", "0003_persons_behind_the_wall"),
        ("isolation", "0005_person_asked"),
    ]

    operations = [
        migrations.RunSQL(
            policies.asking_wall(table, person=person, email="email"),
            policies.silent_wall(table, person=person, email="email"),
        )
        for table, person in PERSONS.items()
    ]
