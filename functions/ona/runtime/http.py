"""One HTTP call to somebody else's server: a deadline for all of it, no redirects, a bounded answer, errors
that tell neither address nor secret.

Addresses that customers name (webhooks) are reached only where they are public: the host is resolved once,
every address of it is looked at, and the connection goes to the one that was looked at.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from ona.runtime.errors import DependencyBusy, InvalidInput

CONNECT_S = 5.0
TIMEOUT_S = 10.0
MOST_BYTES = 1 << 20
_LATER = {0, 401, 403, 408, 409, 421, 423, 425, 429}
"""Statuses after which the same call may succeed: 401 and 403 when somebody has renewed a key."""


class Busy(DependencyBusy):
    """The other side did not answer, or asks to come again. `retry_after`: seconds it named, or 0."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Refused(InvalidInput):
    """The other side does not want this request, today or tomorrow."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What came back. `status` 0: nothing did, and `body` names why."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """What it says of a refusal; never more than a line, and nothing that looks like a key."""
        text = " ".join(self.body[:300].decode("utf-8", "replace").split())
        return text if "key" not in text.lower() else "the key was not accepted"

    @property
    def retry_after(self) -> float:
        """Seconds that it asks to wait (RFC 9110: a number or a date); 0 where it says none."""
        text = next((v for n, v in self.headers.items() if n.lower() == "retry-after"), "")
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
        except (TypeError, ValueError):
            return 0.0


@cache
def _pool() -> Any:
    import urllib3

    return urllib3.PoolManager(maxsize=8)


def send(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    most_bytes: int = MOST_BYTES,
    public: bool = False,
) -> Answer:
    """One try. `public`: refuse hosts that are not on the internet, but for those in `PRIVATE_HOSTS`.

    A server that sends a byte now and then is given up after `timeout_s` (10 s) all the same.
    Raises Refused for a host that is not public.
    """
    import urllib3

    started, timeout_s = time.monotonic(), timeout_s or TIMEOUT_S
    parts = urlsplit(url)
    pool: Any = _pool()
    target = url
    if public and parts.hostname not in _private_hosts():
        address = _public_address(str(parts.hostname), parts.port or 443)
        pool = urllib3.HTTPSConnectionPool(
            address, parts.port or 443, server_hostname=parts.hostname, assert_hostname=parts.hostname,
            cert_reqs="CERT_REQUIRED", maxsize=1,
        )  # fmt: skip
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers = {**(headers or {}), "Host": parts.netloc}
    try:
        answer = pool.request(
            method, target, body=body, headers=dict(headers or {}), redirect=False, retries=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_S, timeout_s), read=timeout_s),
            preload_content=False,
        )  # fmt: skip
        try:
            taken = b""
            while len(taken) < most_bytes:
                if time.monotonic() - started > timeout_s:
                    return Answer(0, b"the answer took too long")
                piece = answer.read1(65536)
                if not piece:
                    break
                taken += piece
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        return Answer(0, type(error).__name__.encode())
    return Answer(int(answer.status), taken, dict(answer.headers))


def call(
    method: str,
    url: str,
    *,
    what: str,
    document: Any = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    any_answer: bool = False,
    timeout_s: float | None = None,
    public: bool = False,
) -> Any:
    """The JSON answer to a JSON request, tried once; None for an empty one.

    `what` names the other side in errors; `body`: JSON that is one already; `any_answer`: one that is no
    JSON is good too, and None. Raises Busy where a later try may help, else Refused.
    """
    if document is not None:
        body = json.dumps(document, allow_nan=False).encode()
    sent = {
        "Accept": "application/json",
        **({"Content-Type": "application/json"} if body else {}),
        **(headers or {}),
    }
    answer = send(method, url, body=body, headers=sent, timeout_s=timeout_s, public=public)
    if answer.status in _LATER or answer.status >= 500:
        why = f"HTTP {answer.status}: {answer.said}" if answer.status else answer.body.decode()
        raise Busy(f"{what}: {why}", answer.retry_after)
    if not 200 <= answer.status < 300:
        raise Refused(f"{what}: HTTP {answer.status}: {answer.said}", answer.status)
    if not answer.body.strip():
        return None
    try:
        return json.loads(answer.body)
    except ValueError as error:
        if any_answer:
            return None
        raise Busy(f"{what}: the answer is no JSON, but a gateway's page most likely") from error


def _private_hosts() -> set[str]:
    return {host for host in os.environ.get("PRIVATE_HOSTS", "").split(",") if host}


def check_public(url: str) -> str:
    """What is wrong with an address that a customer named; empty when it may be called."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return "the port is no number"
    if not parts.hostname or parts.username or parts.password or parts.fragment:
        return "must be https://host/path, without user or fragment"
    if parts.hostname in _private_hosts():
        return "" if parts.scheme in ("http", "https") else "must begin with https://"
    if parts.scheme != "https":
        return "must begin with https://"
    try:
        _public_address(parts.hostname, port or 443)
    except Refused as error:
        return str(error)
    except Busy:
        return "the host is not known"
    return ""


def _public_address(host: str, port: int) -> str:
    """An address of a host, all of which are public. Raises Refused; Busy when it is not known now."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Busy("the host is not known") from error
    addresses = [str(item[4][0]) for item in found]
    if not addresses or not all(ipaddress.ip_address(a.split("%")[0]).is_global for a in addresses):
        raise Refused("the host is not on the public internet")
    return addresses[0]
