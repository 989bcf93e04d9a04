from django.db import migrations

from tenants.isolation import policies

PERSON, ADDRESS = "accounts_person", "account_emailaddress"
# Under the wall of memberships itself: those of the tenant in scope.
MEMBERS = "select person_id from accounts_member where tenant_id = (select app_tenant_or_null())"
WALLS = [
    *policies.person_wall(PERSON, person="id", email="email", members=MEMBERS),
    *policies.person_wall(ADDRESS, person="user_id", email="email", members=MEMBERS),
]
NAMES = ("in_scope", "own_row", "fellow_members")
OPEN_AGAIN = [*policies.open_wall(ADDRESS, *NAMES), *policies.open_wall(PERSON, *NAMES)]


class Migration(migrations.Migration):
    """The second table is allauth's: a later migration of allauth that looks at its rows needs
    the wall opened and closed around it."""

    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("accounts", "0002_keys_plans_invitations"),
        ("isolation", "0003_persons"),
    ]

    operations = [migrations.RunSQL(WALLS, OPEN_AGAIN)]
