"""What starts work: the platform's rules and timers, as they are now.

Only what the platform's own stacks hold is looked at: rules of others, and of another environment, are
never touched. Of a rule, the targets are read, not known: a base machine, a version and an alias are alike.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ona.runtime.words import counted
from operations.reading import inventory
from operations.reading.inventory import Inventory
from operations.reading.stops import Rule, Timer
from ops.target import OpsError, Target

HOLDING = "ona-holding"
"""The id of the target that keeps a rule's events, and what the queue's name begins with."""
MOST_TARGETS = 5
"""Targets of a rule (Amazon EventBridge, "Quotas")."""
_STARTED = ("states", "lambda")
_ALARMS = "aws.cloudwatch"
Json = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What the platform's rules and timers are, when they were read."""

    events: list[Rule]
    """Rules of events that start work: those targets of each that do."""
    timers: list[Timer]
    """Timers that are on, and start work."""
    left: dict[str, str]
    """Rules and timers that a stop leaves as they are, with the reason."""


def read(target: Target, goes_on: Collection[str]) -> Found:
    """Read all rules and timers. Changes nothing.

    `goes_on`: functions and workflows that a stop leaves alone. Raises OpsError for a rule that cannot be
    held, and where nothing is deployed.
    """
    return read_from(target, deployed(target), goes_on)


def deployed(target: Target) -> Inventory:
    """What the platform's stacks hold. Raises OpsError where nothing is deployed."""
    try:
        return inventory.read(target.client, target.stack)
    except inventory.NotDeployed as error:
        raise OpsError(f"{target.name}: {error}") from error


def read_from(target: Target, holds: Inventory, goes_on: Collection[str]) -> Found:
    """As `read`, of stacks that were read already."""
    found = Found([], [], {})
    for name in holds.of("AWS::Events::Rule"):
        bus, _, rule = name.rpartition("|")
        _read_rule(target, rule, bus or "default", goes_on, found)
    for name in holds.of("AWS::Scheduler::Schedule"):
        _read_schedule(target, name, goes_on, found)
    return found


def _read_rule(target: Target, name: str, bus: str, goes_on: Collection[str], found: Found) -> None:
    events = target.client("events")
    rule = events.describe_rule(Name=name, EventBusName=bus)
    targets = targets_of(target, name, bus)
    work = [item for item in targets if starts(item) and named(item["Arn"]) not in goes_on]
    if not work:
        went_on = [named(item["Arn"]) for item in targets if starts(item)]
        if not any(item["Id"] == HOLDING for item in targets):
            found.left[name] = f"{', '.join(went_on)} goes on" if went_on else "it starts no work"
    elif rule["State"] == "DISABLED":
        found.left[name] = "it is off already"
    elif rule.get("ScheduleExpression"):
        found.timers.append(Timer(kind="rule", name=name, group=bus))
    elif _ALARMS in json.loads(rule.get("EventPattern") or "{}").get("source", []):
        found.left[name] = "alarms go on"
    else:
        found.events.append(Rule(name=name, bus=bus, targets=work))
        _refuse(name, targets, work)


def _refuse(name: str, targets: list[Json], work: list[Json]) -> None:
    """Raises OpsError for a rule that cannot be held."""
    changed = [item["Id"] for item in work if "InputTransformer" in item or "InputPath" in item]
    if changed:
        raise OpsError(
            f"rule {name}: target {', '.join(changed)} gets its events rewritten (InputTransformer, "
            "InputPath), and what is held could not be rewritten afterwards; nothing was changed"
        )
    if len(targets) >= MOST_TARGETS and not any(item["Id"] == HOLDING for item in targets):
        raise OpsError(
            f"rule {name} has {counted(MOST_TARGETS, 'target')}, as many as may be; nothing was changed"
        )


def _read_schedule(target: Target, name: str, goes_on: Collection[str], found: Found) -> None:
    group, _, plain = name.rpartition("|")
    item = target.client("scheduler").get_schedule(Name=plain, GroupName=group or "default")
    if item.get("State") == "DISABLED":
        found.left[plain] = "it is off already"
    elif named(item["Target"]["Arn"]) in goes_on:
        found.left[plain] = f"{named(item['Target']['Arn'])} goes on"
    else:
        found.timers.append(Timer(kind="schedule", name=plain, group=group or "default"))


def targets_of(target: Target, name: str, bus: str) -> list[Json]:
    """The targets of a rule; none where there is no such rule."""
    events = target.client("events")
    try:
        return list(events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"])
    except events.exceptions.ResourceNotFoundException:
        return []


def starts(target: Json) -> bool:
    """Whether a target is a state machine or a function, also by a version or an alias."""
    return str(target["Arn"]).split(":")[2:3] != [] and target["Arn"].split(":")[2] in _STARTED


def named(arn: str) -> str:
    """The name of a function or state machine without `ona-` and the environment.

    >>> named("arn:aws:lambda:af-south-1:1:function:ona-deliver-dev:live")
    'deliver'
    >>> named("arn:aws:states:af-south-1:1:stateMachine:ona-forecast-upload-prod")
    'forecast-upload'
    """
    parts = arn.split(":")
    return parts[6].removeprefix("ona-").rpartition("-")[0] if len(parts) > 6 else ""


def names_of(holds: Inventory) -> set[str]:
    """The functions and state machines that the stacks hold, by the names that the configuration gives."""
    machines = {named(arn) for arn in holds.of("AWS::StepFunctions::StateMachine")}
    functions = holds.of("AWS::Lambda::Function")
    return machines | {name.removeprefix("ona-").rpartition("-")[0] for name in functions}


def queue_of(holds: Inventory) -> str:
    """The URL of the holding queue. Raises OpsError where it is not deployed."""
    found = [url for url in holds.of("AWS::SQS::Queue") if url.rpartition("/")[2].startswith(f"{HOLDING}-")]
    if not found:
        raise OpsError("the holding queue is not deployed (stacks/operations_holding.yaml); deploy first")
    return found[0]
