"""CloudWatch in the embedded cloud: what the services measure of themselves."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.fakes.lab import ROLE, Lab, unique
from tests.fakes.waiting import eventually

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


class Watch:
    """CloudWatch's sums since the test began, by service."""

    def __init__(self, lab: Lab) -> None:
        self.api = lab.platform.target.client("cloudwatch")
        self.begun = datetime.now(UTC).replace(second=0, microsecond=0)

    def total(self, namespace: str, name: str, stat: str = "Sum", **dimensions: str) -> float:
        points = self.api.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=self.begun,
            EndTime=self.begun + timedelta(hours=1),
            Period=3600,
            Statistics=[stat],
        )["Datapoints"]
        return float(sum(point[stat] for point in points))


@pytest.fixture
def watch(lab: Lab) -> Watch:
    return Watch(lab)


def test_executions_are_counted_by_how_they_end(lab: Lab, watch: Watch) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.bad %}", "Next": "Bad"}],
        "Default": "Good",
    }
    machine = lab.machine(
        {
            "QueryLanguage": "JSONata",
            "StartAt": "A",
            "States": {"A": choice, "Bad": {"Type": "Fail", "Error": "E"}, "Good": {"Type": "Succeed"}},
        }
    )
    for bad in (False, True, False):
        started = lab.states.start_execution(stateMachineArn=machine, input=json.dumps({"bad": bad}))
        lab.platform.wait(started["executionArn"])
    other = lab.machine({"QueryLanguage": "JSONata", "StartAt": "G", "States": {"G": {"Type": "Succeed"}}})

    def of(name: str, arn: str = machine, stat: str = "Sum") -> float:
        return watch.total("AWS/States", name, stat, StateMachineArn=arn)

    assert (of("ExecutionsStarted"), of("ExecutionsSucceeded"), of("ExecutionsFailed")) == (3, 2, 1)
    assert of("ExecutionTime", stat="SampleCount") == 3
    assert of("ExecutionTime", stat="Maximum") < 60_000
    assert (of("ExecutionsTimedOut"), of("ExecutionsAborted"), of("ExecutionsStarted", other)) == (0, 0, 0)


def test_messages_are_counted_whoever_sends_them(lab: Lab, watch: Watch) -> None:
    sqs, events = lab.platform.target.client("sqs"), lab.platform.target.client("events")
    name, bystander = unique("q"), unique("q")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.create_queue(QueueName=bystander)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "more"} for n in range(2)])
    rule, source = unique("rule"), unique("test")
    rule_arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": "{}"}])

    def of(metric: str, queue: str = name) -> float:
        return watch.total("AWS/SQS", metric, QueueName=queue)

    eventually(lambda: of("NumberOfMessagesSent") == 4, 10)
    received: list[Any] = []
    while len(received) < 4:
        received += sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])
    assert (of("NumberOfMessagesReceived"), of("NumberOfMessagesDeleted")) == (4, 1)
    assert of("NumberOfMessagesSent", bystander) == 0
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)


