"""`manage.py set_up`: what comes before serving, checked first and done once."""

from io import StringIO
from unittest.mock import MagicMock

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from attune import checks


@pytest.mark.django_db(databases=["default", "owner"])
def test_setting_up_again_does_nothing_twice():
    said = StringIO()
    call_command("set_up", without_demo=True, stdout=said)
    assert "No migrations to apply." in said.getvalue()
    assert said.getvalue().endswith("erasures repeated\n")


def test_what_an_installation_got_wrong_stops_it_before_the_database(settings):
    """No fixture of the database: a question to it would fail in another way."""
    settings.ATTUNE_MASTER_KEY = "c2hvcnQ="
    with pytest.raises(SystemCheckError, match=r"attune\.E001"):
        call_command("set_up", without_demo=True)


def test_a_role_that_ignores_row_level_security_stops_it_too(monkeypatch):
    """attune.E002 asks the database as the application; here it is answered for it."""
    default = MagicMock()
    default.cursor().__enter__().fetchone.return_value = (True,)
    monkeypatch.setattr(checks, "connections", {"default": default})
    with pytest.raises(SystemCheckError, match=r"attune\.E002"):
        call_command("set_up", without_demo=True)
