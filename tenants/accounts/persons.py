"""Persons who are left without a tenant: their account, addresses and sessions are deleted."""

from collections.abc import Iterable
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from tenants.accounts.models import Member, Person
from tenants.isolation.reading import in_chunks
from tenants.isolation.scope import person_scope


def forget(person_ids: Iterable[UUID]) -> int:
    """Delete those of the persons who are members nowhere; how many. Inside a transaction.

    A membership that is made meanwhile wins: its person is locked before the last look.
    """
    alone = {person_id for person_id in sorted(person_ids) if not _is_member(person_id)}
    if alone:
        _sign_out(alone)
    for person_id in alone:
        with person_scope(person_id):
            Person.objects.filter(pk=person_id).delete()
    return len(alone)


def _is_member(person_id: UUID) -> bool:
    with person_scope(person_id):
        # Waits for whoever is giving this person a place; nobody else can until we are done.
        Person.objects.select_for_update().filter(pk=person_id).first()
        return Member.objects.filter(person_id=person_id).exists()


def _sign_out(person_ids: set[UUID]) -> None:
    """A session says whose it is only inside itself, so all of them are looked at."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    theirs = {str(person_id) for person_id in person_ids}
    for session in in_chunks(Session.objects.all(), "session_key"):
        if session.get_decoded().get(SESSION_KEY) in theirs:
            store(session.session_key).delete()