def test_requests_to_an_api_are_counted_by_its_stage_with_their_errors(lab: Lab, watch: Watch) -> None:
    apis, name = lab.platform.target.client("apigateway"), unique("api")
    api = apis.create_rest_api(name=name)["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    apis.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    apis.put_method_response(restApiId=api, resourceId=root, httpMethod="GET", statusCode="200")
    apis.put_integration(
        restApiId=api,
        resourceId=root,
        httpMethod="GET",
        type="MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'},
    )
    apis.put_integration_response(restApiId=api, resourceId=root, httpMethod="GET", statusCode="200")
    apis.create_deployment(restApiId=api, stageName="t")
    embedded = lab.platform.target.embedded
    assert embedded is not None
    address = f"{embedded.endpoint}/_aws/execute-api/{api}/t"
    answers = [
        urllib3.request("GET", f"{address}/{path}", retries=False).status
        for path in ("", "nothing", "no/more")
    ]
    assert answers[0] == 200
    assert all(400 <= status < 500 for status in answers[1:])
    for of in ({"ApiName": name, "Stage": "t"}, {"ApiName": name}):
        assert watch.total("AWS/ApiGateway", "Count", **of) == 3
        assert watch.total("AWS/ApiGateway", "4XXError", **of) == 2
        assert watch.total("AWS/ApiGateway", "5XXError", **of) == 0
        assert watch.total("AWS/ApiGateway", "Latency", "SampleCount", **of) == 3
    assert watch.total("AWS/ApiGateway", "Count", ApiName=name, Stage="dev") == 0
    apis.delete_rest_api(restApiId=api)


def test_rules_count_whom_they_invoke_and_whom_they_may_not(lab: Lab, watch: Watch) -> None:
    """EventBridge User Guide, Monitoring: by rule, and in all; failures only where there are some."""
    events = lab.platform.target.client("events")
    machine = lab.machine(
        {"QueryLanguage": "JSONata", "StartAt": "G", "States": {"G": {"Type": "Succeed"}}}
    )
    source, good, refused, silent = unique("test"), unique("good"), unique("refused"), unique("silent")
    none = lab.role([], "", "events.amazonaws.com")
    for name, role, pattern in (
        (good, ROLE, {"source": [source]}),
        (refused, none, {"source": [source]}),
        (silent, ROLE, {"source": [unique("other")]}),
    ):
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": machine, "RoleArn": role}])
    try:
        for _ in range(3):
            events.put_events(Entries=[{"Source": source, "DetailType": "T", "Detail": "{}"}])
        eventually(lambda: watch.total("AWS/Events", "Invocations", RuleName=good) == 3)
        assert watch.total("AWS/Events", "Invocations", RuleName=refused) == 3
        assert watch.total("AWS/Events", "FailedInvocations", RuleName=refused) == 3
        assert watch.total("AWS/Events", "FailedInvocations", RuleName=good) == 0
        assert watch.total("AWS/Events", "Invocations", RuleName=silent) == 0
        assert watch.total("AWS/Events", "Invocations") >= 6, "of all rules together"
    finally:
        for name in (good, refused, silent):
            events.remove_targets(Rule=name, Ids=["1"])
            events.delete_rule(Name=name)


@pytest.fixture
def table(lab: Lab) -> Any:
    """A table with an index, and its client."""
    client, name = lab.platform.target.client("dynamodb"), unique("shelf")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "lane")],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-lane",
                "KeySchema": [{"AttributeName": "lane", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return client, name


def item(key: str, kilobytes: float = 0.1, **more: str) -> dict[str, Any]:
    given = {"id": key, "text": "x" * int(1024 * kilobytes), **more}
    return {name: {"S": value} for name, value in given.items()}


def test_a_tables_units_are_counted_as_the_guide_counts_them(
    lab: Lab, watch: Watch, table: tuple[Any, str]
) -> None:
    """Amazon DynamoDB Developer Guide, "DynamoDB read and write operations": 4 KB a read, 1 KB a write."""
    client, name = table

    def units(kind: str, **index: str) -> float:
        return watch.total("AWS/DynamoDB", f"Consumed{kind}CapacityUnits", TableName=name, **index)

    client.put_item(TableName=name, Item=item("a", 2.5))  # 3
    answer = client.put_item(TableName=name, Item=item("b", lane="north"))  # 1, and 1 of the index
    assert "ConsumedCapacity" not in answer, "who does not ask is not told"
    client.batch_write_item(
        RequestItems={name: [{"PutRequest": {"Item": item(key, 3.2)}} for key in "cd"]}
    )  # 4 each
    client.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": item("e")}}])  # 2
    assert (units("Write"), units("Write", GlobalSecondaryIndexName="by-lane")) == (14, 1)
    assert units("Read") == 0

    client.get_item(TableName=name, Key={"id": {"S": "a"}})  # 0.5
    client.get_item(TableName=name, Key={"id": {"S": "a"}}, ConsistentRead=True, ProjectionExpression="id")
    client.get_item(TableName=name, Key={"id": {"S": "none"}})  # 0.5
    found = client.batch_get_item(RequestItems={name: {"Keys": [{"id": {"S": key}} for key in "ac-"]}})
    assert "ConsumedCapacity" not in found
    assert units("Read") == 0.5 + 1 + 0.5 + 1.5
    scanned = {
        "TableName": name,
        "FilterExpression": "#t = :none",
        "ExpressionAttributeNames": {"#t": "text"},
    }
    client.scan(**scanned, ExpressionAttributeValues={":none": {"S": "-"}})  # 9 KB: 3 times 4 KB, halved
    assert units("Read") == 3.5 + 1.5
    client.query(
        TableName=name,
        IndexName="by-lane",
        KeyConditionExpression="lane = :lane",
        ExpressionAttributeValues={":lane": {"S": "north"}},
    )
    assert (units("Read"), units("Read", GlobalSecondaryIndexName="by-lane")) == (5, 0.5)


def test_a_tables_errors_are_counted_by_whose_they_are(
    lab: Lab, watch: Watch, table: tuple[Any, str]
) -> None:
    client, name = table
    before = watch.total("AWS/DynamoDB", "UserErrors")
    client.put_item(TableName=name, Item=item("a"))
    once = {"TableName": name, "Item": item("a"), "ConditionExpression": "attribute_not_exists(id)"}
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(**once)
    assert watch.total("AWS/DynamoDB", "UserErrors") == before, "a condition is no mistake"
    with pytest.raises(client.exceptions.ClientError, match="ValidationException"):
        client.put_item(TableName=name, Item={"other": {"S": "a"}})
    assert watch.total("AWS/DynamoDB", "UserErrors") == before + 1
    assert watch.total("AWS/DynamoDB", "ConditionalCheckFailedRequests", TableName=name) == 1
    of = {"TableName": name, "Operation": "PutItem"}
    assert watch.total("AWS/DynamoDB", "SuccessfulRequestLatency", "SampleCount", **of) == 1
    assert 0 < watch.total("AWS/DynamoDB", "SuccessfulRequestLatency", "Maximum", **of) < 60_000
    for throttled in ("ReadThrottleEvents", "WriteThrottleEvents"):
        assert watch.total("AWS/DynamoDB", throttled, TableName=name) == 0


def test_invocations_at_once_are_measured(lab: Lab, watch: Watch) -> None:
    name = lab.function("import time\ndef handler(e, c): time.sleep(0.4)\n").rpartition(":")[2]
    lab.functions.invoke(FunctionName=name, Payload=b"{}")
    most = {"FunctionName": name}
    assert watch.total("AWS/Lambda", "ConcurrentExecutions", "Maximum", **most) == 1
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: lab.functions.invoke(FunctionName=name, Payload=b"{}"), range(3)))
    assert watch.total("AWS/Lambda", "ConcurrentExecutions", "Maximum", **most) == 3
    assert watch.total("AWS/Lambda", "ConcurrentExecutions", "Maximum") >= 3


def test_a_throttled_call_is_a_throttle_once_and_neither_an_invocation_nor_an_error(
    lab: Lab, watch: Watch
) -> None:
    """AWS Lambda Developer Guide, "Types of metrics": Invocations leaves out what is throttled."""
    closed, other = (lab.function("def handler(e, c): return 1\n").rpartition(":")[2] for _ in range(2))
    lab.functions.put_function_concurrency(FunctionName=closed, ReservedConcurrentExecutions=0)
    tries = 0
    for _ in range(2):
        with pytest.raises(ClientError, match="TooManyRequestsException") as refused:
            lab.functions.invoke(FunctionName=closed, Payload=b"{}")
        tries += 1 + refused.value.response["ResponseMetadata"]["RetryAttempts"]
    lab.functions.invoke(FunctionName=other, Payload=b"{}")
    told = {
        name: [watch.total("AWS/Lambda", name, FunctionName=of) for of in (closed, other)]
        for name in ("Throttles", "Invocations", "Errors")
    }
    assert told == {"Throttles": [tries, 0], "Invocations": [0, 1], "Errors": [0, 0]}
