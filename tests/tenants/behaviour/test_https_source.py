"""Objects over HTTPS: from public hosts alone, at the address that was looked at, to their end."""

import functools
import http.server
import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tenants.behaviour.arriving import https_source, sources
from tenants.behaviour.refusals import UploadRefused
from tenants.work.run import run_waiting
from tests.tenants.behaviour.fetched import FILE, ask, read
from tests.tenants.behaviour.uploads import agree


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


PRIVATE = [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fd00::1", "fe80::1%eth0",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:a00:1::1", "::", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_host_with_a_private_address_is_reached(monkeypatch, address):
    assert not https_source.is_public(address)
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443))
               for one in ("93.184.216.34", address)]  # fmt: skip
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)

    def connected(*_: object) -> None:
        raise AssertionError("it was connected to")

    monkeypatch.setattr(socket, "create_connection", connected)
    with pytest.raises(UploadRefused) as refused, sources.opened("https://shop.example/a", {}):
        pass
    assert refused.value.code == "source_private"


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_one(address):
    assert https_source.is_public(address)


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """A key and a certificate of shop.example, as one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    moment = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Answers(http.server.BaseHTTPRequestHandler):
    """What the store behind shop.example says, by path."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        status = {"/moved": 302, "/gone": 404, "/locked": 403, "/broken": 500}.get(path, 200)
        self.send_response(status)
        body = FILE if status == 200 else b""
        if path != "/endless":
            self.send_header("Content-Length", str(len(body) + (9 if path == "/short" else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop(monkeypatch, identity):
    """A server with that certificate, which takes the place of a public host."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(identity)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(https_source, "public_address", lambda host: "127.0.0.1")
    monkeypatch.setattr(https_source, "PORT", server.server_port)
    trusting = functools.partial(ssl.create_default_context, cafile=str(identity))
    monkeypatch.setattr(https_source.ssl, "create_default_context", trusting)
    yield "https://shop.example"
    server.shutdown()
    server.server_close()


def test_an_object_over_https_is_read_whole(shop):
    with sources.opened(f"{shop}/events.csv?signature=x", {}) as found:
        assert (found.size, b"".join(found.chunks)) == (len(FILE), FILE)


@pytest.mark.parametrize(
    ("path", "raised"),
    [("moved", UploadRefused), ("gone", FileNotFoundError), ("locked", PermissionError),
     ("broken", ConnectionError), ("short", ConnectionError), ("endless", ConnectionError)],
)  # fmt: skip
def test_what_a_server_says_otherwise_is_told_apart(shop, path, raised):
    with pytest.raises(raised), sources.opened(f"{shop}/{path}", {}) as found:
        list(found.chunks)


def test_a_certificate_of_somebody_else_is_not_believed(shop):
    with pytest.raises(ssl.SSLError), sources.opened("https://other.example/a", {}):
        pass


def test_a_file_over_https_goes_the_whole_way(alice, shop):
    agree(alice, "u1")
    body = ask(alice, f"{shop}/events.csv?signature=s3cret").json()
    assert body["source"] == f"{shop}/events.csv"
    run_waiting("default")
    assert read(alice, body["id"])["report"]["accepted"] == 1


def test_addresses_that_only_look_like_numbers_are_addresses():
    assert ipaddress.ip_address(2130706433).is_loopback
    assert https_source.is_private_name("2130706433")
