"""Who was erased: a keyed digest of their id, so that an old file does not bring them back. An id
that was corrected to another is refused in the same way.

GDPR 17(3)(b): what is needed to obey the erasure may be kept. The key is another than the
look-up's, so the digest leads to no row of the time before.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection

from tenants.errors import AppError
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import current_tenant
from tenants.subjects.models import Suppression

ANYBODY = "select exists(select from subjects_suppression)"
LOCK = "select pg_advisory_xact_lock{how}(hashtextextended(%s, 0))"


def digest_of(tenant_id: UUID, external_id: str) -> bytes:
    """32 bytes, useless without the tenant's key."""
    text = unicodedata.normalize("NFC", external_id).encode()
    return hmac.digest(lasting_key(tenant_id, "suppression"), text, hashlib.sha256)


def stand_alone() -> None:
    """Until the transaction ends, nobody else of this tenant lands rows of people: wait for those
    who do. Call it before the audit log is written to, which they may be waiting for."""
    _lock("")


def keep_erasures_out() -> None:
    """Until the transaction ends, no erasure of this tenant is under way: wait for the one that is,
    whose outcome every question from now on sees. Hold it briefly: an erasure that waits for it
    makes whoever lands rows wait as well."""
    _lock("_shared")


def suppress(digest: bytes, erased_at: datetime) -> None:
    """Remember that nobody has this id from then on; the latest moment counts, in whatever order
    they are told."""
    row, made = Suppression.objects.get_or_create(
        tenant_id=current_tenant(), digest=digest, defaults={"erased_at": erased_at}
    )
    if not made:
        later = Suppression.objects.filter(pk=row.pk, erased_at__lt=erased_at)
        later.update(erased_at=erased_at)


def erased(external_ids: Iterable[str]) -> dict[str, datetime]:
    """Those of the ids whose person was erased, and when. No erasure comes between this answer and
    the end of the transaction, so that the others may be made subjects."""
    keep_erasures_out()
    with connection.cursor() as cursor:
        cursor.execute(ANYBODY)
        if not cursor.fetchone()[0]:
            return {}
    tenant_id = current_tenant()
    names = {digest_of(tenant_id, external): external for external in set(external_ids)}
    rows = Suppression.objects.filter(digest__in=list(names)).values_list("digest", "erased_at")
    return {names[bytes(digest)]: moment for digest, moment in rows}


def refuse_erased(external_id: str, at: datetime) -> None:
    """AppError `erased` for an act of a person that came before their erasure: only what they do
    after it counts (a fresh consent above all)."""
    moment = erased([external_id]).get(external_id)
    if moment is not None and at <= moment:
        raise AppError(
            "erased",
            "After that act the person was erased, or their id corrected. Send the right id, or a "
            "new consent.",
            param="event_time",
        )


def _lock(how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK.format(how=how), [f"erasure:{current_tenant()}"])
