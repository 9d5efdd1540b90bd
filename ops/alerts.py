"""Alerts and maintenance windows as an operator has them: look, take on, close, try out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.outbox.items import AlertItem, parse
from ona.runtime.clock import iso, utc_now
from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import digest
from ona.runtime.words import counted
from ona.store.tables import from_item, to_item
from ona.store.unreadable import Unreadable, readable
from operations.alerting.documents import KEPT, Alert, AlertResult, Telling, Window
from operations.config.alarms import Severity
from operations.layout import ALERT, HOUR, STANDING, WINDOW
from ops.spans import span
from ops.target import OpsError, Target, start

ANSWER_S = 60.0
"""Seconds that a command waits for the workflow's answer (ours)."""
LONGEST_REASON = 300
"""Characters of a reason, and of who gave it: they stand in messages (ours)."""
LONGEST_WINDOW = timedelta(days=7)
"""Nobody keeps alerts quiet for longer without saying it again (ours)."""


@dataclass(frozen=True)
class Rejected:
    """An alert of a file that was not accepted, as `LogAlert` of the workflows writes it."""

    key: str
    reason: str
    severity: str
    at: str


@dataclass(frozen=True)
class Log:
    """The alert log, newest first."""

    alerts: list[Alert]
    rejected: list[Rejected]
    windows: list[Window]


def log(target: Target, bad: list[Unreadable] | None = None) -> Log:
    """Everything in the alert log; what nobody can read is put into `bad`."""
    table = _table(target)
    pages = target.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [from_item(item) for page in pages for item in page["Items"]]

    def named(beginning: str) -> Iterable[tuple[str, dict[str, Any]]]:
        return (
            (f"table {table}, {item['alert_id']}", item)
            for item in items
            if item["alert_id"].startswith(beginning)
        )

    alerts = readable(named(ALERT), Alert.read, bad)
    windows = readable(named(WINDOW), Window.read, bad)
    ours = (ALERT, STANDING, HOUR, WINDOW)
    rejected = [
        Rejected(
            item["alert_id"],
            str(item.get("reason", "")),
            str(item.get("severity", "")),
            str(item.get("timestamp", "")),
        )
        for item in items
        if not item["alert_id"].startswith(ours)
    ]
    return Log(
        sorted(alerts, key=lambda alert: alert.opened_at, reverse=True),
        sorted(rejected, key=lambda item: item.at, reverse=True),
        sorted(windows, key=lambda window: window.begins_at, reverse=True),
    )


def find(target: Target, name: str) -> Alert:
    """One alert, by its id or its alarm's name, or the beginning of one: that which is not over, else the
    newest. Raises OpsError where there is none, or several are not over."""
    wanted = name.removeprefix(ALERT)
    found = [
        alert
        for alert in log(target).alerts
        if wanted and (alert.key.removeprefix(ALERT).startswith(wanted) or alert.name.startswith(wanted))
    ]
    if not found:
        raise OpsError(f"no alert {name}; `ona alerts list --all` lists them")
    current = [alert for alert in found if alert.status != "resolved"]
    if len(current) > 1:
        raise OpsError(f"{name} is the beginning of {counted(len(current), 'alert')}; type more of it")
    return (current or found)[0]


def outcome(target: Target, telling: Telling) -> str:
    """What became of one telling: told, to be sent with the last error, or why it was not told."""
    if telling.channel is None:
        return "undeliverable: nobody is on call"
    answer = target.client("dynamodb").get_item(
        TableName=target.outputs["OutboxTableName"],
        Key=to_item({"delivery_id": telling.delivery_id}),
        ConsistentRead=True,
    )
    try:
        item = parse(from_item(answer["Item"])) if "Item" in answer else None
    except InvalidPayload as error:
        return f"unreadable: {error}"
    if not isinstance(item, AlertItem):
        return telling.outcome
    if item.lane == "dead":
        return item.last_error or "undeliverable"
    if item.lane == "send":
        return f"to be sent{f' ({item.last_error})' if item.last_error else ''}"
    return f"told {iso(item.delivered_at)}" if item.delivered_at else telling.outcome


# ------------------------------------------------------------------ asking the workflow


