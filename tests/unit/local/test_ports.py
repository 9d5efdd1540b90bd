"""A port that cannot be had is refused with its number, the reason, and how to choose another."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local import home as homes
from local import ports
from local.errors import CloudError
from local.record import Cloud


@pytest.fixture
def answering() -> Iterator[HTTPServer]:
    """A program that answers on every path with `body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.body)  # type: ignore[attr-defined]

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.body = b"hello"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_free_port_is_accepted() -> None:
    ports.require(ports.free_port(0))


@pytest.mark.parametrize("port", [0, -1, 65536, 700000])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(CloudError, match=rf"{port} is no port: ports are 1 to 65535; choose another"):
        ports.require(port)


def test_a_port_of_root_is_refused_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    class Refusing(socket.socket):
        bind = refuse  # type: ignore[assignment]

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(CloudError, match="port 80 is reserved for root"):
        ports.require(80)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"hello", "another program"),
        (b"[]", "another program"),
        (b'{"services": {}}', "another ministack, or one of an older version"),
        (b'{"services": {}, "ona": {"home": "/srv/ona", "pid": 7}}', "the embedded cloud of /srv/ona"),
    ],
)
def test_a_taken_port_says_who_has_it(answering: HTTPServer, body: bytes, named: str) -> None:
    answering.body = body  # type: ignore[attr-defined]
    port = answering.server_port
    with pytest.raises(CloudError, match=f"port {port} is taken by {named}; choose another"):
        ports.require(port)
    assert not ports.is_free(port)
    assert ports.free_port(port) != port


def test_only_the_server_of_this_home_counts_as_its_answer(answering: HTTPServer, tmp_path: Path) -> None:
    cloud = Cloud(7, answering.server_port, str(tmp_path))
    for home, pid, good in ((str(tmp_path), 7, True), ("/another", 7, False), (str(tmp_path), 8, False)):
        said = {"services": {}, "ona": {"home": home, "pid": pid}}
        answering.body = json.dumps(said).encode()  # type: ignore[attr-defined]
        assert cloud.healthy() is good
    for body in (b"hello", b'{"services": {}}', b'{"services": {}, "ona": "x"}'):
        answering.body = body  # type: ignore[attr-defined]
        assert not cloud.healthy()


@pytest.mark.parametrize("said", ["{", "[]", '{"port": "80"}', '{"port": 0}', "{}"])
def test_without_a_good_memory_the_default_port_is_tried(tmp_path: Path, said: str) -> None:
    (tmp_path / homes.SETTINGS).write_text(said)
    assert homes.last_port(tmp_path) == ports.DEFAULT_PORT


def test_a_home_remembers_its_port(tmp_path: Path) -> None:
    homes.claim(tmp_path, 4711)
    assert homes.last_port(tmp_path) == 4711
