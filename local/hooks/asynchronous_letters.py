"""Lambda: what becomes of an asynchronous event at its end: dead letters and destinations' records.

A dead-letter queue gets the event alone, with the attributes RequestID, ErrorCode and ErrorMessage. A
destination gets a record of the invocation around it. A function may have both. The function's role sends
them; what it may not send, and what cannot arrive, is dropped (AWS counts it in DeadLetterErrors and
DestinationDeliveryFailures) and told in the embedded cloud's log.

Sources: Lambda developer guide, "Adding a dead-letter queue", "Capturing records of Lambda asynchronous
invocations". A destination in S3 is not simulated.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.hooks.base import private
from local.hooks.roles_demands import BY_ROLE, Denied, demand_role, report

Json = dict[str, Any]
MESSAGE_BYTES = 1024
"""So much of an error's message stands in a dead letter's attribute (AWS)."""
CLOSED: Json = {
    "status": 429,
    "body": {"errorType": "TooManyRequestsException", "errorMessage": "Rate Exceeded."},
}
"""The failure of an event for a function with a reserved concurrency of 0."""


@dataclass(frozen=True)
class Receiver:
    """A function to which an event goes: the ARN as invoked, configuration, EventInvokeConfig."""

    arn: str
    config: Json
    settings: Json

    def targets(self, condition: str) -> Iterator[tuple[str, bool]]:
        """ARNs that hear of an event's end, each with whether it is a destination."""
        good = condition == "Success"
        letter = (self.config.get("DeadLetterConfig") or {}).get("TargetArn")
        if letter and not good:
            yield str(letter), False
        to = self.settings.get("DestinationConfig") or {}
        destination = (to.get("OnSuccess" if good else "OnFailure") or {}).get("Destination")
        if destination:
            yield str(destination), True


def brief(answer: Json) -> Json:
    """What is kept of an attempt's answer, for letters and records."""
    status = 429 if answer.get("throttle") else 500 if answer.get("system") else 200
    body = answer.get("body")
    if answer.get("throttle") and isinstance(body, dict):
        body = {"errorType": body.get("__type"), "errorMessage": body.get("message")}
    return {"status": status, "error": bool(answer.get("error")), "body": body}


def letter(entry: Json) -> tuple[str, Json]:
    """A dead letter: the event as it came, and its attributes.

    >>> last = {"status": 200, "body": {"errorMessage": "no"}}
    >>> body, attributes = letter({"event": {"a": 1}, "request": "r", "last": last})
    >>> body, {name: attribute["StringValue"] for name, attribute in attributes.items()}
    ('{"a": 1}', {'RequestID': 'r', 'ErrorCode': '200', 'ErrorMessage': 'no'})
    """
    last = entry["last"] or {}
    body = last.get("body")
    said = body.get("errorMessage") or body.get("errorType") if isinstance(body, dict) else None
    message = str(said or "Event age exceeded").encode()[:MESSAGE_BYTES].decode(errors="ignore")
    told = {"RequestID": entry["request"], "ErrorCode": str(last.get("status", 429))}
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in told.items()}
    attributes["ErrorCode"]["DataType"] = "Number"
    attributes["ErrorMessage"] = {"DataType": "String", "StringValue": message}
    return json.dumps(entry["event"]), attributes


def record(to: Receiver, entry: Json, condition: str) -> Json:
    """What a destination is told of an invocation."""
    last, version = entry["last"] or {}, str(to.config.get("Version", "$LATEST"))
    qualified = to.arn.split(":function:")[-1].count(":")
    told: Json = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": entry["request"],
            "functionArn": to.arn if qualified else f"{to.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": entry["failures"] + (condition == "Success"),
        },
        "requestPayload": entry["event"],
    }
    if last:
        context = {"statusCode": last["status"], "executedVersion": version}
        told["responseContext"] = context | ({"functionError": "Unhandled"} if last.get("error") else {})
        told["responsePayload"] = last["body"]
    return told


def say(text: str) -> None:
    """Say something in the embedded cloud's log."""
    print(f"embedded cloud: {text}", file=sys.stderr, flush=True)


def send(to: Receiver, entry: Json, condition: str) -> list[tuple[str, Any]]:
    """Tell the dead-letter queue and the destination; returns functions to invoke, with their events."""
    functions: list[tuple[str, Any]] = []
    for target, destination in to.targets(condition):
        kind = target.split(":")[2] if target.count(":") > 4 else ""
        try:
            for action in BY_ROLE.get(kind, ()):
                demand_role(str(to.config.get("Role")), "lambda.amazonaws.com", action, target)
        except Denied as denied:
            report(f"dead letter of {to.arn}", denied)
            continue
        told = record(to, entry, condition) if destination else {}
        body, attributes = (json.dumps(told), {}) if destination else letter(entry)
        try:
            if kind == "sqs":
                _to_queue(target, body, attributes)
            elif kind == "sns":
                _to_topic(target, body, attributes)
            elif kind == "events":
                _to_bus(target, told, to, good=condition == "Success")
            elif kind == "lambda":
                functions.append((target, told))
            else:
                say(f"dead letter of {to.arn}: {target} is not simulated")
        except LookupError as error:
            say(f"dead letter of {to.arn}: {error}")
    return functions


def _to_queue(arn: str, body: str, attributes: Json) -> None:
    from ministack.core.responses import new_uuid
    from ministack.services import sqs

    queue = private(sqs, "_queue_by_arn")(arn)
    if queue is None:
        raise LookupError(f"{arn} does not exist")
    now = time.time()
    message: Json = {
        "id": str(new_uuid()),
        "body": body,
        "md5": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "message_attributes": attributes,
        "md5_attrs": private(sqs, "_md5_msg_attrs")(attributes),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + private(sqs, "queue_delay")(queue),
        "receive_count": 0,
    }
    private(sqs, "_ensure_msg_fields")(message)
    queue["messages"].append(message)
    from ministack.services import sns

    private(sns, "esm_wake").set()


def _to_topic(arn: str, body: str, attributes: Json) -> None:
    from ministack.core.responses import new_uuid
    from ministack.services import sns

    if private(sns, "_topic_by_arn_any_scope")(arn) is None:
        raise LookupError(f"{arn} does not exist")
    private(sns, "_fanout")(arn, str(new_uuid()), body, "", "", attributes)


def _to_bus(arn: str, told: Json, to: Receiver, *, good: bool) -> None:
    from ministack.core.responses import get_account_id, get_region, new_uuid
    from ministack.services import eventbridge

    bus = arn.rsplit("event-bus/", 1)[-1]
    if bus not in private(eventbridge, "_event_buses"):
        raise LookupError(f"{arn} does not exist")
    private(eventbridge, "_dispatch_event")(
        {
            "EventId": str(new_uuid()),
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {'Success' if good else 'Failure'}",
            "Detail": json.dumps(told),
            "EventBusName": bus,
            "Time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Resources": [arn, told["requestContext"]["functionArn"]],
            "Account": get_account_id(),
            "Region": get_region(),
        }
    )
