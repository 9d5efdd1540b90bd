"""`ona cost`: a day reckoned by hand; what must not count; prices that are missing.

The numbers were reckoned with pencil from the prices of the stored list, not by the code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.packaging import read_template
from ona.runtime.errors import InvalidConfiguration, InvalidPayload
from operations.reading import spending, standing
from operations.reading.inventory import Inventory
from operations.reading.window import Window
from ops.means import cost, prices, reading, usage
from ops.means.usage import Counts, Usage, Use
from ops.target import OpsError, Target
from tests.builders.assets import make_registry
from tests.paths import ROOT

DAY = date(2026, 11, 27)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def _line(request: str, billed: int, memory: int = 2048) -> str:
    return (
        f"REPORT RequestId: {request}\tDuration: {billed - 0.4} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: 140 MB\tInit Duration: 900.1 ms"
    )


def test_a_day_in_frankfurt_is_what_pencil_and_paper_say():
    """1 000 000 invocations of 100 ms with 2 048 MB are 200 000 GB-seconds: 2.66668 USD, and 0.20 for the
    requests. 7 000 000 transitions are 175.00. 4 000 000 writes are 3.05, 8 000 000 reads 1.22."""
    day = Usage(
        [
            Use("ooda", "detect", "lambda_request", 1_000_000),
            Use("ooda", "detect", "lambda_arm64_gb_second", 200_000),
            Use("ooda", "workflow ooda", "states_transition", 7_000_000),
            Use("forecasting", "weather_cache", "dynamodb_write_unit", 4_000_000),
            Use("forecasting", "weather_cache", "dynamodb_read_unit", 8_000_000),
        ],
        Counts(files=1_000_000, assets=1000, orders=100, forecasts=0),
    )
    told = cost.cost(day, prices.newest(), "eu-central-1")
    assert round(told.usd, 2) == 182.14
    assert round(told.of_families("forecasting"), 2) == 4.27
    assert told.assumed_usd == 0
    assert told.each["order"] == pytest.approx(1.7786668)
    assert told.each["asset"] == pytest.approx(0.18213668)
    assert told.each["forecast"] is None
    assert next(iter(told.by(lambda line: (line.by,)))) == ("workflow ooda",)


def test_every_invocation_is_counted_once_as_what_it_is():
    """A line that came twice is one invocation; two tries of one request are two; other lines are none."""
    lines = [_line("a", 100), _line("a", 100), _line("b", 50), _line("b", 60), "START RequestId: c"]
    lines += [
        '{"message": "REPORT RequestId: d", "level": "INFO"}',
        '{"type": "platform.report", "record": 1}',
    ]
    lines += [json.dumps({"type": "platform.report", "record": _record("e", 10, 512)})]
    reports = [found for line in lines if (found := usage.report_of(line))]
    requests, seconds = usage.lambda_uses("ooda", "detect", "arm64", reports)
    assert requests.amount == 4
    assert seconds.what == "lambda_arm64_gb_second"
    assert seconds.amount == pytest.approx(2 * (0.1 + 0.05 + 0.06) + 0.5 * 0.01)


def _record(request: str, billed: int, memory: int) -> dict[str, object]:
    return {"requestId": request, "metrics": {"billedDurationMs": billed, "memorySizeMB": memory}}


def test_a_price_that_is_missing_is_named_and_a_price_says_whence_it_is():
    book = prices.newest()
    day = Usage([Use("ooda", "detect", "lambda_request", 1)])
    with pytest.raises(InvalidConfiguration, match="lambda_request in region mars-1"):
        cost.cost(day, book, "mars-1")
    for wrong in ({"usd": 1}, {"usd": 1, "source": "a page"}, {"usd": 0, "assumed": "free"}):
        with pytest.raises(InvalidPayload):
            prices.Prices.read({"day": "2026-11-28", "regions": {"r": {"lambda_request": wrong}}})


def test_every_region_of_the_list_has_the_same_prices():
    regions = prices.newest().regions
    assert {frozenset(region) for region in regions.values()} == {frozenset(regions["af-south-1"])}
    assert "af-south-1" in regions  # where samconfig.toml deploys


MADE = datetime(2026, 11, 20, 9, tzinfo=UTC)


class _OneStack:
    """CloudFormation with the root's stack, whose resources a test names: moto's own wants a package that
    is not installed."""

    def __init__(self) -> None:
        self.resources: list[tuple[str, str]] = []
        self.made = MADE

    def get_paginator(self, _: str) -> _OneStack:
        return self

    def paginate(self, **_: object) -> list[dict[str, list[object]]]:
        root = {
            "StackName": "ona-platform-dev",
            "StackId": "1",
            "StackStatus": "CREATE_COMPLETE",
            "CreationTime": self.made,
        }
        listed = [
            {"ResourceType": kind, "PhysicalResourceId": name, "ResourceStatus": "CREATE_COMPLETE"}
            for kind, name in self.resources
        ]
        return [{"Stacks": [root], "StackResourceSummaries": listed}]


@pytest.fixture
def stack() -> _OneStack:
    return _OneStack()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, stack: _OneStack) -> Iterator[Target]:
    """An AWS account with one function of ours, one of another environment, and their metrics."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    clients = {"cloudformation": stack}
    with mock_aws():
        target = Target("AWS", "ona-platform-dev", lambda name: clients.get(name) or boto3.client(name))
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        for name in ("ona-detect-dev", "ona-detect-prod"):
            boto3.client("lambda").create_function(
                FunctionName=name, Runtime="python3.13", Role=role, Handler="h.h", Code={"ZipFile": b"x"},
                MemorySize=1024, Architectures=["arm64"],
            )  # fmt: skip
        for bucket in ("ona-in", "ona-out"):
            location = {"LocationConstraint": "eu-central-1"}
            boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        states = boto3.client("stepfunctions")
        machine = states.create_state_machine(name="m", definition="{}", roleArn=role)["stateMachineArn"]
        kinds = ("Ooda", "ForecastUpload", "ForecastTraining", "ForecastSchedule", "FleetHistory")
        target.__dict__["outputs"] = {
            "Environment": "dev", "InputBucketName": "ona-in", "OutputBucketName": "ona-out",
            **{f"{kind}StateMachineArn": machine for kind in kinds},
        }  # fmt: skip
        yield target


