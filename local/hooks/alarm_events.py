"""CloudWatch: each change of an alarm's state is an event on EventBridge's default bus.

Also of an alarm without actions, of a composite alarm, and of a change by SetAlarmState. The event of an
alarm that was told of before has the whole state before; the first after a start has its value alone.
Source: Amazon CloudWatch User Guide, "Alarm events and EventBridge".
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any

from local.hooks.base import private, replace

_last: dict[str, dict[str, Any]] = {}
"""By ARN, the state that was told last; empty after a start, and then only the value is known."""


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm looks at, as the event has it: dimensions are an object there."""
    given = alarm.get("Metrics") or [
        {
            "Id": "m1",
            "MetricStat": {
                "Metric": alarm,
                "Period": alarm["Period"],
                "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
            },
        }
    ]
    made = []
    for query in given:
        one: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
        if "Expression" in query:
            one |= {"expression": query["Expression"]}
            if query.get("Label"):
                one["label"] = query["Label"]
        else:
            stat = query["MetricStat"]
            one["metricStat"] = {
                "metric": {
                    "dimensions": {
                        item["Name"]: item["Value"] for item in stat["Metric"].get("Dimensions") or []
                    },
                    "name": stat["Metric"]["MetricName"],
                    "namespace": stat["Metric"]["Namespace"],
                },
                "period": stat["Period"],
                "stat": stat["Stat"],
            }
        made.append(one)
    return made


def state_of(alarm: dict[str, Any]) -> dict[str, Any]:
    """The state that an alarm is in, as the event has it."""
    at = time.gmtime(alarm["StateUpdatedTimestamp"])
    state = {
        "value": alarm["StateValue"],
        "reason": alarm["StateReason"],
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", at),
    }
    if alarm.get("StateReasonData"):
        state["reasonData"] = alarm["StateReasonData"]
    return state


def detail_of(alarm: dict[str, Any], before: str, last: dict[str, Any] | None) -> dict[str, Any]:
    """The event's detail; `last`: the state that was told before, if it is known."""
    if "AlarmRule" in alarm:
        configuration: dict[str, Any] = {"alarmRule": alarm["AlarmRule"]}
    else:
        configuration = {"metrics": metrics_of(alarm)}
    if alarm.get("AlarmDescription"):
        configuration["description"] = alarm["AlarmDescription"]
    known = last is not None and last["value"] == before
    return {
        "alarmName": alarm["AlarmName"],
        "configuration": configuration,
        "previousState": last if known else {"value": before},
        "state": state_of(alarm),
    }


def install() -> None:
    """Apply the hook."""
    from ministack.services import cloudwatch, eventbridge

    def dispatch(alarm: dict[str, Any], before: str, now: str, reason: str) -> Any:
        if before != now:
            detail = detail_of(alarm, before, _last.get(alarm["AlarmArn"]))
            _last[alarm["AlarmArn"]] = detail["state"]
            entry = {
                "Source": "aws.cloudwatch",
                "DetailType": "CloudWatch Alarm State Change",
                "Detail": json.dumps(detail),
                "Resources": [alarm["AlarmArn"]],
            }
            try:
                private(eventbridge, "_put_events")({"Entries": [entry]}, allow_aws_source=True)
            except Exception:  # a rule's fault is none of the alarm's
                traceback.print_exc(file=sys.stderr)
        return original(alarm, before, now, reason)

    original = replace(cloudwatch, "_dispatch_alarm_actions", dispatch)
