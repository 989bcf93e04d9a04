"""`/members/`: who signs in for the tenant, and who was asked to; a link is shown once."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from dashboard.context import ROLE_NAMES
from dashboard.forms import RefusableForm
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.accounts.invitations import invite_member, open_invitations, withdraw_invitation
from tenants.accounts.models import ADDRESS_LENGTH, Member, Role
from tenants.accounts.people import change_role, remove_member
from tenants.accounts.queries import members_of_tenant, person_with
from tenants.errors import Conflict
from tenants.ids import parse_id, public_id


class InviteForm(RefusableForm):
    """Who is asked in, as what."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=ADDRESS_LENGTH,
        help_text=gettext_lazy("The invitation works for this address alone."),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"))

    def __init__(self, giver: Member, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.fields["role"].choices = _roles(giver)  # type: ignore[attr-defined]
        self.fields["role"].initial = Role.ANALYST


@page(Right.MANAGE_MEMBERS)
def members(request: PageRequest) -> HttpResponse:
    """The lists and the form; a test tenant leads to its live one instead."""
    return _whole(request, InviteForm(request.member))


@require_POST
@cache_control(no_store=True)
@page(Right.MANAGE_MEMBERS)
def invite(request: PageRequest) -> HttpResponse:
    """Make an invitation and show its link this one time."""
    form = InviteForm(request.member, request.POST)
    if not form.is_valid():
        return _whole(request, form, status=422)
    try:
        invitation, link = invite_member(**form.cleaned_data, actor=request.actor)
    except Conflict as error:
        form.refuse(error)
        return _whole(request, form, status=422)
    address = request.build_absolute_uri(reverse("dashboard:join", args=[link]))
    context = {
        "invitation": invitation,
        "address": address,
        "role": ROLE_NAMES[invitation.role],
    }
    return render(request, "dashboard/member_invited.html", context)


@require_POST
@page(Right.MANAGE_MEMBERS)
def withdraw(request: PageRequest, invitation_id: str) -> HttpResponse:
    """Make a link worthless before it is used."""
    invitation = withdraw_invitation(
        invitation_id=parse_id("invitation", invitation_id), actor=request.actor
    )
    messages.success(
        request, _("The invitation of %(email)s is withdrawn.") % {"email": invitation.email}
    )
    return redirect("dashboard:members")


@require_POST
@page(Right.MANAGE_MEMBERS)
def change(request: PageRequest, member_id: str) -> HttpResponse:
    """Give a member another role."""
    member = change_role(
        member_id=parse_id("member", member_id),
        role=request.POST.get("role", ""),
        actor=request.actor,
    )
    said = {"email": member.person.email, "role": ROLE_NAMES[member.role]}
    messages.success(request, _("%(email)s has the role %(role)s now.") % said)
    return redirect("dashboard:members")


@require_POST
@page(Right.MANAGE_MEMBERS)
def remove(request: PageRequest, member_id: str) -> HttpResponse:
    """End a membership; whoever ends their own is led to what they have left, if anything."""
    member = remove_member(member_id=parse_id("member", member_id), actor=request.actor)
    own = member.pk == request.member.pk
    if own and person_with(member.person.email) is None:
        logout(request)  # it was their last place: account and session are gone
    messages.success(
        request, _("%(email)s is no member any more.") % {"email": member.person.email}
    )
    return redirect("dashboard:start" if own else "dashboard:members")


def _whole(request: PageRequest, form: InviteForm, status: int = 200) -> HttpResponse:
    if request.tenant.live_id:
        live = public_id("tenant", request.tenant.live_id)
        return render(request, "dashboard/members_test.html", {"live": live}, status=status)
    people = members_of_tenant()
    owners = [member for member in people if member.role == Role.OWNER]
    context = {
        "form": form,
        "members": [_row(request, member, owners) for member in people],
        "invitations": [(each, ROLE_NAMES[each.role]) for each in open_invitations()],
    }
    return render(request, "dashboard/members.html", context, status=status)


def _row(request: PageRequest, member: Member, owners: list[Member]) -> dict[str, Any]:
    """One member, and which acts the services would not refuse."""
    giver, last = request.member, owners == [member]
    mine = member.pk == giver.pk
    may = (giver.role == Role.OWNER or member.role != Role.OWNER) and not last
    roles = [(role, name) for role, name in _roles(giver) if role != member.role]
    return {
        "member": member,
        "mine": mine,
        "role": ROLE_NAMES[member.role],
        "roles": roles if may and not mine else [],
        "may_remove": may,
    }


def _roles(giver: Member) -> list[tuple[str, Any]]:
    """The roles that a member may give: only owners make owners."""
    return [
        (role, name)
        for role, name in ROLE_NAMES.items()
        if role != Role.OWNER or giver.role == Role.OWNER
    ]
