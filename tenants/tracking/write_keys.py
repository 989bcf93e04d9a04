"""The write key of a tracking request: an API key as user name of Basic auth, as Bearer, or in the
body. The door sees no body, so a key that comes in one is held to its tenant's places here.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from threading import BoundedSemaphore
from typing import Any

from tenants.access.bearer import key_in, key_invalid
from tenants.access.door import AT_ONCE_RETRY, place_of, too_many_at_once
from tenants.access.places import PLACES
from tenants.access.rates import RATES
from tenants.access.turns import TURNS
from tenants.accounts.tokens import Token, parse_token
from tenants.errors import TooMany, Unauthenticated

# Bodies that a process reads at once without knowing whose: a stranger who sends slowly must not
# hold the threads of those who are known. Seconds that one waits for its turn.
STRANGERS = BoundedSemaphore(4)
PATIENCE = 0.5


def write_key(request: Any, stack: ExitStack) -> Token:
    """The key, well formed; what it takes up is given back with `stack`. Unauthenticated,
    TooMany, and whatever a body is refused for that must be read for it.
    """
    text = key_in(request.headers.get("Authorization", ""))
    token = parse_token(text or _in_body(request))
    if token is None:
        raise key_invalid()
    if not text:
        _hold_place(token, request.META, stack)
    return token


def _in_body(request: Any) -> str:
    """The key in the body, which must be read before anybody knows whose it is."""
    if not STRANGERS.acquire(timeout=PATIENCE):
        raise TooMany(
            "too_many_at_once",
            "Too many bodies are read in search of their key. Send it in a header, or again later.",
            retry_after=AT_ONCE_RETRY,
        )
    try:
        body = request.data
    finally:
        STRANGERS.release()
    text = body.get("writeKey") if isinstance(body, Mapping) else None
    if not isinstance(text, str) or not text:
        raise Unauthenticated(
            "key_missing",
            "Send your API key as user name of Basic auth, as Authorization: Bearer ak_…, or as "
            "writeKey in the body.",
        )
    return text.strip()


def _hold_place(token: Token, environ: dict[str, Any], stack: ExitStack) -> None:
    caller = RATES.known(token.hash)
    if caller is None:
        return  # as at the door: a key is known from its second request on
    place = place_of(caller, environ)
    if not PLACES.begin(place, patiently=not RATES.is_loud(caller)):
        RATES.note_refused(caller, loud=False)
        raise too_many_at_once(place)
    stack.callback(PLACES.end, place)
    stack.enter_context(TURNS.turn_of(caller.tenant_id))
