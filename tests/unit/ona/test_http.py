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
