"""CloudWatch in the embedded cloud: an alarm on a sum over metrics is kept as it was given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.lab import Lab, unique

METRICS: list[dict[str, Any]] = [
    {"Id": "share", "Expression": "100 * bad / n", "ReturnData": True},
    *(
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": "Test",
                    "MetricName": name,
                    "Dimensions": [{"Name": "a", "Value": "b"}],
                },
                "Period": 300,
                "Stat": "Sum",
            },
        }
        for name in ("bad", "n")
    ),
]
ALARM: dict[str, Any] = {
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 20.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}
PLAIN: dict[str, Any] = {"Namespace": "Test", "MetricName": "n", "Statistic": "Sum", "Period": 60}


def described(lab: Lab, name: str) -> dict[str, Any]:
    client = lab.platform.target.client("cloudwatch")
    [alarm] = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(alarm)


def by_api(lab: Lab, name: str, properties: dict[str, Any]) -> None:
    lab.platform.target.client("cloudwatch").put_metric_alarm(AlarmName=name, **properties)


def by_template(lab: Lab, name: str, properties: dict[str, Any]) -> None:
    client = lab.platform.target.client("cloudformation")
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": name, **properties}}
    template = json.dumps({"Resources": {"TheAlarm": alarm}})
    pages = client.get_paginator("list_stacks").paginate()  # other tests' stacks fill more than one page
    stacks = [item["StackName"] for page in pages for item in page["StackSummaries"]]
    call = client.update_stack if name in stacks else client.create_stack
    call(StackName=name, TemplateBody=template)
    client.get_waiter("stack_update_complete" if name in stacks else "stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1}
    )


@pytest.mark.parametrize("make", [by_api, by_template])
def test_a_sum_is_kept_as_it_was_given(lab: Lab, make: Any) -> None:
    name = unique("share")
    make(lab, name, {**ALARM, "Metrics": METRICS})
    alarm = described(lab, name)
    assert alarm["Metrics"] == METRICS
    assert {key: alarm[key] for key in ALARM} == ALARM
    assert not {"MetricName", "Namespace", "Statistic", "Period"} & set(alarm), (
        "it has no metric of its own"
    )


@pytest.mark.parametrize("make", [by_api, by_template])
def test_distractor_an_alarm_on_one_metric_is_as_before_also_after_a_sum(lab: Lab, make: Any) -> None:
    name = unique("one")
    make(lab, name, {**ALARM, "Metrics": METRICS})
    make(lab, name, {**ALARM, **PLAIN})
    alarm = described(lab, name)
    assert {key: alarm[key] for key in PLAIN} == PLAIN
    assert "Metrics" not in alarm
