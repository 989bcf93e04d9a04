"""Walks every route with every method as every identity, and says what each met.

An identity is a key or a signed-in person, of the tenant that is looked at, of another one, or of
none. The walk itself asserts nothing: it tells what should be and what was.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.template.backends.django import Template
from django.test import Client
from django.utils.safestring import SafeString
from django.utils.timezone import now

from tenants.access.rights import RIGHTS_OF, SCOPES, Right
from tenants.accounts.keys import create_key
from tenants.accounts.models import APIKey, Role, Tenant
from tenants.accounts.scopes import PUBLIC_SCOPES
from tenants.accounts.tokens import new_token
from tenants.ids import public_id, uuid7
from tests.access_table import API, METHODS, PAGES, PUBLIC, id_for, ids_in, kind_of, send
from training.jobs.models import Publication

LET_IN = frozenset({200, 201, 202, 204, 302, 400, 404, 409, 422})
SIGN_IN = "/accounts/login/"


@dataclass(frozen=True)
class Identity:
    """Who asks. `key` and `person` say by which door; `foreign` is of another, working tenant."""

    name: str
    client: Client = field(default_factory=Client)
    headers: dict[str, str] = field(default_factory=dict)
    rights: frozenset[str] = frozenset()
    key: bool = False
    person: bool = False
    foreign: bool = False
    public: bool = False

    @property
    def thorough(self) -> bool:
        """Whether they try every method: who holds all rights, some, or none of this tenant."""
        return self.foreign or self.public or not self.rights or self.rights >= SCOPES


@dataclass(frozen=True)
class Visit:
    """One request: what was allowed to come back, what came, and which secrets stood in it."""

    route: str
    method: str
    identity: str
    expected: frozenset[int]
    status: int
    leaked: tuple[str, ...]

    @property
    def right(self) -> bool:
        return self.status in self.expected and not self.leaked


def identities(alice: Any, bob: Any, carol: Any) -> list[Identity]:
    """Everybody who may stand before Alice's door; Carol's tenant is suspended."""
    made = [
        Identity("nobody"),
        _with_key("wrong key", new_token(alice.tenant.id).text),
        _with_key("key of Bob", bob.key, frozenset(SCOPES), key=True, foreign=True),
        _with_key("key of a suspended tenant", carol.key),
        _with_key("all scopes", alice.key, frozenset(SCOPES), key=True),
        Identity("owner of Bob", bob.browser(), rights=frozenset(Right), person=True, foreign=True),
    ]
    with alice.scope:
        made += [_unscoped(alice, right) for right in sorted(SCOPES)]
        _, public = create_key(name="public", kind="public", actor=alice.actor)
        made.append(_with_key("public key", public, PUBLIC_SCOPES, key=True, public=True))
        for name in ("revoked", "expired"):
            made.append(_with_key(f"{name} key", _ended(alice, name)))
    made += [
        Identity(f"{role} of Alice", alice.browser(role), rights=RIGHTS_OF[role], person=True)
        for role in Role
    ]
    with carol.scope:
        Tenant.objects.update(suspended_at=now(), suspended_for="operator")
    return made


def _with_key(name: str, text: str, rights: frozenset[str] = frozenset(), **what: bool) -> Identity:
    headers = {"Authorization": f"Bearer {text}"}
    return Identity(name, headers=headers, rights=rights, **what)


def _unscoped(alice: Any, right: Right) -> Identity:
    scopes = sorted(SCOPES - {right})
    _, text = create_key(name="all but one", scopes=scopes, actor=alice.actor)
    return _with_key(f"key without {right.value}", text, frozenset(scopes), key=True)


def _ended(alice: Any, how: str) -> str:
    key, text = create_key(name=how, kind="secret", actor=alice.actor)
    ended = {"revoked": "revoked_at", "expired": "expires_at"}[how]
    APIKey.objects.filter(pk=key.pk).update(**{ended: now() - timedelta(seconds=1)})
    return text


def walk(
    alice: Any, people: list[Identity], undo: AbstractContextManager[Any] | Any
) -> Iterator[Visit]:
    """Every request, each undone by the context that `undo()` opens before the next."""
    ids = ids_in(alice)
    with alice.scope:  # a version that was made up has no files to answer from
        Publication.objects.all().delete()
    secrets = {alice.tenant.name, str(alice.tenant.id), *ids.values()}
    for route, methods in {**API, **PAGES}.items():
        identifier = id_for(route, ids)
        # The id that was asked for may come back in the words of the asker.
        watched = sorted(secrets - {identifier})
        for person in people:
            if route in PAGES and person.headers and not person.foreign and not person.public:
                continue  # no key opens a page: two of them are enough to see it
            stranger = person.foreign or not (person.key or person.person)
            seen = watched if stranger else []
            for method in METHODS if person.thorough else [*methods, "HEAD"]:
                expected = _expected(route, methods, method, person)
                person.client.raise_request_exception = False  # a fault is an answer: 500
                # Who is let in meets an id of nothing, so that nothing is changed or shown.
                named = missing(route) if identifier and expected >= LET_IN else identifier
                # What comes back without a body shows nothing.
                drawn = stranger and method != "HEAD"
                with undo(), nullcontext() if drawn else undrawn():
                    reply = send(person.client, method, route, named, headers=person.headers)
                    text = b"" if reply.streaming else reply.content
                leaked = tuple(secret for secret in seen if secret.encode() in text)
                yield Visit(route, method, person.name, expected, reply.status_code, leaked)


@contextmanager
def undrawn() -> Iterator[None]:
    """Templates stay empty: who may enter is seen before they are drawn, which takes longest."""
    with patch.object(Template, "render", lambda *_: SafeString("")):
        yield


def missing(route: str) -> str:
    """An id of the kind that the route names, of nothing."""
    return public_id(str(kind_of(route)), uuid7())


def _expected(
    route: str, methods: dict[str, Right], method: str, person: Identity
) -> frozenset[int]:
    if route in API:
        return _of_api(route, methods, method, person)
    return _of_page(route, methods, method, person)


def _of_api(route: str, methods: dict[str, Right], method: str, person: Identity) -> frozenset[int]:
    asked = "GET" if method == "HEAD" else method
    if method == "OPTIONS" and (route, "POST") in PUBLIC:
        return frozenset({204})
    if not person.key:
        return frozenset({401, 405} if asked not in methods else {401})
    if asked not in methods:
        return frozenset({405})
    if person.public and (route, asked) not in PUBLIC:
        return frozenset({403})
    if methods[asked].value not in person.rights:
        return frozenset({403})
    return frozenset({404}) if person.foreign and kind_of(route) else LET_IN


def _of_page(
    route: str, methods: dict[str, Right], method: str, person: Identity
) -> frozenset[int]:
    if not person.person:
        return frozenset({302, 405} if method not in methods else {302})
    if method not in methods:
        return LET_IN | {403, 405}
    if methods[method].value not in person.rights:
        return frozenset({403})
    return frozenset({404}) if person.foreign and kind_of(route) else LET_IN