def ask(target: Target, **person: Any) -> AlertResult:
    """Start the workflow `alerts` with what a person wants; its answer.

    Raises OpsError where it fails or gives none in time.
    """
    if "alerts" not in target.machines:
        raise OpsError(f"{target.name}: the workflow alerts is not deployed; run `ona up`, or deploy")
    states = target.client("stepfunctions")
    number = digest(*(str(value) for value in person.values()), str(time.time_ns()))
    arn = start(
        states,
        target.machines["alerts"],
        name=f"person-{number}",
        input=json.dumps({"person": {"id": number, **person}}),
    )
    deadline = time.monotonic() + ANSWER_S
    while (done := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            raise OpsError(f"no answer after {ANSWER_S:g} s; follow it: ona explain {arn}")
        time.sleep(0.1)
    if done["status"] != "SUCCEEDED":
        raise OpsError(f"the workflow alerts {done['status']}: {done.get('cause', '')}; see `ona dlq list`")
    return AlertResult.read(json.loads(done["output"]), "the workflow's answer")


def _require_short(**words: str) -> None:
    """Raise OpsError for words too long to stand in a message; each is its option's value."""
    for option, text in words.items():
        if len(text) > LONGEST_REASON:
            most = counted(LONGEST_REASON, "character")
            raise OpsError(f"--{option}: {most} at most; this has {len(text)}")


def acknowledge(target: Target, name: str, by: str) -> AlertResult:
    """Take an alert on: nobody further is told. Raises OpsError."""
    _require_short(by=by)
    return ask(target, what="acknowledge", alert_id=find(target, name).key, by=by)


def resolve(target: Target, name: str, by: str, why: str) -> AlertResult:
    """Close an alert everywhere it was opened. Raises OpsError."""
    _require_short(by=by, why=why)
    return ask(target, what="resolve", alert_id=find(target, name).key, by=by, reason=why)


def trial(target: Target, severity: Severity, by: str) -> AlertResult:
    """Open an alert that means nothing, to see who is told. Raises OpsError."""
    _require_short(by=by)
    return ask(
        target,
        what="alarm",
        name=f"ona-test-{utc_now():%H%M%S}",
        kind="test",
        about="test",
        severity=severity,
        reason=f"a trial by {by}; nothing is wrong",
    )


# ------------------------------------------------------------------ windows


def duration(text: str) -> timedelta:
    """How long a window lasts. Raises OpsError.

    >>> duration("90m") == timedelta(hours=1.5)
    True
    """
    asked = span(text, "--for")
    if not timedelta(0) < asked <= LONGEST_WINDOW:
        most = counted(LONGEST_WINDOW.days, "day")
        raise OpsError(f"--for {text}: a window lasts longer than 0 and at most {most}")
    return asked


def start_window(
    target: Target, lasts: timedelta, only: list[str], always: list[Severity], why: str, by: str
) -> Window:
    """Open a maintenance window that begins now. Raises OpsError for words too long for a message."""
    if not why.strip():
        raise OpsError("--why is empty; say what is done: it stands beside each quiet alert")
    _require_short(why=why, by=by)
    now = utc_now().astimezone(UTC)
    window = Window(
        key=f"{WINDOW}{digest(by, why, str(now), length=8)}",
        begins_at=now.replace(microsecond=0),
        next_at=now + lasts,
        only=only,
        always=always,
        why=why,
        by=by,
        lane="window",
        ttl=int((now + lasts + KEPT).timestamp()),
    )
    target.client("dynamodb").put_item(TableName=_table(target), Item=to_item(window.item()))
    return window


def end_window(target: Target, name: str, now: datetime) -> Window:
    """End a window now; without a name the only one that is open. Raises OpsError where there is none."""
    windows = [window for window in log(target).windows if window.lane and window.next_at > now]
    found = [window for window in windows if not name or window.key == f"{WINDOW}{name}"]
    if not found:
        raise OpsError(f"no window {name} is open; `ona maintenance list` lists them".replace("  ", " "))
    if len(found) > 1:
        raise OpsError(f"{counted(len(found), 'window')} are open; name one: `ona maintenance list`")
    target.client("dynamodb").update_item(
        TableName=_table(target),
        Key=to_item({"alert_id": found[0].key}),
        UpdateExpression="SET ended_at = :now, version = version + :one REMOVE lane",
        ExpressionAttributeValues=to_item({":now": iso(now), ":one": 1}),
    )
    return found[0].model_copy(update={"ended_at": now, "lane": None})


def _table(target: Target) -> str:
    name = target.outputs.get("AlertLogTableName")
    if not name:
        raise OpsError(f"{target.name}: what is deployed has no alert log yet; run `ona up`, or deploy")
    return name
