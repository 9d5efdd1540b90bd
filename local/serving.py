"""The HTTP server of the embedded cloud: uvicorn, with httptools' parser and uvloop.

ministack would serve by hypercorn and h11, which are written in Python: they took 1.4 of the 2.0 ms of
processor time that the smallest S3 request costs (sampled). What ministack answers is the same; it is
asked by ASGI.
"""

from __future__ import annotations

import errno
import signal
import socket
import sys
from typing import Any

import uvicorn

KEEP_ALIVE_S = 75
"""So long a connection may be idle, as with ministack's own server."""
GRACE_S = 3
"""So long requests under way may take when the server ends, as with ministack's own server."""


def serve(app: Any, host: str, port: int) -> None:
    """Serve an ASGI application until SIGTERM, then let it save. A port that is taken ends the process."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            sys.exit(f"{host}:{port} is already in use")
        _serve(app, listener)


def _serve(app: Any, listener: socket.socket) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn sends itself the signal at its end
    config = uvicorn.Config(
        app,
        http="httptools",
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
