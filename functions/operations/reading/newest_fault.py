"""What an alarm that is on saw last, and when it goes off by itself: did the cure help?

An alarm stays on until its periods have passed, also when nothing fails any more. So its own time says
when the first fault came, never whether the newest one is over. Sources: Amazon CloudWatch User Guide,
"Alarm evaluation" (a period of five minutes is looked at each minute) and "Configuring how CloudWatch
alarms treat missing data" (it looks back further than the evaluation periods where data are missing).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.documents.base import Document
from operations.reading.finding import Client
from operations.reading.metric_data import Ask, Formula, Values, computed, values

MINUTE_S = 60
FURTHER_BACK = 2
"""Periods that CloudWatch looks back beyond the evaluation periods; the guide says *more*, not how many.
Its tables look back two more."""
JUST_NOW = timedelta(minutes=2)
"""So late CloudWatch may know of a value; a fault that is not older may go on (ours)."""
_BAD: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
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


def newest_faults(client: Client, alarms: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Fault]:
    """By name, the newest fault of each metric alarm (as DescribeAlarms gives it) that has one.

    `now` is UTC. Raises botocore's errors.
    """
    cloudwatch, found = client("cloudwatch"), {}
    for alarm in alarms:
        back = timedelta(seconds=_looks_back_s(alarm))
        known = _minutes(cloudwatch, alarm, now - back, now)
        if known is not None:
            found[str(alarm["AlarmName"])] = _with_execution(client, alarm, known)
    return found


def _minutes(cloudwatch: Any, alarm: Mapping[str, Any], start: datetime, now: datetime) -> Fault | None:
    """The newest fault since `start`: of one metric by minutes, of a sum by its periods."""
    if alarm.get("Metrics"):
        step, name, points = period_s(alarm), *_summed(cloudwatch, alarm, start, now)
        bad: Callable[[float], bool] = _breaches(alarm)
    else:
        statistic = str(alarm.get("ExtendedStatistic") or alarm.get("Statistic"))
        dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
        step, name = MINUTE_S, str(alarm["MetricName"])
        ask = Ask(alarm["Namespace"], name, dimensions, statistic, step)
        points = values(cloudwatch, [ask], start, now)[0]
        # five errors in five minutes are a part each: none of them is well
        counts = statistic in ("Sum", "SampleCount") and alarm["ComparisonOperator"].startswith("Greater")
        bad = _above_nothing if counts else _breaches(alarm)
    failed = [(at, value) for at, value in points if bad(value)]
    if not failed:
        return None
    at, value = failed[-1]
    ended = min(datetime.fromtimestamp(at + step, UTC), now)
    return Fault(at=ended, what=f"{name} {value:g}", over_by=_over_by(alarm, ended))


def _summed(
    cloudwatch: Any, alarm: Mapping[str, Any], start: datetime, now: datetime
) -> tuple[str, Values]:
    """What an expression over metrics was, and its label."""
    asks: dict[str, Ask] = {}
    formulas: dict[str, Formula] = {}
    told, label = "", "value"
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            dimensions = {one["Name"]: one["Value"] for one in stat["Metric"].get("Dimensions", [])}
            metric = stat["Metric"]
            ask = Ask(
                metric["Namespace"], metric["MetricName"], dimensions, stat["Stat"], int(stat["Period"])
            )
            asks[query["Id"]] = ask
        else:
            formulas[query["Id"]] = Formula(query["Expression"], int(query.get("Period") or 0))
        if query.get("ReturnData", True):
            told, label = query["Id"], str(query.get("Label") or "value")
    series = computed(cloudwatch, asks, formulas, [told], start, now)[told]
    return label, next(iter(series.values()), [])


def _above_nothing(value: float) -> bool:
    return value > 0


def _breaches(alarm: Mapping[str, Any]) -> Callable[[float], bool]:
    bad = _BAD[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])

    def breaches(value: float) -> bool:
        return bad(value, threshold)

    return breaches


def period_s(alarm: Mapping[str, Any]) -> int:
    """Seconds of one of an alarm's data points."""
    stats = [query["MetricStat"] for query in alarm.get("Metrics") or () if "MetricStat" in query]
    return int((stats[0] if stats else alarm)["Period"])


def _looks_back_s(alarm: Mapping[str, Any]) -> int:
    return (int(alarm["EvaluationPeriods"]) + FURTHER_BACK) * period_s(alarm)


def _over_by(alarm: Mapping[str, Any], ended: datetime) -> datetime | None:
    """When too few of the periods that count can still hold a fault that ended at `ended`."""
    if alarm.get("TreatMissingData") in _STAYS:
        return None
    wanted = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    left_s = _looks_back_s(alarm) - (wanted - 1) * period_s(alarm)
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
