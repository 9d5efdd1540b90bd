"""The port of an embedded cloud: the one that was asked for, the home's last one, 4566, or a free one."""

from __future__ import annotations

import errno
import http.client
import json
import socket
from typing import Any

from local.errors import CloudError

DEFAULT_PORT = 4566
HEALTH = "/_ministack/health"
_PRIVILEGED = 1024
"""Ports below belong to root on most systems (ip_unprivileged_port_start)."""
_CHOOSE = "choose another with `ona up --port N`, or leave --port out for a free one"


def free_port(preferred: int = DEFAULT_PORT) -> int:
    """The preferred port when nobody has it, else one that is free. Raises CloudError."""
    for port in (preferred, 0):
        if 0 <= port <= 65535 and (found := _bound(port)[0]):
            return found
    raise CloudError("no free port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    return bool(_bound(port)[0])


def require(port: int) -> None:
    """Whether a server may listen on this port of 127.0.0.1. Raises CloudError with what to do."""
    if not 1 <= port <= 65535:
        raise CloudError(f"{port} is no port: ports are 1 to 65535; {_CHOOSE}")
    found, error = _bound(port)
    if found:
        return
    if error in (errno.EACCES, errno.EPERM) and port < _PRIVILEGED:
        raise CloudError(f"port {port} is reserved for root (ports below {_PRIVILEGED} are); {_CHOOSE}")
    raise CloudError(f"port {port} is taken by {listener(port)}; {_CHOOSE}")


def listener(port: int) -> str:
    """Who answers there, in words."""
    answer = health(port)
    if answer is None:
        return "another program"
    home, _ = served(answer)
    return f"the embedded cloud of {home}" if home else "another ministack, or one of an older version"


def served(answer: dict[str, Any] | None) -> tuple[str, int]:
    """The home that a health answer names, and the process id of its server.

    >>> served({"services": {}, "ona": {"home": "/srv/ona", "pid": 7}})
    ('/srv/ona', 7)
    >>> served({"services": {}}), served(None)
    (('', 0), ('', 0))
    """
    said = (answer or {}).get("ona")
    home, pid = (said.get("home"), said.get("pid")) if isinstance(said, dict) else ("", 0)
    return (home, pid) if isinstance(home, str) and isinstance(pid, int) else ("", 0)


def health(port: int, timeout_s: float = 2.0) -> dict[str, Any] | None:
    """What a ministack answers on this port about itself; None when none does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", HEALTH)
        answer = connection.getresponse()
        said = json.loads(answer.read(1 << 20)) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return said if isinstance(said, dict) and "services" in said else None


def _bound(port: int) -> tuple[int, int]:
    """The port that could be bound and 0, or 0 and the error's number."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return 0, error.errno or errno.EADDRINUSE
        return int(probe.getsockname()[1]), 0
