"""CloudWatch in the embedded cloud: a change of an alarm's state is an event, with actions or without."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.fakes.lab import Lab, unique

ALARM: dict[str, Any] = {
    "Namespace": "Test",
    "MetricName": "n",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def test_each_change_is_one_event_and_the_same_state_again_is_none(lab: Lab) -> None:
    target, name, other = lab.platform.target, unique("one"), unique("other")
    events, sqs, alarms = target.client("events"), target.client("sqs"), target.client("cloudwatch")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [name]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    for each in (name, other):
        alarms.put_metric_alarm(AlarmName=each, **ALARM)
        for state in ("OK", "ALARM", "ALARM"):
            alarms.set_alarm_state(AlarmName=each, StateValue=state, StateReason=f"now {state}")
    heard: list[dict[str, Any]] = []
    deadline = time.monotonic() + 10
    while len(heard) < 2 and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        heard += [json.loads(item["Body"]) for item in answer]
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1), "no third"
    first, second = sorted(heard, key=lambda event: event["detail"]["state"]["value"], reverse=True)
    assert {event["detail-type"] for event in heard} == {"CloudWatch Alarm State Change"}
    assert first["resources"] == [f"arn:aws:cloudwatch:af-south-1:000000000000:alarm:{name}"]
    assert first["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert second["detail"]["previousState"] == first["detail"]["state"]
    assert second["detail"]["state"]["reason"] == "now ALARM"
