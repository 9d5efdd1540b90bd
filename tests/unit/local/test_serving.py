"""The embedded cloud's HTTP server: what it refuses, and what a request gets that its end cuts short."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from local import serving


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/waits":
        await asyncio.sleep(60)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def server() -> Iterator[tuple[uvicorn.Server, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        serving.ending(hello),
        http=serving.Protocol,
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=0,
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    yield running, listener.getsockname()[1]
    running.should_exit = True
    thread.join()


def answer(port: int, *parts: bytes) -> bytes:
    """What comes back for what is sent, until the server closes or two letters have come."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while not got.endswith(b"ok") and (more := connection.recv(65536)):
                got += more
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has closed while we were sending
    return got


def test_a_head_that_does_not_end_is_refused_and_a_large_one_is_not(server: Any) -> None:
    _, port = server
    begun = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "
    assert answer(port, begun + b"a" * 20_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    endless = [begun, *[b"a" * 65_536] * 200]
    assert b" 200 " not in answer(port, *endless)


def test_a_large_body_is_no_head(server: Any) -> None:
    _, port = server
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    assert answer(port, head, b"a" * 1_000_000).startswith(b"HTTP/1.1 200")


def test_what_is_under_way_at_the_end_is_answered_so_that_clients_try_again(server: Any) -> None:
    running, port = server
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
        while not running.server_state.tasks:
            pass
        running.should_exit = True
        assert connection.recv(65536).startswith(b"HTTP/1.1 503")
