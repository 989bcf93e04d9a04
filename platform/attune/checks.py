"""System checks with stable ids: faults of an installation, found before it serves."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from fsspec import get_filesystem_class


@register(Tags.security)
def master_key_is_32_bytes(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """attune.E001"""
    try:
        length = len(base64.b64decode(settings.ATTUNE_MASTER_KEY, validate=True))
    except binascii.Error:
        length = 0
    if length == 32:
        return []
    hint = (
        'Make one: python -c "import base64,os; print(base64.b64encode(os.urandom(32)).decode())"'
    )
    return [Error("ATTUNE_MASTER_KEY is not 32 bytes in base64.", hint=hint, id="attune.E001")]


@register(Tags.security)
def master_keys_are_counted(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """attune.E006: a key before the first, or one that is no other, would open nothing."""
    previous = settings.ATTUNE_MASTER_KEY_PREVIOUS
    if not previous:
        return []
    fits = previous != settings.ATTUNE_MASTER_KEY and settings.ATTUNE_MASTER_KEY_VERSION > 1
    if fits and len(base64.b64decode(previous)) == 32:
        return []
    hint = (
        "ATTUNE_MASTER_KEY_PREVIOUS is the key so far, ATTUNE_MASTER_KEY a new one, and "
        "ATTUNE_MASTER_KEY_VERSION one higher than before (2 the first time)."
    )
    return [Error("The master keys of a rotation do not fit.", hint=hint, id="attune.E006")]


@register(Tags.database)
def role_is_unprivileged(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """attune.E002: row-level security binds neither superusers nor BYPASSRLS roles."""
    if "default" not in (databases or []):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")
        row = cursor.fetchone()
    if not row[0]:
        return []
    hint = "Let DATABASE_URL name the role attune_app (docker/roles.sql makes it)."
    return [
        Error(
            "DATABASE_URL's role ignores row-level security.",
            hint=hint,
            id="attune.E002",
        )
    ]


@register(Tags.security)
def production_knows_its_hosts(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """attune.E003: with no host nothing answers; with "*" anybody's word is in our links."""
    if settings.LOCAL or (settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS):
        return []
    hint = "Name the hosts that people use, separated by commas: ALLOWED_HOSTS=attune.example.com"
    return [Error("ALLOWED_HOSTS is empty or lets every host in.", hint=hint, id="attune.E003")]


@register(Tags.security)
def trusted_origins_use_tls(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """attune.E004: a page that came in the clear may have been written by anybody on the way."""
    plain = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if origin.startswith("http://")]
    if settings.LOCAL or not plain:
        return []
    hint = "Write each as https://attune.example.com, or leave it out: one's own host is trusted."
    return [Error("CSRF_TRUSTED_ORIGINS names http:// origins.", hint=hint, id="attune.E004")]


@register(Tags.files)
def the_store_can_be_opened(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """attune.E005: by its address alone, nothing is asked of the store."""
    scheme, mark, _ = settings.ARTIFACT_STORE.partition("://")
    try:
        if mark:
            get_filesystem_class(scheme or "none")
    except (ImportError, ValueError):
        hint = "s3:// needs `pip install s3fs` of fsspec's version, see docs/machines.md."
        return [Error("ARTIFACT_STORE cannot be opened.", hint=hint, id="attune.E005")]
    return []
