"""How our forms take a service's refusal, and a new password. The forms stand by their pages."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dashboard.wording.errors import refusal_of
from tenants.accounts.models import Person
from tenants.errors import AppError


class RefusableForm(forms.Form):
    """A form that shows a service's refusal like any other fault of what was typed."""

    def refuse(self, error: AppError) -> None:
        """Show a service's error at the field that it names, else above the form."""
        self.add_error(error.param if error.param in self.fields else None, refusal_of(error))


class NewPasswordField(forms.CharField):
    """A password that somebody chooses; `check_new_password` holds it to Django's validators."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            label=_("Password"),
            strip=False,
            max_length=4096,
            help_text=_("At least eight characters, no common word, not digits alone."),
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            **more,
        )


def check_new_password(form: forms.Form, email: str) -> None:
    """Add to the field `password` what Django's validators have against it."""
    password = form.cleaned_data.get("password")
    if password is None:
        return
    try:
        validate_password(password, Person(email=email))
    except ValidationError as error:
        form.add_error("password", error)
