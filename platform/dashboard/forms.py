"""How our forms take a service's refusal. The forms themselves stand by their pages."""

from django import forms

from dashboard.wording.errors import refusal_of
from tenants.errors import AppError


class RefusableForm(forms.Form):
    """A form that shows a service's refusal like any other fault of what was typed."""

    def refuse(self, error: AppError) -> None:
        """Show a service's error at the field that it names, else above the form."""
        self.add_error(error.param if error.param in self.fields else None, refusal_of(error))
