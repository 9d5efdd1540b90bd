"""The morning's health check: is all that is deployed there, open, and does every site send?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from operations.reading import doors, flow, freshness, inventory, released, services, stacks, stops, windows
from operations.reading.deployments import Deployer
from operations.reading.finding import Client, Finding, Report, worst
from operations.reading.stops import Stop

KIND = "health"


@dataclass(frozen=True)
class Platform:
    """Which platform is looked at: the root's stack, its environment and buckets. `address`: of all APIs;
    without it the account API is asked at its own."""

    root: str
    environment: str
    input_bucket: str
    output_bucket: str
    address: str = ""


def health(client: Client, platform: Platform, now: datetime, deployer: Deployer | None = None) -> Report:
    """Every check; one that breaks off is a finding, so that the others still run.

    While the platform is stopped, what the stop itself turned off is no trouble, and a site is judged by
    the moment of the stop: what it sent since waits. `now` is UTC; `deployer`: who deploys just now, where
    that is known. Raises NotDeployed, and what CloudFormation's client raises: without the list of what is
    deployed nothing can be looked at.
    """
    found = inventory.read(client, platform.root)
    stop, seen = _stop(client, platform.output_bucket)
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        stops.CHECK: lambda: iter([seen]),
        windows.CHECK: lambda: windows.windows(client, found, now),
        stacks.CHECK: lambda: stacks.stacks(client, found),
        released.CHECK: lambda: released.findings(client, found, platform.output_bucket, now, deployer),
        "functions": lambda: services.functions(client, found),
        "workflows": lambda: services.workflows(client, found),
        "buckets": lambda: services.buckets(client, found),
        "tables": lambda: services.tables(client, found),
        "apis": lambda: doors.apis(client, found, platform.environment, platform.address, stop),
        "certificates": lambda: doors.certificates(client, found, now, platform.address),
        "queues": lambda: flow.queues(client, found, now),
        "rules": lambda: flow.rules(client, found, stop),
        "alarms": lambda: flow.alarms(client, found, platform.environment, now, stop),
        freshness.CHECK: lambda: freshness.freshness(
            client, platform.input_bucket, platform.output_bucket, now, stop.at if stop else None
        ),
    }
    findings = [finding for name, check in checks.items() for finding in _whole(name, check)]
    return Report(kind=KIND, platform=platform.root, at=now, state=worst(findings), findings=findings)


def _stop(client: Client, bucket: str) -> tuple[Stop | None, Finding]:
    """The stop that the platform is in, and what is told of it. Where it cannot be read, none is known."""
    try:
        stop = stops.current(client, bucket)
    except Exception as error:
        return None, Finding.unknown(stops.CHECK, "platform", error)
    return stop, stops.finding(stop)


def _whole(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        yield Finding.unknown(name, "all", error)
