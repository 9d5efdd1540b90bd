"""One HTTP call to somebody else's server.

The whole call has a deadline, redirects are not followed, the answer has a largest size, and errors name
neither address nor secret.

Customers name the addresses of their webhooks. Such an address is called only where it is public: its host
is resolved once, all its IP addresses are checked, and the connection goes to one that was checked.
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

from ona.runtime import correlation, probe
from ona.runtime.errors import DependencyBusy, InvalidInput

CONNECT_S = 5.0
"""Seconds until a connection must stand (ours)."""
TIMEOUT_S = 10.0
"""Seconds for a whole call (ours): several fit into a function's time limit."""
MOST_BYTES = 1 << 20
"""Bytes of the largest answer that is read (ours)."""
_PIECE_BYTES = 1 << 16
"""Bytes that are read at once (ours)."""
PORTS = (443, 8443)
"""Where customers' servers may listen (ours): HTTPS, and its usual second port. Other ports belong to other
services, which may take a request for something else."""
_UNICAST, _RELAYS = ipaddress.IPv6Network("2000::/3"), ipaddress.IPv4Network("192.88.99.0/24")
"""IPv6 addresses that IANA gives out; relays of 6to4 (RFC 7526)."""
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")
"""Addresses of documents (RFC 9637), younger than Python's table of them."""
_RETRY_STATUSES = {0, 401, 403, 408, 409, 421, 423, 425, 429}
"""Statuses after which the same call may succeed, beside all from 500 on (RFC 9110): 401 and 403 when
somebody has renewed a key; 0 is our own and means that there was no answer."""
_NEVER_SENT = {b"NewConnectionError", b"NameResolutionError", b"ConnectTimeoutError"}
"""Errors of urllib3 before a request is sent; after any other that has no answer it may have been taken."""
_REDIRECTS = range(300, 400)
"""Statuses of a redirect (RFC 9110): a sign-in page or a gateway in maintenance answers so for a while, as
it does with a page of its own. It is not followed: a secret goes to no address but the configured one."""


class Busy(DependencyBusy):
    """The other side did not answer, or asks to call again. `retry_after`: seconds that it named, or 0;
    `unsure`: the request may have been taken, only its answer did not come."""

    def __init__(self, text: str, retry_after: float = 0.0, *, unsure: bool = False) -> None:
        super().__init__(text)
        self.retry_after, self.unsure = retry_after, unsure


class Refused(InvalidInput):
    """The other side refuses this request; sending it again unchanged cannot help."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `status` is 0 when there was none; `body` then says why.

    >>> Answer(429, b'{"error": "slow  down"}', {"Retry-After": "120"}).retry_after
    120.0
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The beginning of the body in one line, for an error's text; nothing that looks like a key."""
        text = " ".join(self.body[:300].decode("utf-8", "replace").split())
        return text if "key" not in text.lower() else "the key was not accepted"

    @property
    def retry_after(self) -> float:
        """Seconds to wait, from the header `Retry-After` (RFC 9110: a number or a date); 0 without it."""
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
    """Send a request once. The answer's body is cut after `most_bytes`.

    With `public` a host that is not on the public internet is refused, but for those that the environment
    variable `PRIVATE_HOSTS` names. The call ends after `timeout_s` (10 s), also where the server still
    sends a byte now and then. Raises Refused for a host that is not public, Busy for one that cannot be
    resolved.
    """
    if probe.running() and method not in ("GET", "HEAD"):
        probe.note(f"{method} {urlsplit(url).hostname}")
        return Answer(200, b"{}")
    import urllib3

    started, timeout_s = time.monotonic(), timeout_s or TIMEOUT_S
    pool, target, headers = _pool(), url, dict(headers or {})
    parts = urlsplit(url)
    if public and parts.hostname not in _private_hosts():
        pool = _pool_of_checked_address(str(parts.hostname), _port(parts.port))
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers["Host"] = parts.netloc
    try:
        answer = pool.request(
            method,
            target,
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_S, timeout_s), read=timeout_s),
            preload_content=False,
        )
        try:
            content = _read(answer, most_bytes, started + timeout_s)
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        return Answer(0, type(error).__name__.encode())
    if content is None:
        return Answer(0, b"the answer took too long")
    return Answer(int(answer.status), content, dict(answer.headers))


def _pool_of_checked_address(host: str, port: int) -> Any:
    """Connections to one public IP address of a host, whose certificate must be the host's."""
    import urllib3

    return urllib3.HTTPSConnectionPool(
        _public_address(host, port),
        port,
        server_hostname=host,
        assert_hostname=host,
        cert_reqs="CERT_REQUIRED",
        maxsize=1,
    )


