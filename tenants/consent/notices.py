"""Archiving privacy notices: the bytes that were shown are kept, and named by their hash."""

import hashlib
from datetime import datetime

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.changing import hold_notices, suspend_under
from tenants.consent.models import Notice
from tenants.consent.vocabulary import Purpose
from tenants.errors import AppError, Conflict


@transaction.atomic
def archive_notice(
    *,
    notice_id: str,
    version: str,
    language: str,
    body: bytes,
    purposes: list[Purpose],
    actor: Actor,
    pii_categories: list[str] | None = None,
    later_events_only: bool = False,
    material_change: bool = False,
    effective_at: datetime | None = None,
) -> Notice:
    """Keep one version of a notice for ever; the same again changes nothing.

    From `effective_at` on (None: now) it stands in the place of earlier versions of `notice_id`;
    consents given under one that asked for other purposes or told of other categories of data, or
    under any where this is a `material_change`, are suspended until renewed (PIPL 14).
    Conflict when this version has other bytes or purposes, or another one has these bytes: a
    hash must lead to one notice.
    """
    if not body.strip() or not purposes:
        raise AppError("notice_empty", "A notice needs a text and at least one purpose.")
    hold_notices()
    digest = hashlib.sha256(body).digest()
    same = Notice.objects.filter(notice_id=notice_id, version=version, language=language).first()
    if same:
        if bytes(same.sha256) == digest and same.purposes == sorted(purposes):
            return same
        raise Conflict(
            "notice_exists", "This version has another text or purposes; give it a new version."
        )
    if Notice.objects.filter(sha256=digest).exists():
        raise Conflict(
            "notice_text_exists", "Another notice has the same text; say in it what is different."
        )
    notice = Notice.objects.create(
        notice_id=notice_id,
        version=version,
        language=language,
        sha256=digest,
        body=body,
        purposes=sorted(purposes),
        pii_categories=sorted(pii_categories or []),
        later_events_only=later_events_only,
        material_change=material_change,
        effective_at=effective_at,
    )
    suspend_under(notice)
    record(
        AuditEvent.NOTICE_ARCHIVED,
        actor=actor,
        object_id=notice.public_id,
        object_version=version,
        details={
            "sha256": digest.hex(),
            "language": language,
            "version": version,
            "purposes": notice.purposes,
        },
    )
    return notice
