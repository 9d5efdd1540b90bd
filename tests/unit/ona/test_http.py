"""Calls to other people's servers: what they may look like, and how long they may take."""

from __future__ import annotations

import http.server
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ona.runtime import http as calls
from ona.runtime import versions
from ona.runtime.errors import InvalidConfiguration
from tests.fakes.ticketing import Receiver
from tests.paths import ROOT

HOST = "hooks.example.com"


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A TLS server on this machine whose certificate is for `HOST`, and which the name leads to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    seen: dict[str, Any] = {"hosts": [], "names": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            seen["hosts"].append((self.headers["Host"], self.path))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda _socket, asked, _context: seen["names"].append(asked)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    seen["port"] = server.server_address[1]
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setattr(calls, "_public_address", lambda _host, _port: "127.0.0.1")
    yield seen
    server.shutdown()


def test_the_checked_address_is_called_and_its_certificate_must_have_the_name(
    tls: dict[str, Any],
) -> None:
    url = f"https://{HOST}:{tls['port']}/ona?x=1"
    assert calls.call("POST", url, what="webhook", document={"a": 1}, public=True) == {}
    assert tls["hosts"] == [(f"{HOST}:{tls['port']}", "/ona?x=1")]
    assert tls["names"] == [HOST]
    with pytest.raises(calls.Busy, match="SSLError"):
        calls.call("POST", f"https://other.example.com:{tls['port']}/", what="x", document={}, public=True)
    assert len(tls["hosts"]) == 1


def test_a_server_that_drips_or_sends_without_end_is_given_up() -> None:
    server = Receiver()
    try:
        server.fault("drip")
        begun = time.monotonic()
        answer = calls.send("POST", server.url, body=b"{}", timeout_s=0.3)
        assert (answer.status, answer.body) == (0, b"the answer took too long")
        assert time.monotonic() - begun < 5
        assert calls.send("POST", server.url, body=b"{}", most_bytes=4).body[:4] == b'{"cl'
    finally:
        server.close()


LATER = [301, 302, 303, 304, 307, 308, 401, 403, 408, 409, 421, 423, 425, 429, 500, 502, 503, 504]
NEVER = [400, 402, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431, 451]


@pytest.mark.parametrize("status", [*LATER, *NEVER])
def test_what_may_succeed_later_is_told_from_what_never_will(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect stands for a sign-in page or a gateway, as a page instead of JSON does."""
    monkeypatch.setattr(calls, "send", lambda *_, **__: calls.Answer(status, b"{}"))
    with pytest.raises(calls.Busy if status in LATER else calls.Refused, match=f"desk: HTTP {status}"):
        calls.call("POST", "https://desk.example", what="desk", document={})


def test_a_redirect_is_not_followed_and_names_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    led = calls.Answer(302, b"", {"Location": "https://elsewhere.example/?secret=1"})
    monkeypatch.setattr(calls, "send", lambda *_, **__: led)
    with pytest.raises(calls.Busy) as caught:
        calls.call("GET", "https://desk.example", what="desk")
    assert "elsewhere" not in str(caught.value)
    assert "not followed" in str(caught.value)


def test_a_servers_waiting_time_is_understood() -> None:
    def asked(text: str) -> float:
        return calls.Answer(429, b"", {"Retry-After": text}).retry_after

    assert asked("120") == 120
    assert asked("-5") == asked("soon") == asked("") == 0
    later = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert 590 < asked(later) <= 600
    assert calls.Answer(401, b"your API key abc is wrong").reason == "the key was not accepted"


def test_urllib3_as_lambda_has_it_reads_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """urllib3 1.26 has no `read1`; the deadline still holds against a server that drips."""
    import urllib3

    for kind in ("HTTPResponse", "BaseHTTPResponse"):
        if hasattr(urllib3.response, kind):
            monkeypatch.delattr(getattr(urllib3.response, kind), "read1", raising=False)
    server = Receiver()
    try:
        assert calls.send("POST", server.url, body=b"{}").body == b'{"claim_id": "CL-1"}'
        server.fault("drip")
        assert calls.send("POST", server.url, body=b"{}", timeout_s=0.3).body == b"the answer took too long"
    finally:
        server.close()


def test_a_libraries_version_that_is_too_old_is_named_and_one_that_is_enough_is_taken() -> None:
    versions.check({"boto3": "1.35.69", "botocore": "1.43.106", "urllib3": "1.26.0"})
    versions.check({"urllib3": "2.8.0rc1"})
    for name, old in (("boto3", "1.35.9"), ("botocore", "1.34.145"), ("urllib3", "1.25.11")):
        with pytest.raises(InvalidConfiguration, match=f"{name} {old} is too old"):
            versions.check({"boto3": "1.40.0", name: old})


def test_a_function_with_an_sdk_that_is_too_old_says_so_when_it_starts() -> None:
    program = "import botocore; botocore.__version__ = '1.34.145'; import ona.runtime.aws"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "functions")},
    )
    assert done.returncode == 1
    assert "InvalidConfiguration: botocore 1.34.145 is too old, 1.35.69 is needed" in done.stderr


REFUSED_ADDRESSES = {
    "loopback": "127.0.0.1",
    "a private network": "10.0.0.1",
    "the cloud's metadata": "169.254.169.254",
    "carriers' own": "100.64.0.1",
    "this network": "0.0.0.0",
    "broadcast": "255.255.255.255",
    "multicast": "224.0.1.1",
    "multicast of an organisation": "239.255.255.250",
    "future use": "240.0.0.1",
    "relays of 6to4": "192.88.99.1",
    "IPv6 loopback": "::1",
    "IPv4 in IPv6": "::ffff:127.0.0.1",
    "IPv4 in IPv6, the older form": "::127.0.0.1",
    "NAT64": "64:ff9b::169.254.169.254",
    "NAT64, one's own": "64:ff9b:1::1",
    "6to4": "2002:7f00:1::1",
    "Teredo": "2001:0:7f00:1::1",
    "a machine's own network": "fd00::1",
    "link-local": "fe80::1%eth0",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff0e::1",
    "of documents, the newer range": "3fff::1",
}
PUBLIC_ADDRESSES = {
    "IPv4": "1.1.1.1",
    "near the private ones": "172.32.0.1",
    "IPv6": "2606:4700:4700::1111",
}
REFUSED_URLS = {
    "half a bracket": "https://[::1",
    "no host": "https:///x",
    "a user": "https://a@hooks.example.com/",
    "plain HTTP": "http://hooks.example.com/",
    "a file": "file:///etc/passwd",
    "NUL": "https://hooks.example.com/a\x00b",
    "a new line": "https://hooks.example.com/a\nHost: x",
    "a tab in the host": "https://hooks.exam\tple.com/",
    "a space": "https://hooks.example.com/a b",
    "no width": "https://hooks\u200b.example.com/",
    "a letter that becomes a slash": "https://hooks.example.com\u2100x/",
    "SSH": "https://hooks.example.com:22/",
    "mail": "https://hooks.example.com:25/",
    "a data base": "https://hooks.example.com:5432/",
    "port 0": "https://hooks.example.com:0/",
    "port 65536": "https://hooks.example.com:65536/",
    "a port of letters": "https://hooks.example.com:https/",
}
PUBLIC_URLS = (
    "https://hooks.example.com",
    "https://hooks.example.com:443/ona?x=1",
    "https://hooks.example.com:8443/ona",
    "HTTPS://hooks.example.com/ä",
    "https://[2606:4700:4700::1111]/",
)


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(2, 1, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize("case", REFUSED_ADDRESSES)
def test_a_host_that_leads_elsewhere_than_to_the_public_internet_is_refused(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to(monkeypatch, "1.1.1.1", REFUSED_ADDRESSES[case])
    assert calls.check_public("https://hooks.example.com/") == "the host is not on the public internet"
    with pytest.raises(calls.Refused):
        calls.send("POST", "https://hooks.example.com/", public=True)


@pytest.mark.parametrize("case", PUBLIC_ADDRESSES)
def test_a_public_host_is_taken(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, PUBLIC_ADDRESSES[case])
    assert calls.check_public("https://hooks.example.com/") == ""


@pytest.mark.parametrize("case", REFUSED_URLS)
def test_an_address_that_is_no_plain_https_is_refused(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "1.1.1.1")
    assert calls.check_public(REFUSED_URLS[case])


@pytest.mark.parametrize("url", PUBLIC_URLS)
def test_a_plain_address_is_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "1.1.1.1")
    assert calls.check_public(url) == ""
