"""A write that is sent twice happens once: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key).

The answer is kept in the transaction of the change, so there is never one without the other: a
refused write keeps nothing and may be sent again. A twin that comes while the first is under way
waits for its end. What is kept is a keyed hash of the request and the sealed answer.
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection
from django.utils.datastructures import MultiValueDict
from django.utils.timezone import now
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from tenants.access.models import IdempotentAnswer
from tenants.accounts.tokens import PUBLIC
from tenants.errors import AppError, Conflict
from tenants.isolation.keys import seal, tenant_key, tenant_keys, unseal
from tenants.isolation.scope import tenant_scope

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(hours=24)
# How long a twin waits for the first, which holds a thread meanwhile.
PATIENCE = "5s"
_FORM = re.compile(r"[\x21-\x7e]{1,255}")
CLAIM = """
insert into access_idempotentanswer (tenant_id, name, request, created_at)
values (%s, %s, %s, statement_timestamp()) on conflict (tenant_id, name) do nothing returning id
"""


class Replayed(Exception):
    """The write has happened before; `response` is its answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True)
class Named:
    """A request under a key of its tenant: the keyed hashes of its `Idempotency-Key` and of all."""

    key: bytes
    name: bytes
    asked: bytes


@dataclass(frozen=True)
class Kept:
    """The row that will hold the answer of the write under way."""

    tenant_id: UUID
    row_id: int
    name: bytes


def once(request: Any) -> Kept | None:
    """Claim the request's `Idempotency-Key`; None when it carries none.

    Raises Replayed when the same write has happened, Conflict when the key was used for another
    (`idempotency_conflict`) or the first is still under way (`idempotency_in_progress`).
    """
    given = request.headers.get(HEADER)
    if given is None:
        return None
    if not _FORM.fullmatch(given):
        raise AppError(
            "bad_idempotency_key", "Send 1 to 255 visible ASCII characters, such as a UUID.",
            param=HEADER,
        )  # fmt: skip
    # A public key is anybody's: what it claims must not stand in the way of the others.
    who = "public" if request.key.kind == PUBLIC else "own"
    sent = (request.method, request.path, _canonical(request.data))
    current, *older = (
        Named(key, _hash(key, "name", who, given), _hash(key, "request", *sent))
        for key in tenant_keys(request.tenant_id, "idempotency")
    )
    for named in older:  # kept before the master key was changed
        if IdempotentAnswer.objects.filter(name=named.name, created_at__gte=now() - KEPT).exists():
            raise Replayed(_replay(named))
    row_id = _claim(request.tenant_id, current.name, current.asked)
    if row_id is None:
        raise Replayed(_replay(current))
    return Kept(request.tenant_id, row_id, current.name)


def remember(kept: Kept, response: Response) -> None:
    """Keep the answer beside the change, sealed under the tenant's key."""
    body = JSONRenderer().render(response.data)
    sealed = seal(tenant_key(kept.tenant_id, "idempotency"), body, kept.name)
    IdempotentAnswer.objects.filter(pk=kept.row_id).update(
        status=response.status_code, sealed=sealed
    )


def expire(tenant_id: UUID) -> None:
    """A duty: forget answers after their day."""
    with tenant_scope(tenant_id):
        IdempotentAnswer.objects.filter(created_at__lt=now() - KEPT).delete()


def _claim(tenant_id: UUID, name: bytes, asked: bytes) -> int | None:
    """The id of a new row; None when there is one. Waits while another transaction makes it."""
    IdempotentAnswer.objects.filter(name=name, created_at__lt=now() - KEPT).delete()
    with connection.cursor() as cursor:
        cursor.execute(f"set local lock_timeout = '{PATIENCE}'")
        try:
            cursor.execute(CLAIM, [tenant_id, name, asked])
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != "55P03":  # lock_not_available
                raise
            raise Conflict(
                "idempotency_in_progress",
                "The same write is still under way. Send it again in a while.",
                param=HEADER,
            ) from error
        row = cursor.fetchone()
        cursor.execute("set local lock_timeout = default")
    return row[0] if row else None


def _replay(named: Named) -> Response:
    row = IdempotentAnswer.objects.get(name=named.name)
    if bytes(row.request) != named.asked:
        raise Conflict(
            "idempotency_conflict",
            "This Idempotency-Key was used for another request. Use a new one.",
            param=HEADER,
        )
    if row.sealed is None:
        raise Conflict(
            "idempotent_answer_erased",
            "This write has happened. Its answer was forgotten when a person was erased.",
            param=HEADER,
        )
    body = unseal(named.key, bytes(row.sealed), named.name)
    return Response(json.loads(body), status=row.status, headers={REPLAYED: "true"})


def _hash(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, "\n".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256)


def _canonical(data: Any) -> str:
    """What was sent, as one text: a form's boundary or an object's order makes no difference."""
    if isinstance(data, MultiValueDict):
        data = {name: [_plain(value) for value in values] for name, values in data.lists()}
    return json.dumps(data, sort_keys=True)


def _plain(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return [value.name, digest.hexdigest()]
