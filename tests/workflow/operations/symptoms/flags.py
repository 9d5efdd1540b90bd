"""What docs/operations/flags.md shows: a platform whose flags nobody set, and one that an alarm watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args
from unittest.mock import patch

from ona.config.flags import Place
from ops.cli import flags
from ops.emergency import documents, holding
from tests.fakes.platform import Platform

ALARM = {"AlarmName": "ona-api-5xx-dev", "StateReason": "a test"}


def forget(platform: Platform) -> None:
    """As if nobody had ever set a flag, and nothing was held."""
    if documents.current(platform.target):
        holding.release(platform.target)
    client = platform.target.client("appconfig")
    application, features, maintenance, _ = platform.target.outputs["Flags"].split("/")
    for environment in (features, maintenance):
        ids = {"ApplicationId": application, "EnvironmentId": environment}
        while True:
            found = client.list_deployments(**ids)["Items"]
            in_force = [one for one in found if one["State"] not in ("ROLLED_BACK", "REVERTED")]
            if not in_force:
                break
            for one in in_force:
                client.stop_deployment(**ids, DeploymentNumber=one["DeploymentNumber"], AllowRevert=True)
    assert len(get_args(Place)) == 2


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Nobody has set a flag."""
    forget(platform)
    try:
        yield
    finally:
        forget(platform)


@contextmanager
def burning(platform: Platform) -> Iterator[None]:
    """An alarm that watches features is on."""
    alarms = platform.target.client("cloudwatch")
    with sound(platform):
        alarms.set_alarm_state(StateValue="ALARM", **ALARM)
        try:
            yield
        finally:
            alarms.set_alarm_state(StateValue="OK", **ALARM)


@contextmanager
def two_customers(platform: Platform) -> Iterator[None]:
    """Two customers have assets; the shared platform has other tests' keys, too."""
    with sound(platform), patch.object(flags, "known_customers", return_value={"acme", "karoo"}):
        yield
