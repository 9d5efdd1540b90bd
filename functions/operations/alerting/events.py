"""Events from EventBridge and from commands as `AlertEvent`s. Pure.

CloudWatch's event: Amazon CloudWatch User Guide, "Alarm events and EventBridge"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ona.outbox.items import AlertAction
from ona.runtime.clock import parse
from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import digest
from ona.runtime.words import counted, shortened
from operations.alerting.documents import AlertEvent, What
from operations.config.alarms import Severity
from operations.config.catalogue import Catalogue, CataloguedAlarm

STATES: Mapping[str, What] = {"ALARM": "alarm", "OK": "ok", "INSUFFICIENT_DATA": "insufficient"}
LONGEST_REASON = 1000
"""Characters of an alarm's reason that are kept (ours)."""
_PAGE = re.compile(r"symptoms/([a-z0-9-]+)\.md")
_OUR_NAME = re.compile(r"ona-[A-Za-z0-9-]+")


class NotOurs(InvalidPayload):
    """An alarm of another environment, or of somebody else in the account."""


def severity_by_name(name: str) -> Severity:
    """An alarm's severity where the catalogue does not have it, by the Administration Guide (section 3).

    >>> [severity_by_name(f"ona-x-{end}") for end in ("error-rate", "duration", "accuracy", "backlog")]
    ['critical', 'high', 'medium', 'medium']
    """
    lower = name.lower()
    return "critical" if "error" in lower else "high" if "duration" in lower else "medium"


def bare(name: str, environment: str) -> str:
    """An alarm's name without the environment's ending. Raises NotOurs.

    >>> bare("ona-detect-error-rate-dev", "dev")
    'ona-detect-error-rate'
    """
    if not name.endswith(f"-{environment}") or not _OUR_NAME.fullmatch(name):
        raise NotOurs(f"{shortened(name, 100)} is no alarm of the platform in {environment}")
    return name.removesuffix(f"-{environment}")


def read(event: Mapping[str, Any], environment: str, catalogue: Catalogue, now: datetime) -> AlertEvent:
    """The event in one shape. `now`: the time of what a person or the clock tells.

    Raises InvalidPayload for what is none of these, NotOurs for another environment's.
    """
    try:
        if event.get("detail-type") == "CloudWatch Alarm State Change":
            return _of_alarm(event, environment, catalogue)
        if event.get("source") == "ona.platform":
            return _of_platform(event, environment)
    except NotOurs:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidPayload(f"the event lacks what its kind must have: {error!r}") from error
    if "person" in event:
        given = {**event["person"], "at": now} if isinstance(event["person"], dict) else event["person"]
        asked = AlertEvent.read(given, "what a person asked")
        if asked.what not in ("acknowledge", "resolve", "alarm", "ok"):
            raise InvalidPayload(f"a person does not tell that an alert is {asked.what}")
        return asked
    if "due" in event:
        alert_id = str(event["due"])
        return AlertEvent(id=digest(alert_id, str(now)), what="due", at=now, alert_id=alert_id)
    raise InvalidPayload("the event is no alarm's, none of the platform's, and no command's")


def _without_ending(catalogued: str) -> str:
    return catalogued.removesuffix("-{environment}")


def _of_alarm(event: Mapping[str, Any], environment: str, catalogue: Catalogue) -> AlertEvent:
    detail = event["detail"]
    full, state = str(detail["alarmName"]), detail["state"]
    name = bare(full, environment)
    wanted = f"{name}-{{environment}}"
    known: CataloguedAlarm | None = next(
        (alarm for alarm in catalogue.alarms if alarm.name == wanted), None
    )
    described = _PAGE.search(str(detail.get("configuration", {}).get("description", "")))
    arn = str((event.get("resources") or [full])[0])
    return AlertEvent(
        id=digest(arn, str(state["value"]), str(state["timestamp"])),
        what=STATES[state["value"]],
        at=parse(str(state["timestamp"])),
        name=name,
        reason=shortened(str(state.get("reason", "")), LONGEST_REASON),
        kind=known.kind if known else "other",
        about=known.about if known else name.removeprefix("ona-"),
        family=known.family if known else "",
        severity=known.severity if known else severity_by_name(name),
        page=known.page if known else described[1] if described else "",
        rings=known.rings if known else True,
        told_by=_without_ending(known.told_by) if known and known.told_by else "",
        causes=[_without_ending(cause) for cause in known.causes] if known else [],
        settle_s=known.settle_s if known else 0,
        lasts_s=known.lasts_s if known else 0,
        correlation_id=str(event.get("id", "")),
    )


def _of_platform(event: Mapping[str, Any], environment: str) -> AlertEvent:
    """What the platform tells of itself. An event that is none of trouble resolves what it closes."""
    kind, detail = str(event["detail-type"]), event["detail"]
    if detail["environment"] != environment:
        raise NotOurs(f"{kind} is of the environment {detail['environment']}")
    at, number = parse(str(detail["time"])), str(detail["id"])
    correlation = str(detail.get("correlation_id") or event.get("id", ""))
    if kind == "Alert Undeliverable":
        action: AlertAction = detail["action"]
        return AlertEvent(
            id=number, what="undeliverable", at=at, alert_id=str(detail["alert_id"]),
            place=str(detail["place"]), action=action, doubtful=detail["outcome"] == "doubtful",
            reason=shortened(str(detail.get("reason", "")), LONGEST_REASON), correlation_id=correlation,
        )  # fmt: skip
    name, bad, severity, page, reason = _trouble(kind, detail)
    return AlertEvent(
        id=number, what="alarm" if bad else "ok", at=at, name=name, reason=reason, kind=name,
        about="platform", family="operations", severity=severity, page=page, correlation_id=correlation,
    )  # fmt: skip


def _trouble(kind: str, detail: Mapping[str, Any]) -> tuple[str, bool, Severity, str, str]:
    """Name, whether it is trouble, severity, page and reason of one of the platform's events."""
    if kind in ("Platform Stopped", "Platform Resumed"):
        reason = f"somebody stopped the platform: {detail.get('why', 'no reason given')}"
        return "platform-stopped", kind == "Platform Stopped", "low", "platform-stopped", reason
    if kind == "Deployment Finished":
        outcome = str(detail["outcome"])
        back = ", ".join(map(str, detail.get("rolled_back") or []))
        reason = f"deployment {detail.get('release', '')}: {outcome}" + (
            f"; rolled back: {back}" if back else ""
        )
        bad = outcome not in ("succeeded", "success", "ok") or bool(back)
        return "deployment-failed", bad, "high", "canary-rolled-back", reason
    if kind == "Routine Finished":
        worst = str(detail["worst"])
        name = str(detail.get("routine") or detail["kind"])
        found = counted(int(detail.get("not_ok", 0)), "finding")
        reason = f"the routine {name} found what is {worst}; not ok: {found}"
        return f"routine-{name}", worst == "critical", "medium", "", reason
    raise InvalidPayload(f"{shortened(kind, 100)} is no event that alerts are made of")
