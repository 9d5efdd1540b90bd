"""Alerts on the deployed platform: which places there are, and rules that let alarms in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from ops.demo.follow import run_task
from tests.fakes.platform import LIVE, Platform

RULES = ("ona-alerts-alarms-dev", "ona-alerts-platform-dev")


@contextmanager
def alarms_heard(platform: Platform, **changes: Any) -> Iterator[None]:
    """Alarms and events start the workflow. `changes`: of configs/operations/alerting.yaml."""
    events, functions = platform.target.client("events"), platform.target.client("lambda")
    path = platform.configs / "operations" / "alerting.yaml"
    before = path.read_text("utf-8")
    if changes:
        path.write_text(yaml.safe_dump({**yaml.safe_load(before), **changes}), "utf-8")
        _fresh(platform, functions)
    for rule in RULES:
        events.enable_rule(Name=rule)
    try:
        yield
        settle(platform)
    finally:
        for rule in RULES:
            events.disable_rule(Name=rule)
        if changes:
            path.write_text(before, "utf-8")
            _fresh(platform, functions)


def _fresh(platform: Platform, functions: Any) -> None:
    """A function reads its configuration once a process: a new version has new ones."""
    name = platform.target.function("alert_processor")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    given = {**variables, "TRIAL": str(time.time_ns())}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": given})
    made = functions.publish_version(FunctionName=name)["Version"]
    functions.update_alias(FunctionName=name, Name=LIVE, FunctionVersion=made)


def alarm(platform: Platform, name: str, value: str = "ALARM", reason: str = "a test") -> None:
    """An alarm of the template changes its state; another second than the last."""
    platform.target.client("cloudwatch").set_alarm_state(
        AlarmName=name, StateValue=value, StateReason=reason
    )


def settle(platform: Platform, at_least: int = 0) -> list[dict[str, Any]]:
    """The executions of the workflow, once so many are there and none runs."""
    machine = platform.target.machines["alerts"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = platform.states.list_executions(stateMachineArn=machine)["executions"]
        if len(found) >= at_least and all(item["status"] != "RUNNING" for item in found):
            return list(found)
        time.sleep(0.05)
    raise TimeoutError("alerts still run")


def told(platform: Platform) -> list[dict[str, Any]]:
    """Deliver's timer, then the alert processor's; what the workflow made of it."""
    platform.deliver()
    settle(platform)
    woken: dict[str, Any] = run_task(platform.target, "alert_processor", "due")
    settle(platform)
    return [woken]
