"""The embedded CloudWatch of a bare cloud: alarms ring by themselves, and a request lets their time run.

What an event must look like is written here from AWS's guide, "Alarm events and EventBridge": its examples
of a metric alarm, of a sum, and of a composite alarm.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local import cloud
from local.record import Cloud

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
STATE = {"value", "reason", "reasonData", "timestamp"}
STAT: dict[str, Any] = {
    "Namespace": "Test", "MetricName": "Errors", "Dimensions": [{"Name": "Of", "Value": "a"}],
    "Period": 60, "Statistic": "Sum",
}  # fmt: skip
ALARM: dict[str, Any] = {
    "EvaluationPeriods": 1, "Threshold": 2.0, "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching", "AlarmDescription": "Runbook: a page",
}  # fmt: skip
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Errors": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"AlarmName": "errors", **STAT, **ALARM},
        },
        "Share": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": "share",
                **ALARM,
                "Metrics": [
                    {"Id": "e", "Expression": "2 * bad", "Label": "Twice", "ReturnData": True},
                    {
                        "Id": "bad",
                        "ReturnData": False,
                        "MetricStat": {
                            "Metric": {key: STAT[key] for key in ("Namespace", "MetricName", "Dimensions")},
                            "Period": 60,
                            "Stat": "Sum",
                        },
                    },
                ],
            },
        },
        "Either": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {
                "AlarmName": "either",
                "AlarmDescription": "one of both",
                "AlarmRule": {"Fn::Sub": 'ALARM("${Errors}") AND NOT ALARM("quiet")'},
            },
            "DependsOn": "Quiet",
        },
        "Quiet": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"AlarmName": "quiet", **STAT, **ALARM, "MetricName": "Other"},
        },
    }
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("alarms")
    yield cloud.start(home, port=cloud.free_port(0), keep_state=False)
    cloud.stop(home)


def clock(running: Cloud, body: bytes | None) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"{running.endpoint}/_ona/clock", data=body)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def deploy(running: Cloud, template: dict[str, Any], verb: str) -> None:
    client = running.client("cloudformation")
    getattr(client, f"{verb}_stack")(StackName="watch", TemplateBody=json.dumps(template))
    client.get_waiter(f"stack_{verb}_complete").wait(StackName="watch", WaiterConfig={"Delay": 1})


@pytest.fixture(scope="module")
def heard(running: Cloud) -> str:
    """The URL of a queue that hears every change of state."""
    events, sqs = running.client("events"), running.client("sqs")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
    allowed |= {"Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
    events.put_rule(Name="changes", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="changes", Targets=[{"Id": "queue", "Arn": arn}])
    deploy(running, TEMPLATE, "create")
    return str(url)


def take(running: Cloud, url: str, count: int) -> dict[str, list[dict[str, Any]]]:
    """The events that come, by the alarm's name, in the order of their states' times."""
    sqs, found = running.client("sqs"), []
    deadline = time.monotonic() + 15
    while len(found) < count and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        found += [json.loads(item["Body"]) for item in answer]
        for item in answer:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1), "no more than these"
    by_name: dict[str, list[dict[str, Any]]] = {}
    for event in sorted(found, key=lambda event: event["detail"]["state"]["timestamp"]):
        by_name.setdefault(event["detail"]["alarmName"], []).append(event)
    return by_name


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)


def test_events_have_the_fields_of_the_guides_examples(running: Cloud, heard: str) -> None:
    assert clock(running, b'{"advance_s": 60}')[0] == 200
    first = take(running, heard, 4)
    states = {name: [event["detail"]["state"]["value"] for event in told] for name, told in first.items()}
    assert states == {name: ["OK"] for name in ("errors", "share", "quiet", "either")}
    running.client("cloudwatch").put_metric_data(
        Namespace="Test",
        MetricData=[{"MetricName": "Errors", "Dimensions": STAT["Dimensions"], "Value": 3.0}],
    )
    assert clock(running, b'{"advance_s": 60}')[0] == 200
    then = take(running, heard, 3)
    assert set(then) == {"errors", "share", "either"}, "quiet heard nothing, and tells nothing"
    [errors], [share], [either] = then["errors"], then["share"], then["either"]
    for event in (errors, share, either):
        detail = event["detail"]
        assert set(event) >= {
            "version",
            "id",
            "detail-type",
            "source",
            "account",
            "time",
            "region",
            "resources",
        }
        assert (event["source"], event["detail-type"]) == (
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
        )
        assert event["resources"][0].endswith(f":alarm:{detail['alarmName']}")
        assert set(detail) == {"alarmName", "configuration", "previousState", "state"}
        assert set(detail["state"]) == STATE
        assert (detail["previousState"]["value"], detail["state"]["value"]) == ("OK", "ALARM")
        assert at(detail["state"]["timestamp"]) > at(detail["previousState"]["timestamp"])
    metric = {"namespace": "Test", "name": "Errors", "dimensions": {"Of": "a"}}
    stat = {"metric": metric, "period": 60, "stat": "Sum"}
    [told] = errors["detail"]["configuration"]["metrics"]
    assert (told["metricStat"], told["returnData"]) == (stat, True)
    assert errors["detail"]["configuration"]["description"] == "Runbook: a page"
    why = json.loads(errors["detail"]["state"]["reasonData"])
    assert set(why) == {
        "version", "queryDate", "startDate", "statistic", "period", "recentDatapoints", "threshold",
    }  # fmt: skip
    assert (why["recentDatapoints"], why["threshold"], why["statistic"]) == ([3.0], 2.0, "Sum")
    assert 60 <= (at(why["queryDate"]) - at(why["startDate"])).total_seconds() <= 120
    assert share["detail"]["configuration"]["metrics"] == [
        {"id": "e", "expression": "2 * bad", "label": "Twice", "returnData": True},
        {"id": "bad", "metricStat": stat, "returnData": False},
    ]
    assert "statistic" not in json.loads(share["detail"]["state"]["reasonData"]), "a sum has none"
    rule = 'ALARM("errors") AND NOT ALARM("quiet")'
    assert either["detail"]["configuration"] == {"alarmRule": rule, "description": "one of both"}
    arn = errors["resources"][0]
    assert either["detail"]["state"]["reason"].startswith(f"{arn} transitioned to ALARM at ")
    by = {"arn": arn, "state": {"value": "ALARM", "timestamp": errors["detail"]["state"]["timestamp"]}}
    assert by in json.loads(either["detail"]["state"]["reasonData"])["triggeringAlarms"]


def test_each_minute_that_passes_is_looked_at(running: Cloud, heard: str) -> None:
    """In ten minutes it goes on, and off again: one request, and both are told."""
    assert clock(running, b'{"advance_s": 900}')[0] == 200
    take(running, heard, 3)
    running.client("cloudwatch").put_metric_data(
        Namespace="Test",
        MetricData=[{"MetricName": "Other", "Dimensions": STAT["Dimensions"], "Value": 9.0}],
    )
    assert clock(running, b'{"advance_s": 600}')[0] == 200
    told = take(running, heard, 2)
    assert [event["detail"]["state"]["value"] for event in told.pop("quiet")] == ["ALARM", "OK"]
    assert told == {}, "an alarm that is on keeps the composite quiet, and makes none of it"


def test_the_time_is_told_and_goes_on_from_there(running: Cloud) -> None:
    before = clock(running, None)[1]["now"]
    assert before - time.time() > 1000, "it ran ahead"
    moved = clock(running, b'{"advance_s": 30.5}')[1]["now"]
    assert 30 < moved - before < 40


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"advance_s": -1}', b'{"advance_s": 1e9}', b'{"advance_s": true}',
     b'{"advance_s": 5, "seconds": 1}', b'{"advance_s": 5, "alarms": "yes"}', b'{"advance_s": NaN}'],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_moves_nothing(running: Cloud, body: bytes) -> None:
    before = clock(running, None)[1]["now"]
    status, said = clock(running, body)
    assert (status, list(said)) == (400, ["message"])
    assert clock(running, None)[1]["now"] - before < 5


def refused(running: Cloud, **changes: Any) -> str:
    """Why a composite alarm with other properties is not deployed."""
    client = running.client("cloudformation")
    properties = {"AlarmName": "other", "AlarmRule": "ALARM(errors)", **changes}
    other = {"Resources": {"Other": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties}}}
    name = f"other-{time.monotonic_ns()}"
    client.create_stack(StackName=name, TemplateBody=json.dumps(other))
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        [stack] = client.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = client.describe_stack_events(StackName=name)["StackEvents"]
    return " ".join(str(event.get("ResourceStatusReason", "")) for event in reasons)


@pytest.mark.usefixtures("heard")
def test_what_cloudwatch_refuses_is_refused_in_a_template(running: Cloud) -> None:
    many = " OR ".join(f"ALARM(a{number})" for number in range(101))
    assert "do not exist" in refused(running, AlarmRule="ALARM(nobody)")
    assert "Unsupported token" in refused(running, AlarmRule="ALARM(errors) BUT OK(quiet)")
    assert "100 alarms at most" in refused(running, AlarmRule=many)
    assert "does not act out suppressors" in refused(running, ActionsSuppressor="quiet")


@pytest.mark.usefixtures("heard")
def test_a_composite_alarm_is_updated_renamed_and_deleted_by_its_stack(running: Cloud) -> None:
    client = running.client("cloudwatch")

    def names() -> dict[str, str]:
        found = client.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        return {alarm["AlarmName"]: alarm["AlarmRule"] for alarm in found}

    changed = json.loads(json.dumps(TEMPLATE))
    changed["Resources"]["Either"]["Properties"] |= {"AlarmRule": "OK(errors)", "AlarmName": "renamed"}
    deploy(running, changed, "update")
    assert names() == {"renamed": "OK(errors)"}
    stacks = running.client("cloudformation")
    stacks.delete_stack(StackName="watch")
    stacks.get_waiter("stack_delete_complete").wait(StackName="watch", WaiterConfig={"Delay": 1})
    assert names() == {}
    assert client.describe_alarms()["MetricAlarms"] == []
