"""CloudWatch: alarms on a sum over several metrics (`Metrics`), by a template and by PutMetricAlarm.

ministack 1.5.33 refuses them in a template, and forgets the sum in PutMetricAlarm.
Source: Amazon CloudWatch API Reference, PutMetricAlarm and MetricDataQuery.
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private, replace

_OF_ONE = ("Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit")
"""What an alarm on one metric has, and one on a sum has not."""
_STAND_IN = {"Namespace": "ona", "MetricName": "sum"}
"""What ministack is given, so that it makes the record."""


def queries(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """MetricDataQuery objects with the types that the API answers; CloudFormation may give texts.

    >>> queries([{"Id": "e", "Expression": "a + b", "ReturnData": "true"}])
    [{'Id': 'e', 'Expression': 'a + b', 'ReturnData': True}]
    """
    made = []
    for item in given:
        query = {**item, "ReturnData": str(item.get("ReturnData", True)).lower() == "true"}
        if "MetricStat" in item:
            stat = item["MetricStat"]
            query["MetricStat"] = {**stat, "Period": int(stat["Period"])}
        made.append(query)
    return made


def with_sum(alarm: dict[str, Any], metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """An alarm's record as one on a sum."""
    kept = {key: value for key, value in alarm.items() if key not in _OF_ONE}
    return kept | {"Metrics": queries(metrics)}


def install() -> None:
    """Apply the hook."""
    from ministack.services import cloudwatch
    from ministack.services.cloudformation import provisioners

    of_one = private(provisioners, "_cw_metric_alarm_record")
    alarms = private(cloudwatch, "_alarms")

    def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        metrics = properties.get("Metrics")
        if not metrics:
            return dict(of_one(name, properties))
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        return with_sum(of_one(name, plain | _STAND_IN), metrics)

    def put(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        answer = original(params, data, is_cbor, is_json)
        metrics = data.get("Metrics") if is_cbor or is_json else None
        if metrics and answer[0] == 200:
            alarms[data["AlarmName"]] = with_sum(alarms[data["AlarmName"]], metrics)
        return answer

    replace(provisioners, "_cw_metric_alarm_record", record)
    original = replace(cloudwatch, "_put_metric_alarm", put)
