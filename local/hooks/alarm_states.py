"""CloudWatch: alarms are looked at each minute, by `local/alarms`, unless ONA_LOCAL_ALARMS is `off`.

ministack 1.5.33 looks at an alarm when somebody calls PutMetricData or PutMetricAlarm, adds up what all
dimensions of a name have, and knows neither data points to alarm nor missing data. It is not asked here.
A state that a kill lost is judged anew within a minute, and told again: twice rather than never.
CloudWatch's own times here are those of `local.clock`.
"""

from __future__ import annotations

import contextvars
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from local import clock
from local.alarms.evaluate import MINUTE_S, Metric, Verdict, period_of, verdict
from local.alarms.expressions import BadExpression, Values
from local.hooks.base import private, replace

SWITCH = "ONA_LOCAL_ALARMS"
_looking = threading.Lock()
"""A change is told once, whoever looks: the minute's thread, or a request that lets the time run ahead."""
FOLLOWERS: list[Callable[[float], None]] = []
"""Told the time of each look, after it: what acts as long as an alarm stays."""
LOOK_S = 1.0
"""So often the clock is read; alarms are looked at when a minute has ended."""


def series(metric: Metric, end: float, count: int) -> Values:
    """A metric's values by period in the calling account and region; see `local.alarms.evaluate.Series`."""
    from ministack.services import cloudwatch

    key = (metric.namespace, metric.name, private(cloudwatch, "_dims_key")(dict(metric.dimensions)))
    periods: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    start = end - count * metric.period_s
    for point in list(private(cloudwatch, "_metrics").get(key) or ()):
        if start <= point["Timestamp"] < end:
            periods[int((point["Timestamp"] - start) // metric.period_s)].append(point)
    reckon, pick = private(cloudwatch, "_calc_stats"), private(cloudwatch, "_stat_value")
    return [pick(reckon(points), metric.statistic, points) if points else None for points in periods]


def look(now: float) -> None:
    """Judge every metric alarm of every account and region at `now`, and act on each change."""
    from ministack.services import cloudwatch

    with _looking:
        _look(cloudwatch, now)
        for follow in FOLLOWERS:
            follow(now)


def _look(cloudwatch: Any, now: float) -> None:
    scopes = {(account, region) for account, region, _ in list(private(cloudwatch, "_alarms")._data)}
    for account, region in sorted(scopes):
        contextvars.Context().run(_look_at, account, region, now)


def _look_at(account: str, region: str, now: float) -> None:
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import cloudwatch

    set_request_account_id(account)
    set_request_region(region)
    for alarm in list(private(cloudwatch, "_alarms").values()):
        try:
            found = verdict(alarm, series, now, alarm["StateValue"])
        except (BadExpression, KeyError) as error:
            print(f"embedded cloud: alarm {alarm['AlarmName']} is not judged: {error}", file=sys.stderr)
            continue
        if found.state != alarm["StateValue"]:
            _change(alarm, found, now)


def _change(alarm: dict[str, Any], found: Verdict, now: float) -> None:
    """Write the new state down, and tell topics, EventBridge and the alarms above."""
    from ministack.services import cloudwatch

    stored = private(cloudwatch, "_alarms")
    if stored.get(alarm["AlarmName"]) is not alarm:
        return  # it was deleted or put anew meanwhile
    before = alarm["StateValue"]
    data = reason_data(alarm, found, now)
    alarm |= {
        "StateValue": found.state,
        "StateReason": found.reason,
        "StateReasonData": json.dumps(data),
        "StateUpdatedTimestamp": int(now),
    }
    stored[alarm["AlarmName"]] = alarm  # it is stored: `durable_stores` compares
    private(cloudwatch, "_record_history")(
        alarm["AlarmName"], before, found.state, found.reason, "MetricAlarm", data
    )
    private(cloudwatch, "_dispatch_alarm_actions")(alarm, before, found.state, found.reason)
    private(cloudwatch, "_evaluate_parent_alarms")(alarm)


def reason_data(alarm: dict[str, Any], found: Verdict, now: float) -> dict[str, Any]:
    """Why, as data: the fields of `reasonData` in the guide's example events, in their order."""
    data: dict[str, Any] = {"version": "1.0", "queryDate": in_utc(now)}
    if found.since is not None:
        data["startDate"] = in_utc(found.since)
    if not alarm.get("Metrics"):
        data["statistic"] = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    data["period"] = period_of(alarm)
    return data | {"recentDatapoints": list(found.points), "threshold": float(alarm["Threshold"])}


def in_utc(seconds: float) -> str:
    """A time as CloudWatch writes it.

    >>> in_utc(1_570_035_880)
    '2019-10-02T17:04:40.000+0000'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(seconds))


def are_on() -> bool:
    """Whether alarms are looked at by themselves."""
    return os.environ.get(SWITCH, "on") != "off"


class _Time:
    """Stands for the module `time` in ministack's CloudWatch, and goes by `local.clock`."""

    def time(self) -> float:
        return clock.now()


def _each_minute() -> None:
    last = clock.now() // MINUTE_S
    while True:
        time.sleep(LOOK_S)
        if (minute := clock.now() // MINUTE_S) <= last:
            continue
        last = minute
        try:
            look(clock.now())
        except Exception:  # the next minute is looked at all the same
            traceback.print_exc(file=sys.stderr)


def install() -> None:
    """Apply the hook."""
    from ministack.services import cloudwatch

    replace(cloudwatch, "_evaluate_alarm", lambda _alarm: None)
    replace(cloudwatch, "time", _Time())
    if are_on():
        threading.Thread(target=_each_minute, name="ona-alarms", daemon=True).start()
