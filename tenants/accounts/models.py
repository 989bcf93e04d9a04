"""Tenants, the persons who sign in, their memberships and the tenants' API keys."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantOwned


class PersonManager(BaseUserManager["Person"]):
    """Creates persons; the name `create_user` is Django's."""

    def create_user(self, email: str, password: str | None = None) -> "Person":
        person = Person(email=self.normalize_email(email).lower())
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser):
    """Somebody who can sign in. Belongs to no tenant by itself; memberships say to which."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects = PersonManager()
    USERNAME_FIELD = "email"

    @property
    def public_id(self) -> str:
        return public_id("person", self.id)


class Tenant(models.Model):
    """A business. `shift_weeks` and `synthetic_consent` are what its pages must say of its data."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.TextField()
    timezone = models.TextField(default="UTC")
    jurisdiction = models.TextField(default="GB")
    controller_contact = models.TextField(default="")
    shift_weeks = models.IntegerField(default=0)
    synthetic_consent = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    suspended_at = models.DateTimeField(null=True)

    @property
    def public_id(self) -> str:
        return public_id("tenant", self.id)


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

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.TextField()
    redacted = models.TextField()
    hash = models.BinaryField()
    scopes = ArrayField(models.TextField())
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "hash"], name="key_hash_once")]

    @property
    def public_id(self) -> str:
        return public_id("key", self.id)
