"""The API key of a request: out of its header, and what a refusal of it says."""

import base64
import binascii

from django.http import HttpRequest
from rest_framework.request import Request

from tenants.access.middleware import request_id_of
from tenants.accounts.queries import FoundKey
from tenants.accounts.tokens import Token, parse_token
from tenants.audit.actor import Actor
from tenants.errors import Unauthenticated
from tenants.ids import public_id


def token_of(request: HttpRequest | Request) -> Token:
    """The key in the Authorization header, well formed; Unauthenticated without one."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated(
            "key_missing", "Send your API key in the header: Authorization: Bearer ak_…"
        )
    token = parse_token(text.strip())
    if token is None:
        raise key_invalid()
    return token


def key_in(header: str) -> str:
    """The key of an Authorization header, Bearer or the user name of Basic; "" where none is."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        pair = base64.b64decode(text.strip(), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[0].strip()


def key_invalid() -> Unauthenticated:
    """One answer for a key that is malformed, unknown, revoked, expired or of a resting tenant."""
    return Unauthenticated("key_invalid", "This API key is unknown, revoked or expired.")


def key_actor(key: FoundKey, request: HttpRequest | Request) -> Actor:
    """The actor that a key stands for in the audit log."""
    return Actor(
        type="key",
        ref=public_id("key", key.id),
        auth="bearer",
        request_id=request_id_of(getattr(request, "_request", request)),
    )
