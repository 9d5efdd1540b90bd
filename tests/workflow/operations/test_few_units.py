"""A table of one unit behind the loop: the platform waits and tries again; nothing is lost or done twice.

A unit a second carries a file to its order, late. A table that has none for minutes makes a dead letter,
which says so, and a redrive ends the file as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import deadletters
from tests.builders.bursts import Burst, burst
from tests.fakes.platform import Platform
from tests.workflow.operations import reckoning

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]
KEYS = {"crews": "crew_id", "tracking": "job_id", "outbox": "delivery_id"}
"""The tables of the way from a file to its order, and their keys."""
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


@pytest.fixture
def narrow(platform: Platform) -> Iterator[Platform]:
    """The tables and their indexes have one unit, and 300 that they saved."""
    client = platform.target.client("dynamodb")
    for table in KEYS:
        name = f"ona-platform-{table}"
        indexes = client.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
        updates = [
            {"Update": {"IndexName": one["IndexName"], "ProvisionedThroughput": UNITS}} for one in indexes
        ]
        more: dict[str, Any] = {"GlobalSecondaryIndexUpdates": updates} if updates else {}
        client.update_table(TableName=name, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS, **more)
    yield platform
    widened(platform)


def widened(platform: Platform) -> None:
    for table in KEYS:
        name = f"ona-platform-{table}"
        platform.target.client("dynamodb").update_table(TableName=name, BillingMode="PAY_PER_REQUEST")


def use_up(platform: Platform) -> None:
    """Take all the units that the tables have saved, a batch at a time."""
    client = platform.target.client("dynamodb")
    for table, key in KEYS.items():
        name, none = f"ona-platform-{table}", [{key: {"S": f"none-{n}"}} for n in range(100)]
        writes = [{"DeleteRequest": {"Key": one}} for one in none[:25]]
        for call, asked, left in (
            (client.batch_write_item, writes, "UnprocessedItems"),
            (client.batch_get_item, {"Keys": none, "ConsistentRead": True}, "UnprocessedKeys"),
        ):
            for _ in range(20):
                try:
                    if call(RequestItems={name: asked})[left]:
                        break
                except ClientError as error:
                    assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
                    break


def throttles(platform: Platform) -> float:
    found = 0.0
    for table in KEYS:
        for kind in ("Read", "Write"):
            points = platform.target.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/DynamoDB", MetricName=f"{kind}ThrottleEvents", Period=60, Statistics=["Sum"],
                Dimensions=[{"Name": "TableName", "Value": f"ona-platform-{table}"}],
                StartTime=datetime.now(UTC) - timedelta(hours=3),
                EndTime=datetime.now(UTC) + timedelta(hours=3),
            )["Datapoints"]  # fmt: skip
            found += sum(one["Sum"] for one in points)
    return found


def owe(platform: Platform) -> None:
    """Let a write take so much more than the orders' table has that it has no units for minutes. It is
    nobody's item: no index has it.
    """
    item = {"job_id": {"S": "none"}, "text": {"S": "x" * 390_000}}
    platform.target.client("dynamodb").put_item(TableName="ona-platform-tracking", Item=item)


@pytest.mark.soak
def test_a_table_without_units_loses_nothing(narrow: Platform) -> None:
    files = [item for item in burst(25, faulty_every=10).files if item.kind in ("faulty", "garbage")]
    plan = Burst([item for item in files if not item.twice])
    first, second = [item for item in plan.files if item.kind == "faulty"]
    reckoning.prepare(narrow, plan)
    began = throttles(narrow)
    use_up(narrow)
    reckoning.begin(narrow, [first], plan)
    narrow.idle(240)
    seen = reckoning.reckon(narrow, narrow.earlier)
    assert list(seen.ends.values()) == [["detected"]], "a unit a second is enough for one who waits"
    assert sum(seen.orders.values()) == 1
    assert (some := throttles(narrow)) > began, "it was refused, and tried again"

    owe(narrow)
    reckoning.begin(narrow, [item for item in plan.files if item is not first], plan)
    narrow.idle(240)
    assert throttles(narrow) > some
    widened(narrow)
    seen = reckoning.reckon(narrow, narrow.earlier)
    ends = {key: told for (key, _), told in seen.ends.items()}
    assert ends.pop(first.key) == ["detected"]
    assert ends.pop(second.key) == ["dead letter"], "its order could not be written"
    assert set(map(tuple, ends.values())) == {("quarantined",)}, "what needs no table ends as ever"
    assert seen.reasons[second.key, plan.last(second)] == "TableThrottled"
    deadletters.redrive(narrow.target)
    narrow.idle(120)
    totals = reckoning.check(plan, reckoning.reckon(narrow, narrow.earlier), redriven=True)
    assert totals["detected"] == 2
