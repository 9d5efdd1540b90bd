"""`GET /health` against a server that answers as a broken or foreign one would; and certificates."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from operations.reading import doors
from operations.reading.finding import each
from operations.reading.inventory import Inventory

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = self.server.answers[self.path]  # type: ignore[attr-defined]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.mark.parametrize(
    ("status", "body", "state", "said"),
    [
        (200, json.dumps({"success": True, "data": {"status": "ok"}}), "ok", "is open"),
        (200, json.dumps({"success": True, "data": {"status": "maintenance"}}), "warning", "maintenance"),
        (200, "<html>parked domain</html>", "critical", "none of ours"),
        (200, json.dumps(["ok"]), "critical", "none of ours"),
        (200, json.dumps({"status": "ok"}), "critical", "none of ours"),
        (403, json.dumps({"message": "Forbidden"}), "critical", "status 403"),
        (502, json.dumps({"data": {"status": "ok"}}), "critical", "status 502"),
        (301, "", "critical", "status 301"),
    ],
)
def test_health(server: HTTPServer, status: int, body: str, state: str, said: str) -> None:
    server.answers = {"/v1/health": (status, body)}  # type: ignore[attr-defined]
    address = f"http://127.0.0.1:{server.server_port}/v1/"
    nothing = Inventory("ours", {}, {})
    [found] = doors.apis(lambda _: None, nothing, "dev", address)
    assert (found.state, said in found.text) == (state, True), found.text


def test_an_address_that_nobody_listens_at_is_critical(server: HTTPServer) -> None:
    server.shutdown()
    server.server_close()
    [found] = doors.apis(
        lambda _: None, Inventory("o", {}, {}), "dev", f"http://127.0.0.1:{server.server_port}"
    )
    assert (found.state, "cannot be reached" in found.text) == ("critical", True)
    assert "HTTPConnectionPool" not in found.text, "what a library says to programmers"


def test_an_answer_that_takes_too_long_is_said_with_a_way_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing."""
    monkeypatch.setattr(doors, "PATIENCE_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = doors._health(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert found.state == "critical"
    assert "gave no answer within" in found.text
    assert "ask again in a minute" in found.text
    assert not any(raw in found.text for raw in ("Read timed out", "HTTPConnectionPool", "read timeout="))


def test_a_service_that_does_not_answer_is_named_in_a_sentence() -> None:
    slow = ReadTimeoutError(endpoint_url="https://sqs.example.com")
    [found] = each("queues", ["a"], lambda _: (_ for _ in ()).throw(slow))
    assert found.text.startswith("could not be asked: https://sqs.example.com gave no answer in time")
    [other] = each("queues", ["a"], lambda _: (_ for _ in ()).throw(PermissionError("not allowed")))
    assert other.text == "could not be asked: PermissionError: not allowed"


def described(**certificate: Any) -> Any:
    """Clients that answer as the API references of API Gateway and ACM have it; None: ACM knows none."""

    def describe(CertificateArn: str) -> Any:  # noqa: N803
        if not certificate:
            error = {"Error": {"Code": "ResourceNotFoundException", "Message": "Could not find"}}
            raise ClientError(error, "DescribeCertificate")
        return {"Certificate": {"CertificateArn": CertificateArn, **certificate}}

    gateway = SimpleNamespace(get_domain_name=lambda **_: {"regionalCertificateArn": "arn:aws:acm:a:1:c/1"})
    return {"apigateway": gateway, "acm": SimpleNamespace(describe_certificate=describe)}.__getitem__


@pytest.mark.parametrize(
    ("certificate", "address", "state"),
    [
        ({"Status": "ISSUED", "NotAfter": NOW + timedelta(days=90)}, "https://a", "ok"),
        ({"Status": "ISSUED", "NotAfter": NOW + timedelta(days=20)}, "https://a", "warning"),
        ({"Status": "PENDING_VALIDATION"}, "https://a", "critical"),
        ({"Status": "EXPIRED", "NotAfter": NOW - timedelta(days=1)}, "https://a", "critical"),
        ({}, "https://a", "critical"),
        ({}, "http://127.0.0.1:4566", "ok"),
        ({"Status": "ISSUED", "NotAfter": NOW + timedelta(days=3)}, "http://127.0.0.1:4566", "critical"),
    ],
)
def test_certificates(certificate: dict[str, Any], address: str, state: str) -> None:
    found = Inventory("ours", {}, {"AWS::ApiGateway::DomainName": ["api.example.com"]})
    [finding] = doors.certificates(described(**certificate), found, NOW, address)
    assert finding.state == state, finding.text
