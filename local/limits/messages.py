"""Limits of EventBridge, SNS, SQS, Systems Manager's parameters and CloudWatch Logs."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from local.limits import models, queues
from local.limits.refusal import Refusal, guard, utf8
from local.limits.values import (
    EVENT_DETAIL_TYPE_CHARACTERS,
    EVENT_PATTERN_CHARACTERS,
    EVENT_TARGETS_PER_RULE,
    EVENTS_REQUEST_BYTES,
    LOG_BATCH_BYTES,
    LOG_EVENT_BYTES,
    LOG_EVENT_OVERHEAD_BYTES,
    SNS_SUBJECT_CHARACTERS,
    SQS_DELAY_SECONDS,
    SSM_ADVANCED_BYTES,
    SSM_STANDARD_BYTES,
)

_TIME_BYTES = 14
"""What an entry's time counts (source: "Calculating PutEvents event entry size")."""


def entry_bytes(entry: dict[str, Any]) -> int:
    """The size of an entry of PutEvents, in bytes, as AWS reckons it.

    >>> entry_bytes({"Source": "ona", "DetailType": "ü", "Detail": "{}", "Time": 1})
    21
    """
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *entry.get("Resources", [])]
    size = sum(utf8(text) for text in texts if isinstance(text, str))
    return size + (_TIME_BYTES if entry.get("Time") is not None else 0)


def events_total(data: dict[str, Any], **_: Any) -> Refusal | None:
    """PutEvents: all entries together."""
    entries = data.get("Entries") or []
    if sum(entry_bytes(entry) for entry in entries) > EVENTS_REQUEST_BYTES:
        return Refusal("ValidationException", "Total size of the entries in the request is over the limit.")
    return None


def entry_problem(entry: dict[str, Any]) -> tuple[str, str] | None:
    """Why one entry of PutEvents fails: its error code and message.

    >>> entry_problem({"Source": "ona", "DetailType": "d", "Detail": "nope"})
    ('MalformedDetail', 'Detail is malformed.')
    >>> entry_problem({"Source": "ona", "DetailType": "d", "Detail": "{}"})
    """
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return "InvalidArgument", reason
    if len(entry["DetailType"]) > EVENT_DETAIL_TYPE_CHARACTERS:
        text = f"Detail type must be {EVENT_DETAIL_TYPE_CHARACTERS} characters at most."
        return "InvalidArgument", f"Parameter DetailType is not valid. Reason: {text}"
    try:
        sound = isinstance(json.loads(entry["Detail"]), dict)
    except ValueError:
        sound = False
    return None if sound else ("MalformedDetail", "Detail is malformed.")


def subject(params: dict[str, Any]) -> Refusal | None:
    """Publish: a subject is shorter than 100 characters, without line breaks and control characters."""
    value = params.get("Subject")
    text = str(value[0] if isinstance(value, list) else value or "")
    control = any(unicodedata.category(letter) == "Cc" for letter in text)
    if len(text) >= SNS_SUBJECT_CHARACTERS or control:
        return Refusal("InvalidParameter", "Invalid parameter: Subject")
    return None


def delay(data: dict[str, Any], _queue: str) -> Refusal | None:
    """SendMessage: how long a message may be held back."""
    seconds = data.get("DelaySeconds")
    if seconds is None or 0 <= int(seconds) <= SQS_DELAY_SECONDS:
        return None
    return Refusal(
        "InvalidParameterValue",
        f"Value {seconds} for parameter DelaySeconds is invalid. "
        f"Reason: DelaySeconds must be >= 0 and <= {SQS_DELAY_SECONDS}.",
    )


def pattern(data: dict[str, Any]) -> Refusal | None:
    """PutRule: the pattern's length. The model allows 4 096; the quota is 2 048 unless raised."""
    size = len(data.get("EventPattern") or "")
    if size > EVENT_PATTERN_CHARACTERS:
        return Refusal(
            "InvalidEventPatternException",
            f"Event pattern is not valid. Reason: it exceeds {EVENT_PATTERN_CHARACTERS} characters",
        )
    return None


