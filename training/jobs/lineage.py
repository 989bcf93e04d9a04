"""From a consent record to the versions that learnt under it, and back: each the other's inverse.

A record is a version's when the frozen data of that version relied on it for their person
(`SnapshotSubject`): GDPR 7(1), who processes must be able to show the consent.
"""

from uuid import UUID

from django.db.models import QuerySet

from tenants.consent.models import ConsentRecord
from tenants.errors import NotFound
from training.jobs.models import SnapshotSubject, Version


def find_record(record_id: UUID) -> ConsentRecord:
    """A consent record of the tenant in scope; NotFound."""
    record = ConsentRecord.objects.filter(pk=record_id).first()
    if record is None:
        raise NotFound("consent record")
    return record


def find_version(version_id: UUID) -> Version:
    """A version of the tenant in scope; NotFound."""
    version = Version.objects.filter(pk=version_id).first()
    if version is None:
        raise NotFound("version")
    return version


def versions_of(record: ConsentRecord) -> "QuerySet[Version]":
    """The versions whose data relied on the record."""
    members = SnapshotSubject.objects.filter(consent_record_id=record.pk)
    return Version.objects.filter(snapshot_id__in=members.values("snapshot_id"))


def records_of(version: Version) -> "QuerySet[ConsentRecord]":
    """The records that the version's data relied on, one for each person in them."""
    members = SnapshotSubject.objects.filter(snapshot_id=version.snapshot_id)
    return ConsentRecord.objects.filter(pk__in=members.values("consent_record_id"))
