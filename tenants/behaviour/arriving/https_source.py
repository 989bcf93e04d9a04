"""Fetch one object over HTTPS from a public host, and from nowhere else.

The name is looked up once, every address that it has must be public, and the connection goes to
the address that was looked at: a name that answers otherwise the next time gains nothing. Nothing
is followed elsewhere.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tenants.behaviour.refusals import UploadRefused

PORT = 443
BLOCK = 1 << 20
# Seconds without a byte, and of a whole transfer: who drips must not hold a worker.
PATIENCE, LONGEST = 30.0, 6 * 3600.0
PUBLIC6 = ipaddress.IPv6Network("2000::/3")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Found:
    """An object that is being read: its length where it is told, and its bytes."""

    size: int | None
    chunks: Iterator[bytes]


class PinnedConnection(http.client.HTTPSConnection):
    """Speaks to `host` at an address that was looked at before; its certificate is the host's."""

    def __init__(self, host: str, address: str) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, PORT, timeout=PATIENCE, context=self._tls)
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, PORT), PATIENCE)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


@contextmanager
def open_https(address: str, _: Mapping[str, str]) -> Iterator[Found]:
    """The object at an `https://` address.

    Raises UploadRefused source_private, source_moved; FileNotFoundError, PermissionError,
    ConnectionError and other OSErrors.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    with closing(PinnedConnection(host, public_address(host))) as connection:
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        response = connection.getresponse()
        _check_status(response.status)
        if response.length is None and not response.chunked:
            raise ConnectionError("the server does not say how long the file is")
        yield Found(response.length, _chunks(response, response.length))


def _check_status(status: int) -> None:
    if 300 <= status < 400:
        raise UploadRefused("source_moved", param="source")
    if status in (404, 410):
        raise FileNotFoundError
    if status in (401, 403):
        raise PermissionError
    if status != 200:
        raise ConnectionError(f"answered {status}")


def _chunks(response: http.client.HTTPResponse, size: int | None) -> Iterator[bytes]:
    until, length = time.monotonic() + LONGEST, 0
    while block := response.read(BLOCK):
        length += len(block)
        if time.monotonic() > until:
            raise ConnectionError("the transfer takes too long")
        yield block
    if size is not None and length != size:
        raise ConnectionError("the transfer broke off")


def public_address(host: str) -> str:
    """An address of the host; UploadRefused source_private unless all that it has are public."""
    found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_public(one) for one in addresses):
        raise UploadRefused("source_private", param="source")
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether the whole world may reach the address; one that hides another in it is not."""
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:  # with a zone
        return False
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.sixtofour or address.teredo or address.ipv4_mapped
        return address in PUBLIC6 and address.is_global and not hidden
    return address.is_global and not address.is_multicast


def is_private_name(host: str) -> bool:
    """Whether the host can be seen to be private without asking: an address, or no public name."""
    bare = host.strip("[].")
    if ":" in bare or bare.replace(".", "").isdigit():
        return not is_public(bare)
    return "." not in bare or bare.endswith((".local", ".internal", ".localhost", ".localdomain"))