def parameter(data: dict[str, Any]) -> Refusal | None:
    """PutParameter: a value's size by its tier."""
    from ministack.services import ssm

    value, name = str(data.get("Value") or ""), str(data.get("Name") or "")
    tier = data.get("Tier") or ssm._default_tier(data, value, ssm._parameters.get(name))
    if tier == "Standard" and utf8(value) > SSM_STANDARD_BYTES:
        return Refusal(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of "
            f"{SSM_STANDARD_BYTES} characters. To create a larger parameter value, upgrade the parameter "
            "to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
            "parameter-store-advanced-parameters.html",
        )
    if utf8(value) > SSM_ADVANCED_BYTES:
        return Refusal(
            "ValidationException",
            "Advanced tier parameters support a maximum parameter value of "
            f"{SSM_ADVANCED_BYTES} characters.",
        )
    return None


def log_events(data: dict[str, Any]) -> Refusal | None:
    """PutLogEvents: each event, and the batch."""
    sizes = [
        utf8(str(event.get("message", ""))) + LOG_EVENT_OVERHEAD_BYTES
        for event in data.get("logEvents") or []
    ]
    largest = max(sizes, default=0)
    if largest > LOG_EVENT_BYTES:
        text = f"Log event too large: {largest} bytes exceeds limit of {LOG_EVENT_BYTES}"
        return Refusal("InvalidParameterException", text)
    if sum(sizes) > LOG_BATCH_BYTES:
        text = f"Upload too large: {sum(sizes)} bytes exceeds limit of {LOG_BATCH_BYTES}"
        return Refusal("InvalidParameterException", text)
    return None


def install() -> None:
    """Apply the limits."""
    from ministack.services import cloudwatch_logs, eventbridge, sns, sqs, ssm

    def raised(refusal: Refusal) -> Any:
        raise sqs._Err(refusal.code, refusal.message, refusal.status)

    guard(sqs, "_act_send_message", delay, raised)
    guard(sqs, "_act_send_message", queues.message, raised)
    guard(sqs, "_act_create_queue", queues.named, raised)
    for handler in ("_act_receive_message", "_act_change_visibility"):
        guard(sqs, handler, queues.received, raised)
    for module, service in ((eventbridge, "events"), (ssm, "ssm"), (cloudwatch_logs, "logs")):
        models.install(module, service)
    guard(ssm, "_put_parameter", parameter)
    guard(cloudwatch_logs, "_put_log_events", log_events)
    guard(eventbridge, "_put_rule", pattern)
    guard(eventbridge, "_put_targets", _targets)
    guard(
        sns, "_publish", subject, lambda refused: sns._error(refused.code, refused.message, refused.status)
    )
    _entries(eventbridge)
    guard(eventbridge, "_put_events", events_total)


def _targets(data: dict[str, Any]) -> Refusal | None:
    """PutTargets: a rule has five targets at most, with those that it has."""
    from ministack.services import eventbridge

    bus, _ = eventbridge._event_bus_name_from_ref(data.get("EventBusName", "default"))
    there = eventbridge._targets.get(eventbridge._rule_key(data.get("Rule"), bus), [])
    ids = {target.get("Id") for target in [*there, *(data.get("Targets") or [])]}
    if len(ids) > EVENT_TARGETS_PER_RULE:
        return Refusal(
            "LimitExceededException", "The requested resource exceeds the maximum number allowed."
        )
    return None


def _entries(eventbridge: Any) -> None:
    """Entries that AWS fails by themselves are failed; the others are sent."""
    from ministack.core.responses import json_response

    from local.hooks.base import private, replace

    put = private(eventbridge, "_put_events")

    def put_events(data: dict[str, Any], **named: Any) -> Any:
        entries = data.get("Entries") or []
        problems = [entry_problem(entry) for entry in entries]
        if not any(problems):
            return put(data, **named)
        good = [entry for entry, problem in zip(entries, problems, strict=True) if problem is None]
        answers = iter(json.loads(put({**data, "Entries": good}, **named)[2])["Entries"] if good else [])
        results = [
            next(answers) if problem is None else {"ErrorCode": problem[0], "ErrorMessage": problem[1]}
            for problem in problems
        ]
        failed = sum("ErrorCode" in result for result in results)
        return json_response({"FailedEntryCount": failed, "Entries": results})

    replace(eventbridge, "_put_events", put_events)
