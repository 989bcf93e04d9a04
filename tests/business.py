"""A tenant as tests meet it: with its owner, a key that holds every scope, and browsers.

Not in conftest.py, which pytest imports under a name of its own: its classes would exist twice.
"""

from dataclasses import dataclass

from django.conf import settings
from django.test import Client

from tenants.access.rights import SCOPES
from tenants.accounts.keys import create_key
from tenants.accounts.models import Member, Person, Role, Tenant
from tenants.accounts.queries import person_with
from tenants.accounts.services import add_member, create_tenant
from tenants.audit.actor import Actor, system
from tenants.isolation.scope import person_scope, tenant_scope

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Business:
    """A tenant with its owner and one key that holds every scope."""

    tenant: Tenant
    owner: Person
    key: str
    # The public id of the owner's membership, which stands for them in this tenant.
    member: str

    @property
    def actor(self) -> Actor:
        return Actor(type="member", ref=self.member, role="owner", auth="test")

    @property
    def scope(self):
        return tenant_scope(self.tenant.id)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def browser(self, role: Role = Role.OWNER) -> Client:
        """A signed-in client: the owner, or a fresh member with another role."""
        person = self.owner
        if role != Role.OWNER:
            email = f"{role}-{self.tenant.id.hex}@example.com"
            person = person_with(email)
            if person is None:
                person = Person.objects.create_user(email, PASSWORD)
                with self.scope:
                    add_member(person=person, role=role, actor=self.actor)
        return signed_in(person)


def signed_in(person: Person) -> Client:
    """A client whose session is this person's."""
    client = Client()
    with person_scope(person.pk):  # Django notes the moment on the person
        client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def make_business(name: str) -> Business:
    """A tenant as `create_tenant` makes it, with an owner and a key."""
    owner = Person.objects.create_user(f"{name.lower()}@example.com", PASSWORD)
    tenant = create_tenant(name=f"{name}'s shop", actor=system("tests"), owner=owner)
    with tenant_scope(tenant.id):
        scopes = [scope.value for scope in SCOPES]
        _, text = create_key(name="everything", scopes=scopes, actor=system("tests"))
        member = Member.objects.get(person=owner).public_id
    return Business(tenant, owner, text, member)