def _send(name: str, value: float, when: datetime, function: str) -> None:
    point = {"MetricName": name, "Value": value, "Timestamp": when}
    point["Dimensions"] = [{"Name": "FunctionName", "Value": function}]
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[point])


def test_in_aws_the_day_is_read_from_the_metrics_that_lambda_sends(account):
    """1 000 invocations that ran 250 000 ms with 1 024 MB are 250 GB-seconds. Yesterday's, and those of
    another environment, are not in it."""
    for name, value in (("Invocations", 1000), ("Duration", 250_000)):
        _send(name, value, NOON, "ona-detect-dev")
        _send(name, value, NOON, "ona-detect-prod")
        _send(name, value, datetime(2026, 11, 26, 23, 59, tzinfo=UTC), "ona-detect-dev")
    found = {use.what: use.amount for use in reading.read(account, DAY, LATER).uses if use.by == "detect"}
    assert found == {"lambda_request": 1000, "lambda_arm64_gb_second": 250}


LATER = datetime(2026, 12, 5, tzinfo=UTC)


def _alarm(name: str, *metrics: str) -> None:
    """An alarm on one metric, or on the sum of several."""
    given: dict[str, object] = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    if len(metrics) == 1:
        given |= {"Namespace": "AWS/Lambda", "MetricName": metrics[0], "Statistic": "Sum", "Period": 60}
    else:
        stat = {"Period": 60, "Stat": "Sum"}
        given["Metrics"] = [
            {"Id": "all", "Expression": "SUM(METRICS())", "ReturnData": True},
            *(
                {
                    "Id": f"m{n}",
                    "ReturnData": False,
                    "MetricStat": {**stat, "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric}},
                }
                for n, metric in enumerate(metrics)
            ),
        ]
    boto3.client("cloudwatch").put_metric_alarm(AlarmName=name, Threshold=1.0, **given)


def test_what_stands_is_the_same_in_the_command_and_in_the_days_summary(
    account: Target, stack: _OneStack
) -> None:
    """Three alarms look at 1 + 3 + 1 metrics, the last is a scaling policy's; another's look at nothing of
    ours. A metric of ours was sent in 2 hours of the day, and one hour before it; another environment's and
    another namespace's are not ours. Five metrics for a day of thirty, 2 hours of 720."""
    stack.resources = [
        ("AWS::CloudWatch::Alarm", "a"), ("AWS::CloudWatch::Alarm", "b"), ("AWS::DynamoDB::Table", "crews"),
    ]  # fmt: skip
    boto3.client("dynamodb").create_table(
        TableName="crews", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    _alarm("a", "Errors")
    _alarm("b", "Errors", "Invocations", "Throttles")
    _alarm("TargetTracking-table/crews-AlarmHigh-1", "Errors")
    _alarm("TargetTracking-table/crews2-AlarmHigh-1", "Errors")
    _alarm("somebody-elses", "Errors")
    cloudwatch = boto3.client("cloudwatch")
    for namespace, environment in (("Ona/Platform", "dev"), ("Ona/Platform", "prod"), ("Else", "dev")):
        for at in (NOON, NOON.replace(minute=59), NOON.replace(hour=20), NOON.replace(day=26, hour=23)):
            point = {"MetricName": "Found", "Value": 1.0, "Timestamp": at}
            point["Dimensions"] = [{"Name": "environment", "Value": environment}]
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[point])
    uses = {
        use.what: use.amount for use in reading.read(account, DAY, LATER).uses if use.family == "standing"
    }
    assert uses == pytest.approx({"alarm_month": 5 / 30, "metric_month": 2 / 720})
    book = prices.newest()
    day = Window(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))
    told = spending.spent(account.client, "ona-platform-dev", "dev", day, LATER, book, "af-south-1")
    assert told.by_family["standing"] == round(5 / 30 * 0.1 + 2 / 720 * 0.3, 6)