def _read(answer: Any, most_bytes: int, deadline: float) -> bytes | None:
    """The body, up to about `most_bytes`; None when it is not there at the deadline (monotonic seconds)."""
    content = b""
    # what has come, without waiting for more; urllib3 1.26 has it one level below only
    read1 = answer.read1 if hasattr(answer, "read1") else answer._fp.read1
    while len(content) < most_bytes:
        if time.monotonic() > deadline:
            return None
        piece = read1(_PIECE_BYTES)
        if not piece:
            break
        content += piece
    return content


def call(
    method: str,
    url: str,
    *,
    what: str,
    document: Any = None,
    headers: Mapping[str, str] | None = None,
    any_answer: bool = False,
    public: bool = False,
) -> Any:
    """Send a JSON request once and return the JSON answer; None for an empty one.

    `what` names the other side in errors. The request is `document`; bytes are JSON text already, and go
    as they are. With `any_answer` an answer that is no JSON is accepted, and returned as None.
    Raises Busy where a later call may succeed, else Refused.
    """
    body = (
        document if isinstance(document, bytes | None) else json.dumps(document, allow_nan=False).encode()
    )
    sent_headers = {
        "Accept": "application/json",
        **correlation.headers(),
        **({"Content-Type": "application/json"} if body else {}),
        **(headers or {}),
    }
    answer = send(method, url, body=body, headers=sent_headers, public=public)
    check(answer, what)
    if not answer.body.strip():
        return None
    try:
        return json.loads(answer.body)
    except ValueError as error:
        if any_answer:
            return None
        page = "the answer is no JSON, but a gateway's page most likely"
        raise Busy(f"{what}: {page}", unsure=True) from error


def check(answer: Answer, what: str) -> None:
    """Raise Busy where a later call may succeed, Refused where it will not; an answer of 2xx is well."""
    if answer.status in _RETRY_STATUSES or answer.status >= 500:
        why = f"HTTP {answer.status}: {answer.reason}" if answer.status else answer.body.decode()
        unsure = not answer.status and answer.body not in _NEVER_SENT
        raise Busy(f"{what}: {why}", answer.retry_after, unsure=unsure)
    if answer.status in _REDIRECTS:
        why = "a redirect, which is not followed; when it lasts, the configured address is an old one"
        raise Busy(f"{what}: HTTP {answer.status}, {why}", answer.retry_after)
    if not 200 <= answer.status < 300:
        raise Refused(f"{what}: HTTP {answer.status}: {answer.reason}", answer.status)


def _port(named: int | None) -> int:
    return 443 if named is None else named  # 0 is named too


def _private_hosts() -> set[str]:
    """Hosts that may be called although they are not public: trials on this machine."""
    return {host for host in os.environ.get("PRIVATE_HOSTS", "").split(",") if host}


def check_public(url: str) -> str:
    """What is wrong with an address that a customer named; empty when it may be called.

    >>> check_public("http://hooks.example.com/ona")
    'must begin with https://'
    """
    if any(character.isspace() or not character.isprintable() for character in url):
        return "must have no spaces and no control characters"  # urlsplit drops some of them
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets of no IPv6 address
        return "must be https://host/path, without user or fragment"
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
        _public_address(parts.hostname, _port(port))
    except Refused as error:
        return str(error)
    except Busy:
        return "the host is not known"
    return ""


def _public_address(host: str, port: int) -> str:
    """An IP address of a host whose addresses are all public.

    Raises Refused when one is not public, or the port is not for HTTPS; Busy when the host cannot be
    resolved now.
    """
    if port not in PORTS:
        raise Refused(f"the port must be {' or '.join(map(str, PORTS))}")
    try:
        resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Busy("the host is not known") from error
    addresses = [str(item[4][0]).split("%")[0] for item in resolved]
    if not addresses or not all(is_public(ipaddress.ip_address(address)) for address in addresses):
        raise Refused("the host is not on the public internet")
    return addresses[0]


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one machine's on the public internet.

    Python's `is_global` also holds for groups of machines (multicast), and for IPv6 addresses that carry an
    IPv4 address, which a gateway on the way unpacks: NAT64, 6to4, and those before them. Of IPv6 only what
    is given out counts: 2000::/3 (IANA, IPv6 Global Unicast Address Space) without 6to4.

    >>> [is_public(ipaddress.ip_address(text)) for text in ("1.1.1.1", "2606:4700::1111")]
    [True, True]
    >>> [is_public(ipaddress.ip_address(text)) for text in ("64:ff9b::7f00:1", "2002:7f00:1::", "ff0e::1")]
    [False, False, False]
    """
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address not in _RELAYS
    return (
        address in _UNICAST
        and address not in _DOCUMENTATION
        and address.sixtofour is None
        and address.teredo is None
    )
