"""What CloudWatch refuses in an alarm and in a composite alarm.

Source: API references of PutMetricAlarm (the evaluation window: a day, or seven days with periods of an
hour and more) and PutCompositeAlarm (100 alarms in a rule of 10 240 characters).
"""

from __future__ import annotations

import re
from typing import Any

from local.limits.refusal import Refusal

_DAY_S, _HOUR_S = 86_400, 3_600
_SHORT_PERIODS_S = (10, 20, 30)
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold",
    "LessThanOrEqualToThreshold", "LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
}  # fmt: skip
_MISSING = {"breaching", "notBreaching", "ignore", "missing"}
_LONGEST_RULE, _MOST_CHILDREN = 10_240, 100
_CHILD = re.compile(r"""(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*("[^"]*"|[^()\s]+)\s*\)""")
_STATISTICS = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}


def alarm(data: dict[str, Any]) -> Refusal | None:
    """PutMetricAlarm and AWS::CloudWatch::Alarm.

    >>> sound = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 3, "Period": 300}
    >>> alarm({**sound, "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": "60"})
    >>> alarm({**sound, "DatapointsToAlarm": 4}).message
    'DatapointsToAlarm must be less than or equal to EvaluationPeriods'
    """
    text = _alarm(data)
    return Refusal("ValidationError", text) if text else None


def _alarm(data: dict[str, Any]) -> str:
    period, count = int(data.get("Period") or 0), int(data.get("EvaluationPeriods") or 0)
    if period and period not in _SHORT_PERIODS_S and period % 60:
        return f"Period must be 10, 20, 30 or a multiple of 60, is {period}"
    if int(data.get("DatapointsToAlarm") or 0) > count > 0:
        return "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
    most = 7 * _DAY_S if period >= _HOUR_S else _DAY_S
    if period * count > most:
        return f"Metrics cannot be checked across more than {most} seconds (EvaluationPeriods * Period)"
    if data.get("ComparisonOperator") and data["ComparisonOperator"] not in _COMPARISONS:
        return f"ComparisonOperator {data['ComparisonOperator']} is not valid"
    if data.get("TreatMissingData") and data["TreatMissingData"] not in _MISSING:
        return f"The value {data['TreatMissingData']} is not supported for TreatMissingData parameter."
    if data.get("Statistic") and data.get("ExtendedStatistic"):
        return "Statistic and ExtendedStatistic exclude each other"
    if data.get("Statistic") and data["Statistic"] not in _STATISTICS:
        return f"Statistic {data['Statistic']} is not valid"
    found = re.fullmatch(r"p(\d+(?:\.\d+)?)", str(data.get("ExtendedStatistic") or ""))
    if found and float(found[1]) > 100:
        return f"The value {found[0]} for parameter ExtendedStatistic is not supported."
    return ""


def composite(data: dict[str, Any]) -> Refusal | None:
    """PutCompositeAlarm and AWS::CloudWatch::CompositeAlarm: how long a rule is, how many alarms it names.

    >>> composite({"AlarmRule": 'ALARM("a") AND NOT ALARM("b")'})
    >>> composite({"AlarmRule": " OR ".join(f'ALARM("a{n}")' for n in range(101))}).code
    'ValidationError'
    """
    rule = str(data.get("AlarmRule") or "")
    children = set(_CHILD.findall(rule))
    if not 1 <= len(rule) <= _LONGEST_RULE:
        return Refusal("ValidationError", f"AlarmRule has 1 to {_LONGEST_RULE} characters, has {len(rule)}")
    if len(children) > _MOST_CHILDREN:
        return Refusal("ValidationError", f"AlarmRule names {_MOST_CHILDREN} alarms at most")
    return None
