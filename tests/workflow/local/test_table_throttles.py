"""A provisioned table of the embedded cloud refuses what is beyond its units, as AWS's pages say.

The cases stand here by AWS's words alone: a write unit is 1 KB, a read unit is 4 KB, or two such reads that
need not be consistent; "up to 5 minutes (300 seconds) of unused" units are kept; a batch gives back what it
did not do and fails only if it did nothing; a transaction is cancelled as a whole; a write needs the
units of the indexes, too. The tables are made before the clock runs ahead, so each has saved all it can. A
call costs 30 units: what comes back while a slow machine calls is one call at most.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import cloud
from local.record import Cloud

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
STRING = {"AttributeType": "S"}
TABLES = (
    "puts",
    "updates",
    "refused",
    "gets",
    "queries",
    "batches",
    "both",
    "deals",
    "looks",
    "grows",
)


def units(read: int, write: int) -> dict[str, Any]:
    return {"ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write}}


def made(tables: Any, name: str, index: dict[str, Any] | None = None, **how: Any) -> None:
    keys = ("id", "lane") if index else ("id",)
    tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, **STRING} for key in keys],
        **({"GlobalSecondaryIndexes": [index]} if index else {}),
        **(how or {"BillingMode": "PROVISIONED", **units(1, 1)}),
    )


def index(**how: Any) -> dict[str, Any]:
    keys = [{"AttributeName": "lane", "KeyType": "HASH"}]
    return {"IndexName": "due", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}, **how}


def templated(name: str, **how: Any) -> dict[str, Any]:
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    named = [{"AttributeName": "id", **STRING}]
    given = {"TableName": name, "KeySchema": keys, "AttributeDefinitions": named, **how}
    return {"Type": "AWS::DynamoDB::Table", "Properties": given}


TEMPLATE = {
    "Resources": {
        "Bought": templated("bought", BillingMode="PROVISIONED", **units(1, 1)),
        "Asked": templated("asked", BillingMode="PAY_PER_REQUEST"),
    }
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("throttles")
    started = cloud.start(home, port=cloud.free_port(0), keep_state=False)
    tables = started.client("dynamodb")
    for name in TABLES:
        made(tables, name)
    made(tables, "narrow", index(**units(50, 1)), BillingMode="PROVISIONED", **units(50, 50))
    made(tables, "by-request", index(), BillingMode="PAY_PER_REQUEST")
    stacks = started.client("cloudformation")
    stacks.create_stack(StackName="templated", TemplateBody=json.dumps(TEMPLATE))
    stacks.get_waiter("stack_create_complete").wait(StackName="templated", WaiterConfig={"Delay": 1})
    ahead(started, 400)
    made(tables, "fresh")
    yield started
    cloud.stop(home)


@pytest.fixture
def tables(running: Cloud) -> Any:
    """A client that repeats nothing."""
    once, where = Config(retries={"total_max_attempts": 1}), running.environment()
    return boto3.client(
        "dynamodb", endpoint_url=running.endpoint, region_name=where["AWS_DEFAULT_REGION"], config=once,
        aws_access_key_id=where["AWS_ACCESS_KEY_ID"], aws_secret_access_key=where["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def ahead(running: Cloud, seconds: float) -> float:
    body = json.dumps({"advance_s": seconds}).encode() if seconds else None
    with urllib.request.urlopen(
        urllib.request.Request(f"{running.endpoint}/_ona/clock", data=body)
    ) as answer:
        return float(json.load(answer)["now"])


def item(name: str, kilobytes: float = 0, **more: str) -> dict[str, Any]:
    """An item of about this size; a little less, for its names and key."""
    filled = {"text": "x" * (int(kilobytes * 1024) - 100)} if kilobytes else {}
    return {key: {"S": text} for key, text in {"id": name, **filled, **more}.items()}


def refusal(call: Callable[[], Any]) -> Any:
    with pytest.raises(ClientError) as info:
        call()
    return info.value.response


def passed(call: Callable[[], Any], most: int = 400) -> int:
    """How many calls pass until one is refused for want of units."""
    for done in range(most):
        try:
            call()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
            return done
    return most


def about(expected: int, found: int) -> bool:
    """A unit comes back while the calls are made; the call that takes it is the last for half a minute."""
    return expected <= found <= expected + 1


@pytest.mark.parametrize(
    ("table", "kind", "calls", "call"),
    [
        ("puts", "Write", 10, lambda t: t.put_item(TableName="puts", Item=item("a", 30))),
        ("updates", "Write", 10, lambda t: t.update_item(TableName="updates", Key=item("a"),
            UpdateExpression="SET #t = :t", ExpressionAttributeNames={"#t": "text"},
            ExpressionAttributeValues={":t": item("", 30)["text"]})),
        ("gets", "Read", 10, lambda t: t.get_item(TableName="gets", Key=item("a"), ConsistentRead=True)),
        ("fresh", "Write", 1, lambda t: t.put_item(TableName="fresh", Item=item("a", 30))),
    ],
)  # fmt: skip
def test_a_burst_of_300_seconds_passes(tables: Any, table: str, kind: str, calls: int, call: Any) -> None:
    if table == "gets":
        tables.put_item(TableName="gets", Item=item("a", 120))
    found = passed(lambda: call(tables), 30)
    assert about(calls, found), f"{table}: {found} calls"
    said = refusal(lambda: call(tables))
    (reason,) = said["ThrottlingReasons"]
    assert reason["reason"] == f"Table{kind}ProvisionedThroughputExceeded"
    assert reason["resource"].endswith(f":table/{table}")
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("units", "operation", "given"),
    [
        (1.0, "delete_item", {"Key": {"id": {"S": "nobody"}}}),
        (1.0, "put_item", {"Item": {"id": {"S": "new"}}}),
        (20.0, "update_item", {"Key": {"id": {"S": "old"}}, "UpdateExpression": "REMOVE nobody"}),
        (20.0, "delete_item", {"Key": {"id": {"S": "old"}}}),
        (0.5, "get_item", {"Key": {"id": {"S": "nobody"}}}),
        (1.0, "get_item", {"Key": {"id": {"S": "nobody"}}, "ConsistentRead": True}),
    ],
)
def test_what_a_call_says_of_its_units(tables: Any, units: float, operation: str, given: Any) -> None:
    tables.put_item(TableName="by-request", Item=item("old", 20))
    answer = getattr(tables, operation)(TableName="by-request", ReturnConsumedCapacity="TOTAL", **given)
    assert answer["ConsumedCapacity"] == {"TableName": "by-request", "CapacityUnits": units}


def test_units_come_back_with_time(running: Cloud, tables: Any) -> None:
    call: Any = lambda: tables.put_item(TableName="grows", Item=item("a", 30))  # noqa: E731
    passed(call)
    refusal(call)
    assert "Item" not in tables.get_item(TableName="grows", Key=item("b")), (
        "the reads have units of their own"
    )
    ahead(running, 150)
    assert about(4, passed(call)), "150 seconds, of which a debt of a call may be taken"
    tables.update_table(TableName="grows", **units(1, 1_000))
    ahead(running, 10)
    assert passed(call, 60) == 60, "below the units nothing is refused"


def test_what_is_refused_is_not_done(tables: Any) -> None:
    tables.put_item(TableName="refused", Item=item("a", note="first"))
    passed(lambda: tables.put_item(TableName="refused", Item=item("big", 60)))
    for call in (
        lambda: tables.put_item(TableName="refused", Item=item("a", note="second")),
        lambda: tables.delete_item(TableName="refused", Key=item("a")),
        lambda: tables.update_item(
            TableName="refused", Key=item("a"), UpdateExpression="REMOVE note",
            ConditionExpression="attribute_not_exists(id)",
        ),
    ):  # fmt: skip
        assert refusal(call)["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert tables.get_item(TableName="refused", Key=item("a"))["Item"]["note"]["S"] == "first"
    wrong = refusal(lambda: tables.put_item(TableName="refused", Item={"nokey": {"S": "a"}}))
    assert wrong["Error"]["Code"] == "ValidationException", "what is wrong is not throttled"


def test_a_query_costs_what_it_reads(running: Cloud, tables: Any) -> None:
    tables.put_item(TableName="queries", Item=item("a", 100))
    ask: dict[str, Any] = {
        "TableName": "queries", "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": "a"}}, "ReturnConsumedCapacity": "TOTAL",
    }  # fmt: skip
    found = tables.query(**ask)["ConsumedCapacity"]
    assert found["CapacityUnits"] == 12.5, "100 KB, eventually consistent"
    both = tables.query(**ask, ConsistentRead=True, FilterExpression="attribute_exists(nobody)")
    assert (both["Count"], both["ConsumedCapacity"]["CapacityUnits"]) == (0, 25.0), "a filter saves nothing"
    assert about(21, passed(lambda: tables.query(**ask))), "37.5 of 300 were used"
    said = refusal(lambda: tables.scan(TableName="queries"))
    assert said["ThrottlingReasons"][0]["reason"] == "TableReadProvisionedThroughputExceeded"


def test_a_batch_gives_back_what_it_did_not_do(running: Cloud, tables: Any) -> None:
    puts = [{"PutRequest": {"Item": item(f"i{n}", 19)}} for n in range(25)]
    answer = tables.batch_write_item(RequestItems={"batches": puts}, ReturnConsumedCapacity="TOTAL")
    left = answer["UnprocessedItems"]["batches"]
    done = 25 - len(left)
    assert done == 16, "300 units are fifteen times nineteen, and the rest begins one more"
    assert answer["ConsumedCapacity"] == [{"TableName": "batches", "CapacityUnits": 19.0 * done}]
    assert left == puts[done:]
    whole = refusal(lambda: tables.batch_write_item(RequestItems={"batches": left}))
    assert whole["Error"]["Code"] == "ProvisionedThroughputExceededException"
    keys = [item(f"i{n}") for n in range(25)]
    read = tables.batch_get_item(
        RequestItems={"batches": {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "id"}},
        ReturnConsumedCapacity="TOTAL",
    )
    assert len(read["Responses"]["batches"]) == done
    assert read["ConsumedCapacity"][0]["CapacityUnits"] == 5.0 * done + 1.0 * len(left), "19 KB, or nothing"
    passed(lambda: tables.scan(TableName="batches", ConsistentRead=True), 10)
    ahead(running, 60)
    asked = {"batches": {"Keys": keys, "ConsistentRead": True}}
    some = tables.batch_get_item(RequestItems=asked)
    kept = some["UnprocessedKeys"]["batches"]
    assert kept["ConsistentRead"] is True
    got = {one["id"]["S"] for one in some["Responses"]["batches"]}
    assert got
    assert got.isdisjoint(key["id"]["S"] for key in kept["Keys"])
    none = refusal(lambda: tables.batch_get_item(RequestItems=asked))
    assert none["Error"]["Code"] == "ProvisionedThroughputExceededException"


def test_one_table_of_a_batch_has_no_units(tables: Any) -> None:
    passed(lambda: tables.put_item(TableName="both", Item=item("big", 300)))
    put = [{"PutRequest": {"Item": item("a", 30)}}]
    answer = tables.batch_write_item(RequestItems={"both": put, "by-request": put})
    assert answer["UnprocessedItems"] == {"both": put}
    assert "Item" in tables.get_item(TableName="by-request", Key=item("a"))
    assert "Item" not in tables.get_item(TableName="both", Key=item("a"))


def test_a_transaction_is_cancelled_as_a_whole(tables: Any) -> None:
    def deal(kilobytes: float) -> Any:
        puts = [("by-request", item("deal")), ("deals", item("deal", kilobytes))]
        writes = [{"Put": {"TableName": table, "Item": one}} for table, one in puts]
        return tables.transact_write_items(TransactItems=writes, ReturnConsumedCapacity="TOTAL")

    cost = {one["TableName"]: one["CapacityUnits"] for one in deal(150)["ConsumedCapacity"]}
    assert cost == {"by-request": 2.0, "deals": 300.0}, "a transaction costs twice"
    tables.delete_item(TableName="by-request", Key=item("deal"))
    said = refusal(lambda: deal(150))
    assert said["Error"]["Code"] == "TransactionCanceledException"
    assert [one["Code"] for one in said["CancellationReasons"]] == ["None", "ProvisionedThroughputExceeded"]
    assert "configured provisioned throughput" in said["CancellationReasons"][1]["Message"]
    assert "Item" not in tables.get_item(TableName="by-request", Key=item("deal")), "all or nothing"
    tables.put_item(TableName="looks", Item=item("a", 60))
    looks = [{"Get": {"TableName": "looks", "Key": item("a")}}]
    look: Any = lambda: tables.transact_get_items(TransactItems=looks, ReturnConsumedCapacity="TOTAL")  # noqa: E731
    assert look()["ConsumedCapacity"][0]["CapacityUnits"] == 30.0
    assert about(9, sum(1 for _ in iter(lambda: cancels(look), True)))


def cancels(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        assert error.response["CancellationReasons"][0]["Code"] == "ProvisionedThroughputExceeded"
        return True
    return False


def test_an_index_with_too_few_units_refuses_the_tables_writes(tables: Any) -> None:
    lanes = iter(range(100_000))

    def put() -> Any:  # the entry moves to another lane: taken out, and put in
        return tables.put_item(TableName="narrow", Item=item("a", 15, lane=f"l{next(lanes)}"))

    assert about(10, passed(put))
    said = refusal(put)
    (reason,) = said["ThrottlingReasons"]
    assert reason["reason"] == "IndexWriteProvisionedThroughputExceeded"
    assert reason["resource"].endswith(":table/narrow/index/due")
    assert "global secondary indexes" in said["Error"]["Message"]
    assert passed(lambda: tables.put_item(TableName="narrow", Item=item("unlisted")), 50) == 50


def test_what_is_paid_by_request_takes_the_same_load(tables: Any) -> None:
    assert passed(lambda: tables.put_item(TableName="by-request", Item=item("a", 30, lane="l")), 60) == 60
    assert passed(lambda: tables.put_item(TableName="asked", Item=item("a", 300)), 60) == 60
    assert about(1, passed(lambda: tables.put_item(TableName="bought", Item=item("a", 300)), 60))


def test_refusals_are_measured(running: Cloud, tables: Any) -> None:
    now = ahead(running, 0)
    watch = running.client("cloudwatch")

    def counted(name: str, **dimensions: str) -> float:
        found = watch.get_metric_statistics(
            Namespace="AWS/DynamoDB", MetricName=name, Period=60, Statistics=["Sum"],
            Dimensions=[{"Name": key, "Value": text} for key, text in dimensions.items()],
            StartTime=datetime.fromtimestamp(now - 1200, UTC),
            EndTime=datetime.fromtimestamp(now + 60, UTC),
        )["Datapoints"]  # fmt: skip
        return float(sum(one["Sum"] for one in found))

    assert counted("WriteThrottleEvents", TableName="puts") == 2.0
    assert counted("WriteProvisionedThroughputThrottleEvents", TableName="puts") == 2.0
    assert counted("ThrottledRequests", TableName="puts", Operation="PutItem") == 2.0
    assert counted("ReadThrottleEvents", TableName="gets") == 2.0
    assert counted("WriteThrottleEvents", TableName="narrow", GlobalSecondaryIndexName="due") == 2.0
    assert counted("WriteThrottleEvents", TableName="narrow") == 0.0, "the table had units"
    assert counted("ThrottledRequests", TableName="both", Operation="BatchWriteItem") == 0.0, (
        "it was half done"
    )
    assert counted("WriteThrottleEvents", TableName="both") >= 2.0
    assert counted("ThrottledRequests", TableName="deals", Operation="TransactWriteItems") == 1.0
    assert counted("WriteThrottleEvents", TableName="by-request") == 0.0
    assert counted("ConsumedWriteCapacityUnits", TableName="deals") == 300.0, (
        "what is refused costs nothing"
    )
