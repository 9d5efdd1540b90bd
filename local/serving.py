"""The HTTP server of the embedded cloud: uvicorn, with httptools' parser and uvloop.

ministack would serve by hypercorn and h11, which are written in Python: they took 1.4 of the 2.0 ms of
processor time that the smallest S3 request costs (sampled). What ministack answers is the same; it is
asked by ASGI.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEEP_ALIVE_S = 75
"""So long a connection may be idle after an answer, as with ministack's own server."""
MOST_HEAD = 64 * 1024
"""Bytes of a request's first line and headers (ours; AWS's own services take 8 to 16 KB)."""
BACKLOG = 2048
"""Connections that wait until they are taken, as uvicorn has it."""
GRACE_S = 3
"""So long requests under way may take when the server ends, as with ministack's own server."""


class Protocol(HttpToolsProtocol):
    """Answers 400 to a request whose head does not end; httptools alone would keep all of it."""

    _head, _in_head = 0, True

    def data_received(self, data: bytes) -> None:
        """What a client sent, up to 256 KB at once."""
        if self._in_head and self._head > MOST_HEAD:
            self.send_400_response("the request's headers are too large")
            return
        self._head += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._head, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head has ended."""
        self._in_head = False
        super().on_headers_complete()


def ending(app: Any) -> Any:
    """The application; a request that is still under way when the server ends gets 503, which clients of
    AWS try again, and not a failure with its traceback in the log."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        begun = False

        async def tell(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await app(scope, receive, tell)
        except asyncio.CancelledError:
            if begun or scope["type"] != "http":
                raise
            start = {"type": "http.response.start", "status": 503, "headers": [(b"connection", b"close")]}
            await send(start)
            await send({"type": "http.response.body", "body": b""})

    return asked


def serve(app: Any, host: str, port: int) -> None:
    """Serve an ASGI application until SIGTERM, then let it save. A port that is taken ends the process."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(BACKLOG)  # until then a second server could bind the port, too
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            sys.exit(f"{host}:{port} is already in use")
        _serve(app, listener)


def _serve(app: Any, listener: socket.socket) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn sends itself the signal at its end
    config = uvicorn.Config(
        ending(app),
        http=Protocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,  # ministack says its own
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listener])
