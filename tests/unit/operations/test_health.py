"""The health check on a platform of another hand: moto's services, and lists as CloudFormation gives them.

Each damage is done as an operator's slip would do it, by the service's own API. Beside each stands a
distractor: the same damage to something of the account that is not the platform's.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from operations.reading import doors
from operations.reading.finding import Finding, Report, exit_code
from operations.reading.health import Platform, health
from operations.reading.inventory import NotDeployed

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
WELL = Finding.ok("apis", "/health", "answers")


KINDS = {
    "AWS::Lambda::Function": "{}-detect",
    "AWS::S3::Bucket": "{}-in",
    "AWS::DynamoDB::Table": "{}-crews",
    "AWS::CloudWatch::Alarm": "ona-{}-errors",
}


class CloudFormation:
    """The two lists that are asked for, shaped as AWS's API reference has them: the root's stack names its
    children as resources, a child names its root in RootId, and a deleted stack stays listed for 90 days.
    """

    def __init__(self) -> None:
        self.resources: dict[str, list[tuple[str, str]]] = {}

    def get_paginator(self, operation: str) -> Any:
        pages = {"describe_stacks": self._stacks, "list_stack_resources": self._resources}[operation]
        return SimpleNamespace(paginate=pages)

    def _stacks(self) -> Iterator[dict[str, Any]]:
        yield {"Stacks": [{"StackName": "ours", "StackId": "id-old", "StackStatus": "DELETE_COMPLETE"}]}
        for name in ("ours", "theirs"):
            child = f"{name}-Ooda-1ABC"
            yield {
                "Stacks": [
                    {"StackName": name, "StackId": f"id-{name}", "StackStatus": "UPDATE_COMPLETE"},
                    {
                        "StackName": child,
                        "StackId": f"id-{child}",
                        "RootId": f"id-{name}",
                        "ParentId": f"id-{name}",
                        "StackStatus": "CREATE_COMPLETE",
                    },
                ]
            }

    def _resources(self, *, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        items = self.resources.get(StackName.split("-")[0], []) if "Ooda" in StackName else []
        for kind, name in items:  # a page each
            summary = {
                "LogicalResourceId": "A",
                "PhysicalResourceId": name,
                "ResourceType": kind,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            yield {"StackResourceSummaries": [summary]}


@cache
def moto_client(service: str) -> Any:
    """To make a client takes longer than a test; one serves all of them."""
    return boto3.client(service, region_name="af-south-1")


def build(client: Callable[[str], Any], prefix: str) -> None:
    """One function, bucket, table and alarm, two queues, a rule and a timer."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = client("iam").create_role(
        RoleName=prefix, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a.py", "def b(e, c): pass")
    client("lambda").create_function(
        FunctionName=f"{prefix}-detect",
        Handler="a.b",
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": body.getvalue()},
    )
    client("s3").create_bucket(
        Bucket=f"{prefix}-in", CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
    )
    client("dynamodb").create_table(
        TableName=f"{prefix}-crews",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    client("events").put_rule(Name=f"{prefix}-put", EventPattern=json.dumps({"source": ["aws.s3"]}))
    client("events").put_rule(Name=f"{prefix}-hourly", ScheduleExpression="rate(1 hour)")
    client("cloudwatch").put_metric_alarm(
        AlarmName=f"ona-{prefix}-errors",
        MetricName="Errors",
        Namespace="AWS/Lambda",
        ComparisonOperator="GreaterThanThreshold",
        Threshold=1,
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
    )
    urls = [
        client("sqs").create_queue(QueueName=f"{prefix}-{name}")["QueueUrl"]
        for name in ("dead-letters", "work")
    ]
    client("cloudformation").resources[prefix] = [
        *((kind, name.format(prefix)) for kind, name in KINDS.items()),
        *(("AWS::SQS::Queue", url) for url in urls),
        *(("AWS::Events::Rule", f"{prefix}-{name}") for name in ("put", "hourly")),
    ]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """An account with our platform, and with a neighbour's stack of the same kinds of things."""
    monkeypatch.setattr(doors, "_health", lambda _: WELL)
    with mock_aws():
        clients: dict[str, Any] = {"cloudformation": CloudFormation(), "apigateway": None, "acm": None}

        def client(service: str) -> Any:
            return clients[service] if service in clients else moto_client(service)

        for name in ("ours", "theirs"):
            build(client, name)
        registry = {"assets": [{"id": "INV-001", "capacity_kw": 10, "site_id": "karoo"}]}
        client("s3").put_object(Bucket="ours-in", Key="assets.json", Body=json.dumps(registry))
        key = "telemetry/site=karoo/day=2026-03-10/INV-001.parquet"
        client("s3").put_object(Bucket="ours-in", Key=key, Body=b"x")
        yield client


def look(client: Callable[[str], Any], now: datetime | None = None) -> Report:
    platform = Platform("ours", "dev", "ours-in", "ours-in", "https://api.example.com")
    return health(client, platform, now or datetime.now(UTC))


def bad(report: Report) -> list[tuple[str, str, str]]:
    return [(f.state, f.check, f.about) for f in report.findings if f.state != "ok"]


def test_a_sound_platform_is_well(account: Callable[[str], Any]) -> None:
    report = look(account)
    assert bad(report) == []
    assert exit_code(report.state) == 0
    assert not [f for f in report.findings if "theirs" in f.about]


DAMAGES: dict[str, tuple[str, Callable[[Any, str], Any], tuple[str, str, str]]] = {
    "a function is deleted": (
        "lambda",
        lambda c, p: c.delete_function(FunctionName=f"{p}-detect"),
        ("critical", "functions", "ours-detect"),
    ),
    "a function lets no call in": (
        "lambda",
        lambda c, p: c.put_function_concurrency(FunctionName=f"{p}-detect", ReservedConcurrentExecutions=0),
        ("critical", "functions", "ours-detect"),
    ),
    "a table is deleted": (
        "dynamodb",
        lambda c, p: c.delete_table(TableName=f"{p}-crews"),
        ("critical", "tables", "ours-crews"),
    ),
    "a queue is deleted": (
        "sqs",
        lambda c, p: c.delete_queue(QueueUrl=c.get_queue_url(QueueName=f"{p}-dead-letters")["QueueUrl"]),
        ("critical", "queues", "ours-dead-letters"),
    ),
    "a letter waits": (
        "sqs",
        lambda c, p: c.send_message(
            QueueUrl=c.get_queue_url(QueueName=f"{p}-dead-letters")["QueueUrl"], MessageBody="{}"
        ),
        ("warning", "queues", "ours-dead-letters"),
    ),
    "a rule is off": (
        "events",
        lambda c, p: c.disable_rule(Name=f"{p}-put"),
        ("critical", "rules", "ours-put"),
    ),
    "a timer is off": (
        "events",
        lambda c, p: c.disable_rule(Name=f"{p}-hourly"),
        ("warning", "rules", "ours-hourly"),
    ),
    "an alarm is on": (
        "cloudwatch",
        lambda c, p: c.set_alarm_state(AlarmName=f"ona-{p}-errors", StateValue="ALARM", StateReason="try"),
        ("warning", "alarms", "ona-ours-errors"),
    ),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_seen_and_a_neighbours_is_not(what: str, account: Callable[[str], Any]) -> None:
    service, damage, expected = DAMAGES[what]
    damage(account(service), "theirs")
    assert bad(look(account)) == []
    damage(account(service), "ours")
    report = look(account)
    assert bad(report) == [expected]
    assert exit_code(report.state) == {"warning": 1, "critical": 2}[expected[0]]


def test_a_bucket_that_is_gone_is_seen(account: Callable[[str], Any]) -> None:
    for key in ("assets.json", "telemetry/site=karoo/day=2026-03-10/INV-001.parquet"):
        account("s3").delete_object(Bucket="ours-in", Key=key)
    account("s3").delete_bucket(Bucket="theirs-in")
    assert bad(look(account))[0][0] == "warning"
    account("s3").delete_bucket(Bucket="ours-in")
    assert ("critical", "buckets", "ours-in") in bad(look(account))


def test_work_that_waits_its_turn_is_no_letter(account: Callable[[str], Any]) -> None:
    sqs = account("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="ours-work")["QueueUrl"], MessageBody="{}")
    assert bad(look(account)) == []


class Ages:
    """CloudWatch, which knows how long messages wait: what it is asked, and its answers by queue."""

    def __init__(self, real: Any, ages: dict[str, float], now: datetime) -> None:
        self.real, self.ages, self.now = real, ages, now

    def get_paginator(self, operation: str) -> Any:
        if operation != "get_metric_data":
            return self.real.get_paginator(operation)
        return SimpleNamespace(paginate=self._values)

    def _values(self, MetricDataQueries: list[Any], **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        for query in MetricDataQueries:  # a page each
            [dimension] = query["MetricStat"]["Metric"]["Dimensions"]
            age = self.ages.get(dimension["Value"])
            known = query["MetricStat"]["Metric"]["MetricName"] == "ApproximateAgeOfOldestMessage" and age
            values = [1.0, age] if known else []
            times = [self.now - timedelta(minutes=minutes) for minutes in (9, 8)][: len(values)]
            yield {"MetricDataResults": [{"Id": query["Id"], "Timestamps": times, "Values": values}]}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.mark.parametrize(
    ("queue", "age", "state", "text"),
    [
        ("work", 1700.0, "warning", "1 message; the oldest has waited 28 minutes"),
        ("work", 600.0, "ok", "1 message"),
        (
            "dead-letters",
            200_000.0,
            "warning",
            "1 dead letter: work that failed for good; the oldest has waited 2 days",
        ),
        ("dead-letters", 0.0, "warning", "1 dead letter: work that failed for good"),
    ],
)
def test_a_queue_whose_oldest_message_waits_long_says_how_long(
    account: Callable[[str], Any], queue: str, age: float, state: str, text: str
) -> None:
    sqs, now = account("sqs"), datetime.now(UTC)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f"ours-{queue}")["QueueUrl"], MessageBody="{}")
    ages = Ages(account("cloudwatch"), {f"ours-{queue}": age, "theirs-work": 90_000.0}, now)

    def client(service: str) -> Any:
        return ages if service == "cloudwatch" else account(service)

    [found] = [f for f in look(client, now).findings if f.about == f"ours-{queue}"]
    assert (found.state, found.text) == (state, text)
    since = now - timedelta(minutes=8, seconds=age) if age and state != "ok" else None
    assert found.since == since, "reckoned from the minute that CloudWatch knows"


def test_a_function_is_judged_by_the_version_that_its_callers_get(account: Callable[[str], Any]) -> None:
    lambdas = account("lambda")
    version = lambdas.publish_version(FunctionName="ours-detect")["Version"]
    alias = lambdas.create_alias(FunctionName="ours-detect", Name="live", FunctionVersion=version)
    account("cloudformation").resources["ours"].append(("AWS::Lambda::Alias", alias["AliasArn"]))
    told = {f.about: f.text for f in look(account).findings if f.check == "functions"}
    assert told == {"ours-detect": f"Active, version {version}"}
    lambdas.delete_alias(FunctionName="ours-detect", Name="live")
    [found] = [f for f in look(account).findings if f.state != "ok"]
    assert (found.state, found.about) == ("critical", "ours-detect")
    assert found.text == "its alias live is gone: no call is let in"


def test_a_letter_that_somebody_reads_just_now_still_counts(account: Callable[[str], Any]) -> None:
    sqs = account("sqs")
    url = sqs.get_queue_url(QueueName="ours-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)
    assert bad(look(account)) == [("warning", "queues", "ours-dead-letters")]


def test_an_upload_for_forecasting_is_no_telemetry_of_the_loop(account: Callable[[str], Any]) -> None:
    s3 = account("s3")
    s3.delete_object(Bucket="ours-in", Key="telemetry/site=karoo/day=2026-03-10/INV-001.parquet")
    s3.put_object(Bucket="ours-in", Key="telemetry/site=karoo/day=2026-03-10/_upload-1.parquet", Body=b"x")
    assert bad(look(account)) == [("warning", "freshness", "karoo")]


def test_what_cannot_be_asked_is_not_well_and_hides_nothing(
    account: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_dynamodb(service: str) -> Any:
        if service == "dynamodb":
            raise PermissionError("AccessDenied")
        return account(service)

    account("events").disable_rule(Name="ours-hourly")
    report = look(without_dynamodb)
    assert bad(report) == [
        ("unknown", "maintenance", "all"),
        ("unknown", "tables", "all"),
        ("warning", "rules", "ours-hourly"),
    ]
    assert report.state == "unknown"
    assert exit_code(report.state) == 2


def test_a_platform_that_is_not_deployed_is_said(account: Callable[[str], Any]) -> None:
    platform = Platform("ona-platform-prod", "prod", "a", "b", "https://api.example.com")
    with pytest.raises(NotDeployed, match="ona-platform-prod is not deployed"):
        health(account, platform, NOW)


@pytest.mark.parametrize(
    ("ends", "imported", "state", "said"),
    [
        (datetime(2026, 6, 1, tzinfo=UTC), False, "ok", "valid until 2026-06-01, 82 days"),
        (datetime(2026, 4, 9, 8, tzinfo=UTC), False, "ok", "30 days"),
        (datetime(2026, 4, 9, 7, tzinfo=UTC), False, "warning", "should have renewed"),
        (datetime(2026, 3, 30, tzinfo=UTC), True, "warning", "was imported"),
        (datetime(2026, 3, 17, 8, tzinfo=UTC), False, "critical", "7 days"),
        (datetime(2026, 3, 10, 7, 59, tzinfo=UTC), False, "critical", "expired on 2026-03-10"),
    ],
)
def test_certificates(ends: datetime, imported: bool, state: str, said: str) -> None:
    found = doors.validity("api.example.com", ends, NOW, imported)
    assert found.state == state
    assert said in found.text
