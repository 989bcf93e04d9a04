"""How signing in differs from allauth's defaults: nobody signs up by themselves."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Members are added by an owner; a stranger cannot make an account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
