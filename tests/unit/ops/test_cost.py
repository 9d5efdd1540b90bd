"""`ona cost`: a day reckoned by hand; what must not count; prices that are missing.

The numbers were reckoned with pencil from the prices of the stored list, not by the code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import boto3
import pytest
from moto import mock_aws

from ona.runtime.errors import InvalidConfiguration, InvalidPayload
from ops.means import cost, prices, reading, usage
from ops.means.usage import Counts, Usage, Use
from ops.target import Target

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


class _NoStacks:
    """CloudFormation of an account without stacks: moto's own wants a package that is not installed."""

    def get_paginator(self, _: str) -> _NoStacks:
        return self

    def paginate(self, **_: object) -> list[dict[str, list[object]]]:
        return [{"Stacks": []}]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """An AWS account with one function of ours, one of another environment, and their metrics."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    clients = {"cloudformation": _NoStacks()}
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
    found = {use.what: use.amount for use in reading.read(account, DAY).uses if use.by == "detect"}
    assert found == {"lambda_request": 1000, "lambda_arm64_gb_second": 250}


def test_a_day_ends_at_midnight_utc_and_november_has_thirty():
    window = reading.Window(DAY)
    assert window.has(datetime(2026, 11, 27, tzinfo=UTC))
    assert not window.has(datetime(2026, 11, 28, tzinfo=UTC))
    assert window.of_month == pytest.approx(1 / 30)
