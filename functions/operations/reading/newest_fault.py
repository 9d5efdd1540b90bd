"""What an alarm that is on saw last, and when it goes off by itself: did the cure help?

An alarm stays on until its periods have passed, also when nothing fails any more. So its own time says
when the first fault came, never whether the newest one is over. Sources: see `alarm_values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.documents.base import Document
from operations.reading.alarm_values import MINUTE_S, breaches, counts, looks_back_s, measured, period_s
from operations.reading.finding import Client

JUST_NOW = timedelta(minutes=2)
"""So late CloudWatch may know of a value; a fault that is not older may go on (ours)."""
_STAYS = ("ignore", "breaching")
"""How missing data are treated by an alarm that does not go off without new values."""


class Fault(Document):
    """The newest fault of an alarm."""

    at: datetime
    """UTC: the end of the newest minute (of a sum of metrics: of the newest period) that failed."""
    what: str
    """The metric and its value, and the execution that failed where there is one."""
    over_by: datetime | None = None
    """UTC: when the alarm is off at the latest, where nothing fails again; None where only new values end
    it."""

    def in_words(self, now: datetime) -> str:
        """When and what, whether anything failed since, and when the alarm is off. `now` is UTC."""
        since = "it may go on" if now - self.at < JUST_NOW else "nothing has failed since"
        minute = self.at - timedelta(seconds=1)  # the minute that failed, not its end
        told = f"newest fault {minute:%Y-%m-%d %H:%M} UTC: {self.what}; {since}"
        if self.over_by is None:
            return f"{told}; goes off with the first value that is well"
        return f"{told}; goes off by itself by {self.over_by:%Y-%m-%d %H:%M} UTC if nothing fails again"


NONE_LEFT = "nothing has failed in its periods: goes off by itself within minutes"
"""Of an alarm that is on and whose values are all well."""


def newest_faults(
    client: Client, alarms: Iterable[Mapping[str, Any]], now: datetime, *, executions: bool = True
) -> dict[str, Fault]:
    """By name, the newest fault of each metric alarm (as DescribeAlarms gives it) that has one.

    `now` is UTC. Raises botocore's errors.
    """
    cloudwatch, found = client("cloudwatch"), {}
    for alarm in alarms:
        known = _newest(cloudwatch, alarm, now)
        if known is not None:
            name = str(alarm["AlarmName"])
            found[name] = _with_execution(client, alarm, known) if executions else known
    return found


def course(
    client: Client, alarms: Sequence[Mapping[str, Any]], now: datetime, *, executions: bool = True
) -> tuple[Fault | None, str]:
    """The newest fault of alarms that ring as one, and in words what became of it. Never raises: alarms
    that cannot be asked for their values are on all the same. `executions`: whether to name the one that
    failed."""
    try:
        found = newest_faults(client, alarms, now, executions=executions)
    except Exception as error:
        return None, f"its newest fault could not be asked: {error}"
    if not found:
        return None, NONE_LEFT if alarms else ""
    newest = max(found.values(), key=lambda fault: fault.at)
    ends = [fault.over_by for fault in found.values()]
    last = max((end for end in ends if end), default=None) if all(ends) else None
    newest = newest.model_copy(update={"over_by": last})  # off when all its parts are
    return newest, newest.in_words(now)


def _newest(cloudwatch: Any, alarm: Mapping[str, Any], now: datetime) -> Fault | None:
    """The newest fault that an alarm still looks at: of one metric by minutes, of a sum by its periods."""
    seen = measured(cloudwatch, alarm, now - timedelta(seconds=looks_back_s(alarm)), now)
    bad = (lambda value: value > 0) if counts(alarm) else breaches(alarm)
    failed = [(at, value) for at, value in seen.points if bad(value)]
    if not failed:
        return None
    at, value = failed[-1]
    ended = min(datetime.fromtimestamp(at + seen.step_s, UTC), now)
    return Fault(at=ended, what=f"{seen.label} {value:g}", over_by=_over_by(alarm, ended))


def _over_by(alarm: Mapping[str, Any], ended: datetime) -> datetime | None:
    """When too few of the periods that count can still hold a fault that ended at `ended`."""
    if alarm.get("TreatMissingData") in _STAYS:
        return None
    wanted = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    left_s = looks_back_s(alarm) - (wanted - 1) * period_s(alarm)
    return ended + timedelta(seconds=left_s + MINUTE_S)


def _with_execution(client: Client, alarm: Mapping[str, Any], fault: Fault) -> Fault:
    """A workflow's fault with the name of the execution that failed last."""
    machines = [one["Value"] for one in alarm.get("Dimensions", []) if one["Name"] == "StateMachineArn"]
    status = {"ExecutionsFailed": "FAILED", "ExecutionsTimedOut": "TIMED_OUT"}.get(
        str(alarm.get("MetricName"))
    )
    if not machines or not status:
        return fault
    states = client("stepfunctions")
    listed = states.list_executions(stateMachineArn=machines[0], statusFilter=status, maxResults=100)
    ended = [one for one in listed["executions"] if one.get("stopDate")]
    if not ended:
        return fault
    newest = max(ended, key=lambda one: one["stopDate"])
    return fault.model_copy(update={"what": f"{fault.what}, execution {newest['name']}"})
