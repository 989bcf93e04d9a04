"""`python3 docker/make_secrets.py`: makes the secrets that compose.yaml hands to its services.
Only the standard library; never replaces a secret that exists."""

import base64
import secrets
import sys
from pathlib import Path

_SERVERS = {
    "database_url": "postgresql://attune_app:{app_password}@postgres:5432/attune",
    "database_owner_url": "postgresql://attune_owner:{owner_password}@postgres:5432/attune",
    "redis_url": "redis://:{redis_password}@redis:6379/0",
}
_PASSWORDS = ("postgres_password", "owner_password", "app_password", "redis_password")


def make() -> dict[str, str]:
    """File name -> content; the URLs hold the passwords made beside them."""
    passwords = {name: secrets.token_urlsafe(32) for name in _PASSWORDS}
    return {
        **passwords,
        "secret_key": secrets.token_urlsafe(48),
        "master_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        **{name: form.format(**passwords) for name, form in _SERVERS.items()},
    }


def main(folder: Path) -> int:
    """The folder is closed to others; the files are open, for the containers' users read them."""
    if folder.exists():
        print(f"{folder} exists. Its secrets open your data: nothing was changed.", file=sys.stderr)
        return 1
    folder.mkdir(mode=0o700)
    for name, text in make().items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    print(f"Made {folder}. Keep a copy elsewhere: without master_key the data cannot be read.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).with_name("secrets")))
