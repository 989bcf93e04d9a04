"""Addresses from which a file may be fetched: which there are, and with what they are opened.

A tenant names an address, and a worker opens it from inside the operator's network. So there is a
short table and nothing else; a store is reached at its own public place and never with what this
machine happens to hold (`AWS_…`, fsspec's own variables); a host must be public (`https_source`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec

from tenants.behaviour.arriving.https_source import Found, is_private_name, open_https
from tenants.behaviour.refusals import UploadRefused

LENGTH = 2_000
BLOCK = 1 << 20
BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
Secrets = Mapping[str, str]


@dataclass(frozen=True)
class Scheme:
    """How addresses of one kind are opened.

    `package` must be installed beside ours; `secrets` are what a sender may give along; all of
    `needed` if any.
    """

    open: Callable[[str, Secrets], AbstractContextManager[Found]]
    package: str = ""
    secrets: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()


def of_s3(secrets: Secrets) -> dict[str, Any]:
    """Options of s3fs: the keys given or none, Amazon's own addresses."""
    return {
        **secrets,
        "anon": not secrets,
        "endpoint_url": None,
        "profile": None,
        "client_kwargs": {},
        "config_kwargs": {
            "connect_timeout": 10,
            "read_timeout": 60,
            "ignore_configured_endpoint_urls": True,  # AWS_ENDPOINT_URL may be the operator's own
        },
    }


def of_gs(_: Secrets) -> dict[str, Any]:
    """Options of gcsfs: nobody's token, Google's own address."""
    return {"token": "anon", "endpoint_url": None}  # nosec B105 # gcsfs's word for no token


def store(protocol: str, options: Callable[[Secrets], dict[str, Any]]) -> Callable[..., Any]:
    """What opens an object of fsspec's `protocol`."""

    @contextmanager
    def opened(address: str, secrets: Secrets) -> Iterator[Found]:
        system = fsspec.filesystem(
            protocol, skip_instance_cache=True, use_listings_cache=False, **options(secrets)
        )
        path = address.partition("://")[2]
        size = system.info(path)["size"]
        with system.open(path, "rb", block_size=8 * BLOCK, cache_type="readahead") as file:
            yield Found(size, iter(lambda: file.read(BLOCK), b""))

    return opened


SCHEMES: dict[str, Scheme] = {
    "https": Scheme(open_https),
    "s3": Scheme(store("s3", of_s3), "s3fs", ("key", "secret", "token"), ("key", "secret")),
    "gs": Scheme(store("gs", of_gs), "gcsfs"),
}


def check_source(address: str, secrets: Secrets) -> None:
    """Refuse what will never be fetched. Raises UploadRefused bad_source, source_private,
    source_not_here, bad_credentials."""
    scheme = scheme_of(address)
    if scheme is None:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UploadRefused("bad_source", param="source", known=known)
    if scheme.package and not is_installed(address.partition(":")[0]):
        raise UploadRefused("source_not_here", param="source", package=scheme.package)
    given = set(secrets)
    if given - set(scheme.secrets) or (given and set(scheme.needed) - given):
        known = ", ".join(scheme.secrets) or "–"
        raise UploadRefused("bad_credentials", param="credentials", known=known)
    if address.startswith("https:") and is_private_name(urlsplit(address).hostname or ""):
        raise UploadRefused("source_private", param="source")


def scheme_of(address: str) -> Scheme | None:
    """The scheme of a well written address; None for any other."""
    name, mark, rest = address.partition("://")
    scheme = SCHEMES.get(name)
    if scheme is None or not mark or len(address) > LENGTH or not address.isprintable():
        return None
    if name != "https":
        bucket, _, key = rest.partition("/")
        return scheme if BUCKET.fullmatch(bucket) and key.strip("/") else None
    try:
        parts = urlsplit(address)
        plain = parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        return None
    return scheme if plain and parts.hostname and " " not in address else None


def is_installed(protocol: str) -> bool:
    """Whether fsspec finds what opens such addresses."""
    try:
        fsspec.get_filesystem_class(protocol)
    except (ImportError, ValueError):
        return False
    return True


def shown(address: str) -> str:
    """The address without what may be a secret: signed ones carry it behind the path."""
    return address.partition("?")[0].partition("#")[0]


def name_of(address: str) -> str:
    """What the file is called there."""
    return unquote(shown(address).rstrip("/").rpartition("/")[2])


@contextmanager
def opened(address: str, secrets: Secrets) -> Iterator[Found]:
    """The object at a checked address. Raises UploadRefused source_private, source_moved;
    FileNotFoundError, PermissionError, and whatever a store's library raises."""
    scheme = scheme_of(address)
    if scheme is None:
        raise UploadRefused("bad_source", param="source", known=", ".join(SCHEMES))
    with scheme.open(address, secrets) as found:
        yield found