def test_what_stands_costs_only_while_it_stood(account: Target, stack: _OneStack) -> None:
    """Made at 9:00 on the 20th: 15 hours of that day; until 6:00 of a day that is not over: 6 hours."""
    stack.resources = [("AWS::CloudWatch::Alarm", "a")]
    _alarm("a", "Errors")

    def alarms(day: date, now: datetime) -> float:
        uses = reading.read(account, day, now).uses
        return sum(use.amount for use in uses if use.what == "alarm_month")

    assert alarms(MADE.date(), LATER) == pytest.approx(15 / 720)
    assert alarms(DAY, NOON.replace(hour=6)) == pytest.approx(6 / 720)
    for day in (date(2026, 11, 19), date(1900, 1, 1)):
        with pytest.raises(OpsError, match=f"{day}: the platform was made on 2026-11-20 09:00 UTC"):
            reading.read(account, day, LATER)


def test_an_asset_bears_all_and_is_one_that_is_registered(account: Target) -> None:
    """Files of the day may have any names: three of them are no three assets."""
    for name in ("INV-001_20261127", "other_20261127", "third"):
        boto3.client("s3").put_object(Bucket="ona-in", Key=f"observations/2026/11/27/{name}.csv", Body=b"x")
    day = datetime.now(UTC).date()
    assert reading.read(account, day, datetime.now(UTC)).counts == Counts(files=3, assets=0)
    entry = make_registry(1).model_dump(mode="json")["assets"][0]
    body = json.dumps({"assets": [entry]}).encode()
    boto3.client("s3").put_object(Bucket="ona-in", Key="assets.json", Body=body)
    assert reading.read(account, day, datetime.now(UTC)).counts == Counts(files=3, assets=1)


def test_warm_executions_and_a_cache_are_paid_while_they_are_kept() -> None:
    """5 executions of 3 008 MB for 24 h are 5 × 2.9375 × 86 400 = 1 269 000 GB-seconds; a cache of 6.1 GB
    is 24 hours; a stage without a cache is none, and a target of a table keeps nothing warm."""
    scaled = "AWS::ApplicationAutoScaling::ScalableTarget"
    found = Inventory(
        "p", {},
        {
            scaled: [
                "function:ona-forecastingApi-prod:live|lambda:function:ProvisionedConcurrency|lambda",
                "table/crews|dynamodb:table:ReadCapacityUnits|dynamodb",
            ],
            "AWS::ApiGateway::RestApi": ["cached", "plain"],
        },
    )  # fmt: skip
    asked: list[dict[str, str]] = []

    def kept(**given: str) -> dict[str, int]:
        asked.append(given)
        return {"AllocatedProvisionedConcurrentExecutions": 5}

    def stage(restApiId: str, stageName: str) -> dict[str, object]:  # noqa: N803
        assert stageName == "prod"
        cache = {"cacheClusterEnabled": True, "cacheClusterSize": "6.1"}
        return cache if restApiId == "cached" else {"cacheClusterEnabled": False}

    pages = SimpleNamespace(paginate=lambda **_: [])
    clients = {
        "cloudwatch": SimpleNamespace(get_paginator=lambda _: pages),
        "dynamodb": None,
        "lambda": SimpleNamespace(
            get_provisioned_concurrency_config=kept,
            get_function_configuration=lambda **_: {"MemorySize": 3008, "Architectures": ["arm64"]},
        ),
        "apigateway": SimpleNamespace(get_stage=stage),
    }
    day = Window(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))
    told = standing.standing(clients.__getitem__, found, "prod", day)
    amounts = {one.what: one.amount for one in told if one.amount}
    assert amounts == {"lambda_arm64_provisioned_gb_second": 1_269_000, "api_cache_6_1_gb_hour": 24}
    assert asked == [{"FunctionName": "ona-forecastingApi-prod", "Qualifier": "live"}]
    assert all(prices.newest().of("af-south-1", what).usd for what in amounts)


