"""An installation's faults are found before it serves: `check --deploy` and the environment."""

import production
import pytest
from django.core.exceptions import ImproperlyConfigured

from attune import checks, environment


def test_production_settings_pass_every_check_of_a_deployment():
    found = production.check()
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == "System check identified no issues (0 silenced).\n"


@pytest.fixture(scope="module")
def faulty():
    """What is said of an installation with a fault of each kind; one start takes seconds."""
    found = production.check(
        ALLOWED_HOSTS="",
        CSRF_TRUSTED_ORIGINS="http://shop.example.com",
        ARTIFACT_STORE="nosuch://bucket",
        ATTUNE_MASTER_KEY="a" * 48,
    )
    assert found.returncode == 1
    return found.stderr


def test_production_without_hosts_of_its_own_is_told_to_name_them(faulty):
    assert "(attune.E003) ALLOWED_HOSTS is empty or lets every host in." in faulty
    assert "HINT: Name the hosts that people use" in faulty


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ([], ["attune.E003"]),
        (["*"], ["attune.E003"]),
        (["attune.example.com", "*"], ["attune.E003"]),
        (["attune.example.com"], []),
    ],
)
def test_hosts_are_named_one_by_one(settings, hosts, told):
    settings.LOCAL, settings.ALLOWED_HOSTS = False, hosts
    assert [fault.id for fault in checks.production_knows_its_hosts(None)] == told


def test_a_trusted_origin_without_tls_is_an_error(faulty):
    assert "(attune.E004)" in faulty


def test_a_store_that_nothing_here_can_open_is_an_error(faulty, settings):
    assert "(attune.E005)" in faulty
    assert "docs/machines.md" in faulty
    settings.ARTIFACT_STORE = "://bucket"
    assert [fault.id for fault in checks.the_store_can_be_opened(None)] == ["attune.E005"]


def test_a_master_key_of_another_length_is_an_error(faulty):
    assert "(attune.E001)" in faulty


@pytest.mark.parametrize(
    "name, value",
    [
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "change-me-" + "x" * 40),
        ("SECRET_KEY", ""),
        ("ATTUNE_MASTER_KEY", ""),
        ("TRUSTED_PROXY", "maybe"),
        ("ATTUNE_MODE", "debug"),
    ],
)
def test_production_does_not_start_with_an_odd_value(name, value):
    found = production.run("-c", "import attune.settings", **{name: value})
    assert found.returncode == 1
    assert f"ImproperlyConfigured: {name} is " in found.stderr


SHOWN = "from attune import settings as s; print(s.SECURE_PROXY_SSL_HEADER, s.{}, s.DEBUG, s.{})"


@pytest.mark.parametrize(
    "word, shown",
    [
        ({}, "None 0 False False"),
        ({"TRUSTED_PROXY": "no"}, "None 0 False False"),
        ({"TRUSTED_PROXY": "yes"}, "('HTTP_X_FORWARDED_PROTO', 'https') 1 False True"),
    ],
)
def test_a_proxys_headers_count_only_where_the_operator_says_so(word, shown):
    code = SHOWN.format("ALLAUTH_TRUSTED_PROXY_COUNT", "TRUSTED_PROXY")
    assert production.run("-c", code, **word).stdout == f"{shown}\n"


def test_no_cookie_of_production_travels_or_is_read_in_the_clear():
    code = (
        "from attune import settings as s\n"
        "for name in ('SESSION', 'CSRF', 'LANGUAGE'):\n"
        "    print(*(getattr(s, f'{name}_COOKIE_{part}')"
        " for part in ('NAME', 'SECURE', 'HTTPONLY', 'SAMESITE')))"
    )
    assert production.run("-c", code).stdout.splitlines() == [
        "__Host-sessionid True True Lax",
        "__Host-csrftoken True True Lax",
        "__Host-language True True Lax",
    ]


def test_no_mail_and_no_link_in_it_reaches_productions_log():
    code = "from attune import settings as s; print(s.EMAIL_BACKEND)"
    shown = production.run("-c", code).stdout
    assert shown == "django.core.mail.backends.dummy.EmailBackend\n"


def test_a_secret_may_lie_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("from the file\n")
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "key"))
    assert environment.text("A_KEY") == "from the file"


def test_a_list_may_lie_in_a_file_one_to_a_line(tmp_path, monkeypatch):
    (tmp_path / "keys").write_text("old\nolder, oldest\n\n")
    monkeypatch.setenv("KEYS_FILE", str(tmp_path / "keys"))
    assert environment.names("KEYS") == ["old", "older", "oldest"]


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_secrets_file_that_is_gone_or_empty_stops_the_start(tmp_path, monkeypatch, content):
    if content is not None:
        (tmp_path / "key").write_text(content)
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(environment.ImproperlyConfigured, match="A_KEY"):
        environment.text("A_KEY")


def test_every_handler_of_a_worker_masks():
    """Celery adds handlers of its own unless it is told not to."""
    code = (
        "import logging, sys, django; django.setup()\n"
        "from attune.celery import app\n"
        "app.log.setup(loglevel='INFO', redirect_stdouts=True)\n"
        "from celery.utils.log import get_task_logger\n"
        "names = [None, 'celery', 'celery.task', 'celery.redirected', 'django', 'django.server']\n"
        "for log in (*map(logging.getLogger, names), get_task_logger('x')):\n"
        "    for handler in log.handlers:\n"
        "        if not isinstance(handler, logging.NullHandler):\n"
        "            form = type(handler.formatter).__name__\n"
        "            print(log.name, form, file=sys.__stdout__)\n"
    )
    found = production.run("-c", code)
    assert (found.stderr, found.stdout) == ("", "root MaskedFormatter\n")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "much", "١"])
def test_a_bound_is_a_whole_number_of_gib(monkeypatch, value):
    monkeypatch.setenv("BOUND", "3")
    assert environment.gibibytes("BOUND", 20) == 3 << 30
    monkeypatch.setenv("BOUND", value)
    with pytest.raises(ImproperlyConfigured, match="BOUND"):
        environment.gibibytes("BOUND", 20)
