"""Subjects without names: a keyed pseudonym, an encrypted id, and the key that opens it."""

from django.db import models

from tenants.isolation.keys import current_version
from tenants.isolation.models import TenantForeignKey, TenantOwned


class Subject(TenantOwned):
    """A person whose behaviour it is. Everything else refers to the integer `id`."""

    # The export holds the ids themselves, opened, in a file of their own.
    kept_back = {"lookup": "secret", "external_id_sealed": "opened"}

    id = models.BigAutoField(primary_key=True)
    lookup = models.BinaryField()
    key_version = models.SmallIntegerField(default=current_version)
    external_id_sealed = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "lookup"], name="subject_once")]


class SubjectKey(TenantOwned):
    """A subject's own key, wrapped by the tenant's. Erasure deletes this row."""

    kept_back = {"*": "secret"}

    subject = TenantForeignKey(Subject, related_name="key")
    wrapped = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "subject"], name="subject_one_key")
        ]


class Suppression(TenantOwned):
    """That somebody was erased, under a keyed digest that leads to no row: what they did before
    must not come back with an old file. See `suppression`."""

    kept_back = {"digest": "secret"}

    id = models.BigAutoField(primary_key=True)
    digest = models.BinaryField()
    key_version = models.SmallIntegerField(default=current_version)
    erased_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "digest"], name="suppressed_once")
        ]
