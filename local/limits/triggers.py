"""What Lambda and S3 refuse when something is to call a function.

Sources: Lambda developer guide, "Using Lambda with Amazon SQS" (the queue's visibility time-out is at least
the function's time-out; batches over 10 need a window); API references of CreateEventSourceMapping and
AddPermission; S3 user guide, "Granting permissions to publish event notification messages".
"""

from __future__ import annotations

import json
import re
from typing import Any

from local.hooks.base import private, replace
from local.hooks.roles_demands import Denied, demand_policy
from local.limits.refusal import Refusal, guard

_STANDARD_BATCH, _FIFO_BATCH = 10_000, 10
_PRINCIPAL = re.compile(r"\*|\d{12}|arn:.+|[\w.-]+\.(amazonaws\.com(\.cn)?|amazon\.com)")
_ACTION = re.compile(r"lambda:[*]|lambda:[a-zA-Z]+|[*]")


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterValueException", text)


def function(name: str) -> dict[str, Any] | None:
    """A function's configuration by its name or ARN; None when there is none."""
    from ministack.services import lambda_svc

    parts = name.split(":")
    plain = (
        parts[6]
        if name.startswith("arn:") and len(parts) > 6
        else parts[-1]
        if len(parts) == 3
        else parts[0]
    )
    record = private(lambda_svc, "_functions").get(plain)
    return (record.get("config") or record) if record else None


def mapping(data: dict[str, Any]) -> Refusal | None:
    """CreateEventSourceMapping and AWS::Lambda::EventSourceMapping."""
    from ministack.services import sqs

    for item in (data.get("FilterCriteria") or {}).get("Filters") or []:
        try:
            sound = isinstance(json.loads(item.get("Pattern") or "{}"), dict)
        except ValueError:
            sound = False
        if not sound:
            return _invalid("Invalid filter pattern definition.")
    arn, size = str(data.get("EventSourceArn") or ""), int(data.get("BatchSize") or 10)
    if ":sqs:" not in arn:
        return None
    fifo = arn.endswith(".fifo")
    most = _FIFO_BATCH if fifo else _STANDARD_BATCH
    if not 1 <= size <= most:
        return _invalid(f"Batch size must be between 1 and {most} for this queue")
    if size > _FIFO_BATCH and not int(data.get("MaximumBatchingWindowInSeconds") or 0):
        text = "must be greater than 0 if maximum batch size is greater than 10"
        return _invalid(f"Maximum batch window in seconds {text}")
    queue, called = private(sqs, "_queue_by_arn")(arn), function(str(data.get("FunctionName") or ""))
    if queue is None or called is None:
        return None
    visible = int(queue["attributes"].get("VisibilityTimeout", 30))
    timeout = int(called.get("Timeout") or 3)
    if visible < timeout:
        return _invalid(
            f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds"
        )
    return None


def _again(data: dict[str, Any]) -> Refusal | None:
    """CreateEventSourceMapping: one mapping for a source and a function."""
    from ministack.services import lambda_svc

    source, called = data.get("EventSourceArn"), function(str(data.get("FunctionName") or ""))
    for there in private(lambda_svc, "_esms").values():
        if called and there["EventSourceArn"] == source and there["FunctionName"] == called["FunctionName"]:
            text = (
                f'An event source mapping with SQS arn (" {source} ") and function '
                f'(" {called["FunctionName"]} ") already exists. Please update or delete the '
                f"existing mapping with UUID {there['UUID']}"
            )
            return Refusal("ResourceConflictException", text, 409)
    return mapping(data)


def permission(data: dict[str, Any]) -> Refusal | None:
    """AddPermission: an action of Lambda, and somebody who may be allowed it."""
    if not _ACTION.fullmatch(str(data.get("Action") or "")):
        return Refusal(
            "ValidationException",
            f"1 validation error detected: Value '{data.get('Action')}' at 'action' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])",
        )
    if not _PRINCIPAL.fullmatch(str(data.get("Principal") or "")):
        return _invalid("The provided principal was invalid. Please check the principal and try again.")
    return None


def permitted(properties: dict[str, Any]) -> Refusal | None:
    """AWS::Lambda::Permission: the same, and the function is there."""
    name = str(properties.get("FunctionName") or "")
    if function(name) is None:
        return Refusal("ResourceNotFoundException", f"Function not found: {name}", 404)
    return permission(properties)


def install() -> None:
    """Apply the checks."""
    from ministack.services import lambda_svc, s3

    guard(lambda_svc, "_create_esm", _again)
    guard(lambda_svc, "_add_permission", lambda _name, data, *_, **__: permission(data))
    validate = private(s3, "_validate_notification_configs")

    def validated(configs: list[dict[str, Any]], region: str, bucket: str = "", skip: bool = False) -> Any:
        answer = validate(configs, region, bucket, skip)
        if answer is not None or skip or not bucket:
            return answer
        owner = private(s3, "_bucket_owner_account")(bucket) or ""
        refused = []
        for config in configs:
            if config["type"] == "lambda":
                try:
                    demand_policy("s3.amazonaws.com", "lambda:InvokeFunction", config["arn"],
                                  f"arn:aws:s3:::{bucket}", owner)  # fmt: skip
                except Denied:
                    refused.append(config["arn"])
        if not refused:
            return None
        text = f"Unable to validate the following destination configurations: {', '.join(refused)}"
        return private(s3, "_invalid_notification_config")(text)

    replace(s3, "_validate_notification_configs", validated)
