"""`python -m launcher.manage COMMAND …`: manage.py with the environment of the run that is up."""

import os
import subprocess
import sys
from collections.abc import Sequence

from launcher import external, kept_secrets, redis_server, roles
from launcher.environment import Services, serving, setting_up
from launcher.kept_secrets import Secrets
from launcher.locks import try_lock
from launcher.places import LOCAL, Places
from launcher.ports import known_ports
from launcher.trouble import Trouble


def environment(places: Places) -> dict[str, str]:
    """What a set-up step of the run gets; Trouble when nothing runs."""
    if not places.lock.exists() or try_lock(places.lock) is not None:
        raise Trouble("Nothing runs here. Start it in another window first: make up")
    secrets = kept_secrets.load_or_make(places.secrets, data=places.postgres)
    services = _services(places, secrets)
    served = serving(os.environ, services=services, secrets=secrets, var=places.var, mode="local")
    return setting_up(served, services)


def _services(places: Places, secrets: Secrets) -> Services:
    """Those of the environment, as in the run itself, or the embedded ones."""
    ports = known_ports(places.ports)
    if os.environ.get("DATABASE_URL"):
        app_url, owner_url = external.database_urls(os.environ, secrets)
    else:
        app_url = roles.url(role=roles.APP, password=secrets.app_password, port=ports["postgres"])
        owner_url = roles.url(
            role=roles.OWNER, password=secrets.owner_password, port=ports["postgres"]
        )
    if os.environ.get("REDIS_URL"):
        return Services(app_url, owner_url, external.redis_url(os.environ))
    queue = redis_server.Server(places.redis, ports["redis"], secrets.redis_password)
    return Services(app_url, owner_url, redis_server.url(queue))


def main(arguments: Sequence[str], places: Places = LOCAL) -> int:
    """Exit status of manage.py; 1 on Trouble."""
    try:
        env = environment(places)
    except Trouble as trouble:
        print(f"attune: {trouble}", file=sys.stderr)
        return 1
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.call(command, env=env, cwd=places.root)  # nosec B603 # the caller's own words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