def test_each_size_of_cache_that_the_template_takes_has_a_price() -> None:
    sizes = set(read_template(ROOT / "template.yaml")["Parameters"]["ApiCache"]["AllowedValues"]) - {"off"}
    names = {f"api_cache_{size.replace('.', '_')}_gb_hour" for size in sizes}
    assert names == {name for name in prices.newest().regions["af-south-1"] if name.startswith("api_cache")}


def _table(name: str, billing: dict[str, object], index: dict[str, object]) -> None:
    """A table with an index, and two items of which one is in the index."""
    keys = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    boto3.client("dynamodb").create_table(
        TableName=name, **keys, **billing,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("id", "due")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due-index", "Projection": {"ProjectionType": "ALL"}, **index,
                "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}],
            }
        ],
    )  # fmt: skip


class _Exact:
    """CloudWatch that answers for exactly the dimensions that are asked for, as AWS does; moto answers for
    those with more dimensions, too."""

    def __init__(self, sums: dict[tuple[str, str, str], float]) -> None:
        """`sums`: the day's, by metric, table and index."""
        self._sums = sums

    def _sum(self, metric: str, dimensions: list[dict[str, str]]) -> float:
        given = {item["Name"]: item["Value"] for item in dimensions}
        return self._sums.get(
            (metric, given.get("TableName", ""), given.get("GlobalSecondaryIndexName", "")), 0
        )

    def get_metric_statistics(self, **given: Any) -> dict[str, object]:
        value = self._sum(given["MetricName"], given["Dimensions"])
        return {"Datapoints": [{"Sum": value, "SampleCount": 0.0}]}

    def get_paginator(self, name: str) -> object:
        def pages(**given: Any) -> list[dict[str, object]]:
            results = []
            for query in given.get("MetricDataQueries", ()):
                metric = query["MetricStat"]["Metric"]
                value = self._sum(metric["MetricName"], metric["Dimensions"])
                results.append({"Id": query["Id"], "Timestamps": [NOON], "Values": [value]})
            return [{"Metrics": [], "MetricDataResults": results}]

        return SimpleNamespace(paginate=pages)


def test_a_table_is_paid_by_request_or_by_the_hour_and_its_indexes_too(
    account: Target, stack: _OneStack
) -> None:
    """On demand: 100 writes of the table and 40 of its index, 7 reads of the index. Provisioned: 3 writes
    and 5 reads a second of the table, 2 and 1 of its index: 5 and 6 units for 24 hours, whatever came."""
    stack.resources = [("AWS::DynamoDB::Table", "free"), ("AWS::DynamoDB::Table", "fixed")]
    _table("free", {"BillingMode": "PAY_PER_REQUEST"}, {})
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 3}
    of_index = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}
    _table("fixed", {"ProvisionedThroughput": units}, {"ProvisionedThroughput": of_index})
    write, read = "ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits"
    came: dict[tuple[str, str, str], float] = {}
    for table in ("free", "fixed"):
        came |= {(write, table, ""): 100, (write, table, "due-index"): 40, (read, table, "due-index"): 7}
    exact = _Exact(came)
    target = Target(
        "AWS", account.stack, lambda name: exact if name == "cloudwatch" else account.client(name)
    )
    target.__dict__["outputs"] = account.outputs
    found: dict[tuple[str, str], float] = {}
    for use in reading.read(target, DAY, LATER).uses:
        if use.what.startswith("dynamodb_") and use.what != "dynamodb_gb_month":
            found[use.by, use.what] = found.get((use.by, use.what), 0) + use.amount
    assert found == {
        ("free", "dynamodb_write_unit"): 140,
        ("free", "dynamodb_read_unit"): 7,
        ("fixed, units", "dynamodb_write_unit_hour"): 5 * 24,
        ("fixed, units", "dynamodb_read_unit_hour"): 6 * 24,
    }
    day = Window(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))
    book = prices.newest()
    told = spending.spent(target.client, "ona-platform-dev", "dev", day, LATER, book, "us-east-1")
    by_hand = 140 * 0.000000625 + 7 * 0.000000125 + 120 * 0.00065 + 144 * 0.00013
    assert told.by_kind["tables"] == pytest.approx(by_hand, abs=1e-6)


