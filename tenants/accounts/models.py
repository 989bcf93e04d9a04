"""Tenants, the persons who sign in, their memberships and the tenants' API keys."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.accounts import plans, tokens
from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantForeignKey, TenantOwned
from tenants.isolation.scope import sign_in_scope

# The longest address that mail is sent to (RFC 5321, 4.5.3.1.3, without its angle brackets).
ADDRESS_LENGTH = 254


class PersonManager(BaseUserManager["Person"]):
    """Creates persons; the name `create_user` is Django's."""

    def create_user(self, email: str, password: str | None = None) -> "Person":
        person = Person(email=self.normalize_email(email).lower())
        person.set_password(password)
        with sign_in_scope(person.email):
            person.save()
        return person


class Person(AbstractBaseUser):
    """Somebody who can sign in. Belongs to no tenant by itself; memberships say to which."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    email = models.EmailField(unique=True, max_length=ADDRESS_LENGTH)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects = PersonManager()
    USERNAME_FIELD = "email"

    @property
    def public_id(self) -> str:
        return public_id("person", self.id)


class Tenant(models.Model):
    """A business. `shift_weeks` and `synthetic_consent` are what its pages must say of its data."""

    # Suspended by whoever runs the installation; by its owner, who may take it back until it
    # closes; by both, each of whom takes back their own; and while its rows are being deleted,
    # when nobody may do anything any more.
    OPERATOR, CLOSING, HELD, CLOSED = "operator", "closing", "held", "closed"
    # Those on the way to the end: an end in the register over any other state is a mistake.
    ENDING = (CLOSING, HELD, CLOSED)

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.TextField()
    timezone = models.TextField(default="UTC")
    jurisdiction = models.TextField(default="GB")
    controller_contact = models.TextField(default="")
    shift_weeks = models.IntegerField(default=0)
    synthetic_consent = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    suspended_at = models.DateTimeField(null=True)
    # Why, as a code of the four above; "" while it works.
    suspended_for = models.TextField(default="")
    # A test tenant names the live one whose members it shares; nothing else passes between them.
    live_id = models.UUIDField(null=True, unique=True)
    # A line of `plans.PLANS`, and what the installation grants beside it, by the plan's names.
    plan = models.TextField(default=plans.DEFAULT)
    granted = models.JSONField(default=dict)

    @property
    def public_id(self) -> str:
        return public_id("tenant", self.id)

    @property
    def mode(self) -> str:
        return tokens.TEST if self.live_id else tokens.LIVE

    @property
    def resting(self) -> str:
        """Why the tenant is suspended, as a code; "" while it works."""
        return (self.suspended_for or self.OPERATOR) if self.suspended_at else ""

    @property
    def limits(self) -> plans.Plan:
        return plans.limits_of(self.plan, self.granted)


class Role(models.TextChoices):
    """What a member is; `access/rights.py` says what each may do."""

    OWNER = "owner"
    ADMIN = "admin"
    ANALYST = "analyst"
    AUDITOR = "auditor"


class Member(TenantOwned):
    """One person's place in one tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    role = models.TextField(choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "person"], name="member_once")]

    @property
    def public_id(self) -> str:
        return public_id("member", self.id)


class APIKey(TenantOwned):
    """A tenant's key. Only its hash is stored; `redacted` is what a list may show."""

    kept_back = {"hash": "secret"}

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.TextField()
    redacted = models.TextField()
    hash = models.BinaryField()
    kind = models.TextField(default=tokens.RESTRICTED)
    scopes = ArrayField(models.TextField())
    # Where a browser may use a public key, as "https://shop.example"; empty: anywhere.
    origins = ArrayField(models.TextField(), default=list)
    # A narrower limit than the tenant's; None: the tenant's alone.
    requests_per_second = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # The key that takes this one's place; both work until this one expires.
    replaced_by = TenantForeignKey("self", null=True, related_name="replaces")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "hash"], name="key_hash_once")]

    @property
    def public_id(self) -> str:
        return public_id("key", self.id)


class Invitation(TenantOwned):
    """A place in the tenant that waits for its person. Only a hash of the link's secret is kept."""

    kept_back = {"hash": "secret"}

    id = models.UUIDField(primary_key=True, default=uuid7)
    email = models.EmailField(max_length=ADDRESS_LENGTH)
    role = models.TextField(choices=Role.choices)
    hash = models.BinaryField()
    invited_by = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "hash"], name="invitation_hash_once")
        ]

    @property
    def public_id(self) -> str:
        return public_id("invitation", self.id)
