"""The APIs and their certificates: does a caller get in?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import urllib3

from ona.runtime.words import counted
from operations.reading.finding import Client, Finding, code_of, each
from operations.reading.inventory import Inventory
from operations.reading.stops import Stop

PATIENCE_S = 10.0
"""Seconds that an API may take to answer /health (ours); a cold start is among them."""
_TOO_SLOW = (
    f"gave no answer within {PATIENCE_S:g} s: it is busy or hangs; ask again in a minute, "
    "and if it stays so look at the log of the function accountApi"
)
_UNREACHED = (
    "cannot be reached: nobody listens there, or its name has no address; look whether the platform runs "
    "(`ona status`), and at the DNS name of the address"
)
_HAS_HEALTH = "ona-api-account"
"""The API with /health (stacks/access.yaml); the environment follows."""
_REFUSED = "gives status 429"
_IN_MAINTENANCE = "says maintenance"
CLOSED = "that is the stop"
EXPIRES_SOON = timedelta(days=30)
"""ACM tries to renew what it issued from 60 days before it expires (AWS Certificate Manager User Guide,
"Managed certificate renewal"): half of that time has passed without success. It never renews what was
imported."""
EXPIRES_NOW = timedelta(days=7)
"""So little is left that it comes before other work (ours)."""


def apis(
    client: Client, found: Inventory, environment: str, address: str, stop: Stop | None = None
) -> Iterator[Finding]:
    """Is each API there with its stage, and does `address` answer at /health? Without an address it is that
    of the API which has /health. What a `stop` closed is well: the
    stop is told as a whole."""
    gateway = client("apigateway")

    def look(api: str) -> Finding:
        try:
            name = gateway.get_rest_api(restApiId=api)["name"]
            gateway.get_stage(restApiId=api, stageName=environment)
        except Exception as error:
            if code_of(error) == "NotFoundException":
                return Finding.critical("apis", api, f"it is gone, or its stage {environment} is")
            raise
        if name == f"{_HAS_HEALTH}-{environment}":
            own.append(_address(gateway, api, environment))
        return Finding.ok("apis", name, f"{api}, stage {environment}")

    own: list[str] = []
    yield from each("apis", found.of("AWS::ApiGateway::RestApi"), look)
    for answer in each("apis", [address] if address else own, _health):
        shut = stop is not None and _is_of(stop, answer.text)
        yield Finding.ok("apis", "/health", f"{answer.text}: {CLOSED}") if shut else answer


def _is_of(stop: Stop, text: str) -> bool:
    """Whether an answer of /health is the stop itself, which has a finding of its own."""
    return bool(stop.doors and text.endswith(_REFUSED)) or (stop.closes and text.endswith(_IN_MAINTENANCE))


def _address(gateway: Any, api: str, stage: str) -> str:
    """An API's own address; in the embedded cloud it lies below that of API Gateway itself."""
    endpoint = str(gateway.meta.endpoint_url)
    if _is_embedded(gateway):
        return f"{endpoint}/restapis/{api}/{stage}/_user_request_"
    # apigateway.<region>.<suffix>: China's suffix is another
    region_and_suffix = str(urlsplit(endpoint).hostname).partition(".")[2]
    return f"https://{api}.execute-api.{region_and_suffix}/{stage}"


def _is_embedded(gateway: Any) -> bool:
    """Whether a client speaks to the embedded cloud."""
    return urlsplit(str(gateway.meta.endpoint_url)).hostname in ("127.0.0.1", "localhost")


def _health(address: str) -> Finding:
    """What `GET /health` answers: one way through gateway, authorizer and function, without a key."""
    url = f"{address.rstrip('/')}/health"
    try:
        answer = urllib3.PoolManager().request("GET", url, timeout=PATIENCE_S, retries=False)
    except urllib3.exceptions.ReadTimeoutError:
        return Finding.critical("apis", "/health", f"{url} {_TOO_SLOW}")
    except urllib3.exceptions.HTTPError as error:
        return Finding.critical("apis", "/health", f"{url} {_UNREACHED} ({type(error).__name__})")
    if answer.status != 200:
        return Finding.critical("apis", "/health", f"{url} gives status {answer.status}")
    try:
        status = json.loads(answer.data)["data"]["status"]
    except (ValueError, KeyError, TypeError):
        return Finding.critical("apis", "/health", f"{url}: the answer is none of ours")
    if status != "ok":
        return Finding.warning("apis", "/health", f"{url} says {status}")
    return Finding.ok("apis", "/health", f"{url} is open")


def certificates(client: Client, found: Inventory, now: datetime, address: str) -> Iterator[Finding]:
    """How long each certificate of our own addresses is valid. `now` is UTC."""
    gateway, acm = client("apigateway"), client("acm")

    def look(domain: str) -> Finding:
        try:
            described = gateway.get_domain_name(domainName=domain)
        except Exception as error:
            if code_of(error) == "NotFoundException":
                return Finding.critical("certificates", domain, "its domain name is gone from API Gateway")
            raise
        arn = described.get("regionalCertificateArn") or described.get("certificateArn")
        try:
            certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        except Exception as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            if address.startswith("http://") or (not address and _is_embedded(gateway)):
                return Finding.ok("certificates", domain, "none is needed: this address is plain http")
            return Finding.critical("certificates", domain, f"{arn} is not in ACM")
        if certificate.get("Status") != "ISSUED":
            return Finding.critical("certificates", domain, f"its status is {certificate.get('Status')}")
        return validity(domain, certificate["NotAfter"], now, certificate.get("Type") == "IMPORTED")

    yield from each("certificates", found.of("AWS::ApiGateway::DomainName"), look)


def validity(domain: str, ends: datetime, now: datetime, imported: bool) -> Finding:
    """How long a certificate still is valid.

    >>> from datetime import UTC
    >>> validity("a", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), True).state
    'warning'
    """
    left = ends - now
    until = f"valid until {ends:%Y-%m-%d}, {counted(left.days, 'day')}"
    who = (
        "it was imported, ACM does not renew it" if imported else "ACM should have renewed it: see why not"
    )
    if left <= timedelta(0):
        return Finding.critical("certificates", domain, f"expired on {ends:%Y-%m-%d}; {who}", since=ends)
    if left <= EXPIRES_NOW:
        return Finding.critical("certificates", domain, f"{until}; {who}")
    if left < EXPIRES_SOON:
        return Finding.warning("certificates", domain, f"{until}; {who}")
    return Finding.ok("certificates", domain, until)
