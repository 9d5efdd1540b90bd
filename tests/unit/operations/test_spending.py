"""A day's cost from the metrics of the services, by hand; what must not count; the metrics of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ona.runtime.errors import InvalidConfiguration
from ona.runtime.metric_table import BUDGET_USED, COST_OF_KIND, COST_OF_MONTH, ESTIMATED_COST
from operations.config.prices import Prices
from operations.reading import inventory, spending
from operations.reading.figures import Figures, Forecasts, Incidents, Money, Orders
from operations.reading.inventory import Inventory
from operations.reading.summary import Summary, cost_in_words
from operations.reading.weekly import Totals
from operations.reading.window import Window
from operations.routines import money

START, END = datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC)
NAMES = [
    "lambda_request",
    "lambda_arm64_gb_second",
    "states_transition",
    "dynamodb_write_unit",
    "dynamodb_read_unit",
    "dynamodb_gb_month",
    "dynamodb_pitr_gb_month",
    "alarm_month",
    "alarm_composite_month",
    "dashboard_month",
    "metric_month",
]
BOOK = Prices.read(
    {"day": "2026-11-01", "regions": {"here": {name: {"usd": 2.0, "assumed": "round"} for name in NAMES}}}
)
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:ona-ooda-dev"


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], spending.Spent]]:
    """A function of 512 MB in one stack, a table and a machine in others, two alarms."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    found = Inventory(
        "p-dev",
        {},
        {
            "AWS::Lambda::Function": ["ona-detect-dev"],
            "AWS::StepFunctions::StateMachine": [MACHINE],
            "AWS::DynamoDB::Table": ["tracking"],
            "AWS::CloudWatch::Alarm": ["a", "b"],
        },
        {"ona-detect-dev": "p-dev-Ooda-1AB", MACHINE: "p-dev-Ooda-1AB", "tracking": "p-dev-Foundation-2"},
    )
    monkeypatch.setattr(inventory, "read", lambda *_: found)
    with mock_aws():
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        boto3.client("lambda").create_function(
            FunctionName="ona-detect-dev", Runtime="python3.13", Role=role, Handler="h.h",
            Code={"ZipFile": b"x"}, MemorySize=512, Architectures=["arm64"],
        )  # fmt: skip
        boto3.client("dynamodb").create_table(
            TableName="tracking", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )  # fmt: skip
        for name in ("a", "b", "somebody-elses"):
            boto3.client("cloudwatch").put_metric_alarm(
                AlarmName=name, Namespace="n", MetricName="m", Statistic="Sum", Period=60, Threshold=1.0,
                EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold",
            )  # fmt: skip
        yield lambda: spending.spent(boto3.client, "p-dev", "dev", Window(START, END), END, BOOK, "here")


def send(namespace: str, name: str, value: float, dimension: tuple[str, str], at: datetime) -> None:
    point: dict[str, Any] = {"MetricName": name, "Value": value, "Timestamp": at}
    point["Dimensions"] = [{"Name": dimension[0], "Value": dimension[1]}]
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[point])


def test_a_day_by_hand_and_what_belongs_to_other_days_is_not_in_it(
    day: Callable[[], spending.Spent],
) -> None:
    """Each unit costs 2 USD. 10 calls of 3 s with 512 MB are 15 GB-seconds: 20 + 30 USD. 4 executions are
    32 transitions: 64 USD. 5 writes and 1 read: 12 USD. Two alarms for a day of thirty: 0.133333 USD."""
    noon, before = datetime(2026, 11, 27, 12, tzinfo=UTC), datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
    for at in (noon, before, END):  # the last is the first moment of the next day
        send("AWS/Lambda", "Invocations", 10, ("FunctionName", "ona-detect-dev"), at)
        send("AWS/Lambda", "Duration", 30_000, ("FunctionName", "ona-detect-dev"), at)
        send("AWS/States", "ExecutionsStarted", 4, ("StateMachineArn", MACHINE), at)
        send("AWS/DynamoDB", "ConsumedWriteCapacityUnits", 5, ("TableName", "tracking"), at)
        send("AWS/DynamoDB", "ConsumedReadCapacityUnits", 1, ("TableName", "tracking"), at)
    send("AWS/Lambda", "Invocations", 1000, ("FunctionName", "somebody-elses"), noon)
    told = day()
    assert told.by_family == {"ooda": 114.0, "foundation": 12.0, "standing": 0.133333}
    assert told.by_kind == {"workflows": 64.0, "functions": 50.0, "tables": 12.0, "watching": 0.133333}
    assert told.usd == pytest.approx(126.133333)


def test_a_region_without_prices_is_named(day: Callable[[], spending.Spent]) -> None:
    with pytest.raises(InvalidConfiguration, match="in region mars-1"):
        spending.spent(boto3.client, "p-dev", "dev", Window(START, END), END, BOOK, "mars-1")
    told = list(cost_in_words("no price of x in region mars-1", None))
    assert [one.text for one in told] == ["not reckoned: no price of x in region mars-1"]


def figures(usd: float | None) -> Figures:
    nothing = {"faults": {}, "open": 0, "no_fault": {}, "suspected": 0, "superseded": 0, "assets": 0}
    cost = usd and spending.Spent(
        usd=usd, by_family={"ooda": usd}, by_kind={"tables": usd}, region="here", prices=date(2026, 11, 1)
    )
    return Figures(
        start=START, end=END, files={}, site_days=0, failed={}, incidents=Incidents(**nothing),
        forecasts=Forecasts(number=0, sites=0, without=[]),
        orders=Orders(opened=0, completed=0, verified=0, cancelled=0, open=0),
        money=Money(**dict.fromkeys(Money.model_fields, 0)), unreadable=[], cost=cost or None,
    )  # fmt: skip


def test_a_week_adds_up_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Totals.of([figures(1.5), figures(None), figures(2.0)]).cost_usd == 3.5
    older = {
        name: value for name, value in json.loads(figures(1.0).model_dump_json()).items() if name != "cost"
    }
    assert Figures.model_validate_json(json.dumps(older)).cost is None  # a summary of before


@pytest.mark.parametrize(("budget", "used"), [("40", [75.0]), ("0", [])])
def test_a_day_is_measured_once_by_family_and_kind_and_the_month_by_its_budget(
    monkeypatch: pytest.MonkeyPatch, budget: str, used: list[float]
) -> None:
    seen: list[tuple[str, float, dict[str, str]]] = []
    monkeypatch.setattr(money, "measure", lambda metric, value, **of: seen.append((metric.name, value, of)))
    monkeypatch.setenv("MONTHLY_BUDGET_USD", budget)
    report = Summary(
        kind="summary", platform="p", at=END, state="ok", findings=[], day=date(2026, 11, 27), zone="UTC",
        figures=figures(12.0), month_usd=30.0,
    )  # fmt: skip
    money.publish(report)
    assert [value for name, value, _ in seen if name == BUDGET_USED.name] == used
    assert [row for row in seen if row[0] != BUDGET_USED.name] == [
        (ESTIMATED_COST.name, 12.0, {"Family": "all"}),
        (ESTIMATED_COST.name, 12.0, {"Family": "ooda"}),
        (COST_OF_KIND.name, 12.0, {"Kind": "tables"}),
        (COST_OF_MONTH.name, 30.0, {}),
    ]
    seen.clear()
    money.publish(report.model_copy(update={"figures": figures(None), "month_usd": None}))
    assert seen == []
