"""Who does something: passed explicitly to every service, written into every audit entry."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """`type` is member, key, system or person (signed in, no tenant chosen yet).

    `ref` is a public identifier, never a name or an address.
    """

    type: str
    ref: str
    role: str = ""
    auth: str = ""
    request_id: str = ""


def system(name: str) -> Actor:
    """The actor of periodic and queued work, e.g. `system("ingest")`."""
    return Actor(type="system", ref=name)
