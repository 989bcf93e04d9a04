"""The environment that every process of a run is started with. Reads nothing from disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.kept_secrets import Secrets


@dataclass(frozen=True)
class Services:
    """Where the database and the broker are; each URL holds a password."""

    app_url: str
    owner_url: str
    redis_url: str

    def __repr__(self) -> str:
        return "Services(…)"


def serving(
    outer: Mapping[str, str],
    *,
    services: Services,
    secrets: Secrets,
    var: Path,
    mode: str,
) -> dict[str, str]:
    """What web and workers get: never the owner's URL, nor a file that the settings would read
    instead of a value of ours."""
    ours = {
        "DATABASE_URL": services.app_url,
        "REDIS_URL": services.redis_url,
        "SECRET_KEY": secrets.secret_key,
        "ATTUNE_MASTER_KEY": secrets.master_key,
        "ATTUNE_MODE": mode,
        "ATTUNE_VAR": str(var),
        "DJANGO_SETTINGS_MODULE": "attune.settings",
        "HF_HUB_OFFLINE": "1",
    }
    replaced = {*ours, "DATABASE_OWNER_URL"}
    kept = {
        name: value for name, value in outer.items() if name.removesuffix("_FILE") not in replaced
    }
    return {**kept, **ours}


def setting_up(served: Mapping[str, str], services: Services) -> dict[str, str]:
    """The same and the owner's URL: for migrations and set-up steps alone."""
    return {**served, "DATABASE_OWNER_URL": services.owner_url}