def test_what_is_put_into_the_input_bucket_is_an_event_that_is_paid(account: Target) -> None:
    """Three objects, whatever they are called; one in the other bucket, which tells nobody."""
    for key in ("observations/2026/11/27/INV-001_20261127.csv", "assets.json", "weather/x"):
        boto3.client("s3").put_object(
            Bucket="ona-in", Key=key, Body=b"x" if "/" in key else b'{"assets": []}'
        )
    boto3.client("s3").put_object(Bucket="ona-out", Key="y", Body=b"x")
    uses = reading.read(account, datetime.now(UTC).date(), datetime.now(UTC)).uses
    assert [use.amount for use in uses if use.what == "events_event"] == [3]


def test_older_versions_of_an_object_lie_there_too_and_are_paid_for(account: Target) -> None:
    """5 000 bytes, replaced by 300: as much as two objects of 5 000 and 300 bytes in the other bucket."""
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket="ona-in", VersioningConfiguration={"Status": "Enabled"})
    for size in (5000, 300):
        s3.put_object(Bucket="ona-in", Key="x", Body=b"x" * size)
        s3.put_object(Bucket="ona-out", Key=f"{size}", Body=b"x" * size)
    now = datetime.now(UTC)
    uses = reading.read(account, now.date(), now).uses
    stored = {use.by: use.amount for use in uses if use.what == "s3_gb_month"}
    assert stored["ona-in"] == pytest.approx(stored["ona-out"])
    assert stored["ona-in"] > 0


def test_a_table_that_can_be_recovered_is_paid_for_once_more_without_its_indexes(
    account: Target, stack: _OneStack
) -> None:
    stack.resources = [("AWS::DynamoDB::Table", "kept"), ("AWS::DynamoDB::Table", "bare")]
    dynamodb = boto3.client("dynamodb")
    for name in ("kept", "bare"):
        _table(name, {"BillingMode": "PAY_PER_REQUEST"}, {})
        for number in range(3):
            item = {"id": {"S": f"{number}"}, "due": {"S": "now"}}
            dynamodb.put_item(TableName=name, Item=item)
    dynamodb.update_continuous_backups(
        TableName="kept", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    uses = reading.read(account, DAY, LATER).uses
    found = {use.by: use.amount for use in uses if use.what == "dynamodb_pitr_gb_month"}
    size = dynamodb.describe_table(TableName="kept")["Table"]
    by_hand = (size["TableSizeBytes"] + 100 * size["ItemCount"]) / 1024**3 / 30
    assert found == {"kept, recovery": pytest.approx(by_hand)}


def test_calls_to_a_provisioned_table_are_not_paid_twice() -> None:
    role, arn = "p-dev-ooda-OrderFunctionRole-8F", "arn:aws:dynamodb:af-south-1:1:table/"
    calls = [(role, "dynamodb:PutItem", arn + name, 4) for name in ("crews", "crews2", "crews/index/a")]
    told = usage.call_uses(calls, "p-dev", {}, ["crews"])
    assert [use.amount for use in told] == [4.0], "that of the other table"


def test_what_was_judged_beside_a_call_is_no_call(tmp_path: Path) -> None:
    """Nine GETs, of which four found nothing, and two LISTs: 9 at the price of a GET, 2 at that of a PUT.
    A home of before knows nothing of it."""
    role, bucket = "ona-platform-dev-ooda-DetectFunctionRole-8F", "arn:aws:s3:::b"
    allowed = [[role, "s3:GetObject", f"{bucket}/*", 9], [role, "s3:ListBucket", bucket, 6]]
    embedded = SimpleNamespace(home=tmp_path)
    target = Target("embedded", "ona-platform-dev", lambda _: None, embedded)  # type: ignore[arg-type]

    def uses(**more: object) -> dict[str, float]:
        (tmp_path / "roles.json").write_text(json.dumps({"allowed": allowed, **more}))
        calls = reading._ledger(target)
        return {use.what: use.amount for use in usage.call_uses(calls, "ona-platform-dev", {})}

    assert uses(beside=[[role, "s3:ListBucket", bucket, 4]]) == {"s3_get": 9, "s3_put": 2}
    assert uses() == {"s3_get": 9, "s3_put": 6}
