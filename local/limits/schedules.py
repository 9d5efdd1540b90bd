"""What EventBridge and its Scheduler refuse in a rule, its targets and a schedule.

Sources: EventBridge user guide, "Creating a rule that runs on a schedule" (a rate of one has a unit in the
singular), "Input transformation", "Using dead-letter queues"; API references of PutRule, PutTargets and
CreateSchedule. A rule that ministack could not reckon (`cron(60 …)`) stopped every timer behind it.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from typing import Any

from local.hooks.base import private, replace
from local.hooks.roles_demands import trusts
from local.limits.refusal import Refusal, guard

_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
_AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
_CRON_RANGES = ((0, 0, 59), (1, 0, 23), (3, 1, 12), (5, 1970, 2199))
"""Index of a field that ministack reads into a set, its least and greatest value."""
_NAME = re.compile(r"[0-9a-zA-Z\-_.]{1,64}")
_BY_ROLE = ("states", "ecs", "batch", "kinesis", "firehose")
"""Services whose targets a rule reaches by a role only."""
_PLACEHOLDER = re.compile(r"<([\w.\-]+)>")
_WINDOW_MINUTES = 1440


def rate(text: str, *, plural: bool = True) -> bool:
    """Whether a rate can be taken; `plural` demands the unit's right number, as rules do.

    >>> [rate(f"rate({text})") for text in ("1 minute", "5 minutes", "1 minutes", "5 minute", "0 minutes")]
    [True, True, False, False, False]
    """
    found = _RATE.fullmatch(text)
    return found is not None and (not plural or (int(found[1]) > 1) == bool(found[3]))


def cron(text: str) -> bool:
    """Whether a cron expression can be taken: six fields in their ranges, one `?` for the days.

    >>> [cron(f"cron({text})") for text in ("0/15 1-5 ? * MON-FRI *", "60 1 * * ? *", "0 1 * * * *")]
    [True, False, False]
    """
    from ministack.services import eventbridge

    fields = private(eventbridge, "_parse_cron_fields")(text)
    if fields is None:
        return False
    return all(
        fields[index] is None or all(least <= value <= most for value in fields[index])
        for index, least, most in _CRON_RANGES
    )


def _invalid(text: str) -> Refusal:
    return Refusal("ValidationException", text)


def rule(data: dict[str, Any]) -> Refusal | None:
    """PutRule, and AWS::Events::Rule: a pattern or a schedule, and one that can be reckoned."""
    schedule, bus = data.get("ScheduleExpression"), str(data.get("EventBusName") or "default")
    if not schedule and not data.get("EventPattern"):
        return _invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule and not (rate(str(schedule)) or cron(str(schedule))):
        return _invalid("Parameter ScheduleExpression is not valid.")
    if schedule and bus.rsplit("/", 1)[-1] != "default":
        return _invalid("ScheduleExpression is supported only on the default event bus.")
    return targets(data)


def resource(properties: dict[str, Any]) -> Refusal | None:
    """AWS::Events::Rule: its pattern too, which CloudFormation takes as an object."""
    from ministack.services import eventbridge

    given = properties.get("EventPattern")
    text = given if isinstance(given, str) else json.dumps(given) if given else ""
    if reason := private(eventbridge, "_event_pattern_error")(text):
        return Refusal("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
    return rule(properties)


def targets(data: dict[str, Any]) -> Refusal | None:
    """PutTargets: what each target gets, with which role, and where its dead letters go."""
    for target in data.get("Targets") or []:
        if problem := target_problem(target):
            return _invalid(problem)
    return None


def target_problem(target: dict[str, Any]) -> str:
    """Why a target is refused; empty when it is taken.

    >>> target_problem({"Id": "a", "Arn": "arn:aws:states:r:1:stateMachine:m"})
    'RoleArn is required for target a.'
    >>> paths = {"InputPathsMap": {"b": "$.x"}, "InputTemplate": "<b> <aws.events.rule-arn>"}
    >>> target_problem({"Id": "a", "Arn": "arn:aws:sqs:r:1:q", "InputTransformer": paths})
    ''
    """
    name, arn = target.get("Id"), str(target.get("Arn", ""))
    if sum(key in target for key in ("Input", "InputPath", "InputTransformer")) > 1:
        return f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."
    if isinstance(target.get("Input"), str):
        try:
            json.loads(target["Input"])
        except ValueError:
            return f"JSON syntax error in input for target {name}"
    if arn.count(":") >= 5 and arn.split(":")[2] in _BY_ROLE and not target.get("RoleArn"):
        return f"RoleArn is required for target {name}."
    letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if letters and (":sqs:" not in str(letters) or str(letters).endswith(".fifo")):
        return f"Parameter DeadLetterConfig.Arn is not valid for target {name}: a standard queue is needed."
    transformer = target.get("InputTransformer") or {}
    known = set(transformer.get("InputPathsMap") or {})
    for placeholder in _PLACEHOLDER.findall(str(transformer.get("InputTemplate", ""))):
        if placeholder not in known and not placeholder.startswith("aws.events."):
            return f"Invalid InputTemplate for target {name} : <{placeholder}> is not in InputPathsMap."
    return ""


def schedule(data: dict[str, Any]) -> Refusal | None:
    """CreateSchedule, UpdateSchedule and AWS::Scheduler::Schedule."""
    text = str(data.get("ScheduleExpression") or "")
    if text and not (_AT.fullmatch(text) or rate(text, plural=False) or cron(text)):
        return _invalid(f"Invalid Schedule Expression {text}.")
    zone = data.get("ScheduleExpressionTimezone")
    if zone and zone not in zoneinfo.available_timezones():
        return _invalid(f"Invalid Schedule Expression Timezone {zone}.")
    window = data.get("FlexibleTimeWindow") or {}
    minutes = window.get("MaximumWindowInMinutes")
    if window.get("Mode") == "FLEXIBLE" and not (minutes and 1 <= int(minutes) <= _WINDOW_MINUTES):
        return _invalid("MaximumWindowInMinutes is needed for a flexible time window, 1 to 1440.")
    if window.get("Mode") == "OFF" and minutes is not None:
        return _invalid("MaximumWindowInMinutes is not allowed when the flexible time window is off.")
    role = (data.get("Target") or {}).get("RoleArn")
    if role and str(role).startswith("arn:") and not trusts(str(role), "scheduler.amazonaws.com"):
        return _invalid(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        )
    return None


def _named(name: str, data: dict[str, Any]) -> Refusal | None:
    if not _NAME.fullmatch(str(name)):
        return _invalid(
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"
        )
    return schedule(data)


def install() -> None:
    """Apply the checks."""
    from ministack.services import eventbridge, scheduler

    guard(eventbridge, "_put_rule", rule)
    guard(eventbridge, "_put_targets", targets)
    guard(scheduler, "_create_schedule", _named)
    guard(scheduler, "_update_schedule", _named)
    reckon = private(eventbridge, "_cron_next_fire")

    def next_fire(*given: Any) -> Any:
        try:
            return reckon(*given)
        except ValueError:
            return None  # a rule of an older home that cannot be reckoned stops no other

    replace(eventbridge, "_cron_next_fire", next_fire)
