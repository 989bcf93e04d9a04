"""How to run a program that refuses to be root, from root, without opening any folder to others."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher.trouble import Trouble

# First of these that the machine has; all three exist to own nothing.
_ACCOUNTS = ("postgres", "daemon", "nobody")
# Read and search past permissions, so that programs and data under root's own 0700 folders stay
# reachable without loosening them.
_CAPABILITY = "+dac_override"


@dataclass(frozen=True)
class Way:
    """Words that go before a command, and the user id that must own the program's data."""

    prefix: tuple[str, ...]
    uid: int
    gid: int


def direct() -> Way:
    return Way(prefix=(), uid=os.geteuid(), gid=os.getegid())


def namespaced() -> Way:
    """Root looks like user 1000 inside a user namespace; files stay root's."""
    words = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    return Way(prefix=words, uid=0, gid=0)


def demoted(account: str) -> Way:
    """Another user, who keeps one capability of root's: to reach files."""
    entry = pwd.getpwnam(account)
    words = (
        "setpriv",
        f"--reuid={entry.pw_uid}",
        f"--regid={entry.pw_gid}",
        "--clear-groups",
    )
    keep = (f"--inh-caps={_CAPABILITY}", f"--ambient-caps={_CAPABILITY}")
    # A change of user clears the death signal that `spawn` had set: set it again after.
    dies = ("--pdeathsig=SIGQUIT", "--")
    return Way(prefix=words + keep + dies, uid=entry.pw_uid, gid=entry.pw_gid)


def find_way(postgres: Path) -> Way:
    """The first way in which `postgres` agrees to run here; Trouble when there is none."""
    if os.geteuid() != 0:
        return direct()
    for way in _root_ways():
        if works(way, postgres):
            return way
    raise Trouble(
        "PostgreSQL refuses to run as root, and this machine allows neither `unshare --user` nor "
        "`setpriv`. Run make as an ordinary user, or set DATABASE_URL."
    )


def works(way: Way, postgres: Path) -> bool:
    """Whether the program starts so: listing its settings is refused to root, too."""
    command = [*way.prefix, str(postgres), "--describe-config"]
    try:
        ran = subprocess.run(  # nosec B603 # words of our own, no shell
            command, capture_output=True, timeout=20, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def give(folder: Path, way: Way) -> None:
    """Makes everything in `folder` belong to the user of `way`; only root needs to."""
    if os.geteuid() != 0 or folder.stat().st_uid == way.uid:
        return
    for inside, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            os.lchown(os.path.join(inside, name), way.uid, way.gid)
    os.chown(folder, way.uid, way.gid)


def _root_ways() -> Iterator[Way]:
    yield namespaced()
    for account in _ACCOUNTS:
        try:
            yield demoted(account)
        except KeyError:
            continue
