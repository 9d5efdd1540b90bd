"""AWS's limits: just below passes, just above is refused in AWS's words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.lab import ROLE, Lab, unique
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

KIB = 1024
MIB = 1024 * KIB


class Bench:
    """Clients that check nothing themselves, and one of each thing to try limits on."""

    def __init__(self, platform: Platform) -> None:
        self.lab = Lab(platform)
        cloud = platform.s3.meta
        (
            self.s3,
            self.sqs,
            self.sns,
            self.events,
            self.table,
            self.ssm,
            self.lambdas,
            self.states,
            self.logs,
        ) = (
            boto3.client(  # type: ignore[call-overload]
                service,
                endpoint_url=cloud.endpoint_url,
                region_name=cloud.region_name,
                aws_access_key_id="embedded",
                aws_secret_access_key="embedded",
                config=Config(
                    parameter_validation=False,
                    s3={"addressing_style": "path"},
                    retries={"max_attempts": 0},
                    read_timeout=20,
                ),
            )
            for service in (
                "s3",
                "sqs",
                "sns",
                "events",
                "dynamodb",
                "ssm",
                "lambda",
                "stepfunctions",
                "logs",
            )
        )
        self.bucket = self.lab.bucket()
        self.queue = self.sqs.create_queue(QueueName=unique("q"))["QueueUrl"]
        self.topic = self.sns.create_topic(Name=unique("t"))["TopicArn"]
        self.rule = unique("r")
        self.events.put_rule(Name=self.rule, EventPattern='{"source":["none"]}')
        self.items = unique("t")
        self.table.create_table(
            TableName=self.items,
            KeySchema=[
                {"AttributeName": "h", "KeyType": "HASH"},
                {"AttributeName": "r", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in "hr"],
            BillingMode="PAY_PER_REQUEST",
        )
        self.group = unique("/g")
        self.logs.create_log_group(logGroupName=self.group)
        self.logs.create_log_stream(logGroupName=self.group, logStreamName="s")
        self.echo = self.lab.function("def handler(e, c): return 'x' * e.get('n', 0)\n", Timeout=20)
        state = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
        self.machine = self.lab.machine(state)

    def item(self, size: int, hash_key: str = "h", range_key: str = "r") -> dict[str, Any]:
        return {"h": {"S": hash_key}, "r": {"S": range_key}, "v": {"S": "x" * size}}

    def put(self, key: str, **more: Any) -> Any:
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"", **more)

    def start(self, name: str | None = None, given: str = "{}") -> Any:
        return self.states.start_execution(
            stateMachineArn=self.machine, name=name or unique("e"), input=given
        )

    def log(self, *sizes: int) -> Any:
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": "x" * size} for size in sizes]
        return self.logs.put_log_events(logGroupName=self.group, logStreamName="s", logEvents=events)

    def target(self, **more: Any) -> dict[str, Any]:
        return {"Arn": "arn:aws:sqs:af-south-1:000000000000:q", "Id": "1", **more}

    def targets(self, count: int) -> Any:
        targets = [self.target(Id=str(n)) for n in range(count)]
        return self.events.put_targets(Rule=self.rule, Targets=targets)

    def transform(self, template: int = 1, paths: int = 1) -> Any:
        transformer = {
            "InputPathsMap": {f"p{n}": "$.a" for n in range(paths)},
            "InputTemplate": "x" * template,
        }
        return self.events.put_targets(Rule=self.rule, Targets=[self.target(InputTransformer=transformer)])

    def publish_events(self, *sizes: int) -> Any:
        overhead = len('onad{"a":""}')
        entries = [
            {
                "Source": "ona",
                "DetailType": "d",
                "Detail": json.dumps({"a": "x" * (size - overhead)}).replace(" ", ""),
            }
            for size in sizes
        ]
        return self.events.put_events(Entries=entries)

    def send(self, *sizes: int) -> Any:
        entries = [{"Id": str(n), "MessageBody": "x" * size} for n, size in enumerate(sizes)]
        return self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def scan(self, expression: str, **values: Any) -> Any:
        return self.table.scan(
            TableName=self.items,
            FilterExpression=expression,
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
        )

    def invoke(self, size: int = 20, kind: str = "RequestResponse") -> Any:
        body = json.dumps({"p": ""})
        return self.lambdas.invoke(
            FunctionName=self.echo,
            InvocationType=kind,
            Payload=body.replace('""', '"' + "x" * (size - len(body)) + '"'),
        )

    def function(self, **settings: Any) -> Any:
        return self.lab.function("def handler(e, c): return 1\n", **settings)

    def upload(self, first: int) -> Any:
        place = {"Bucket": self.bucket, "Key": unique("parts")}
        upload = self.s3.create_multipart_upload(**place)["UploadId"]
        parts = [
            {
                "PartNumber": number,
                "ETag": self.s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=b"x" * size)[
                    "ETag"
                ],
            }
            for number, size in ((1, first), (2, 1))
        ]
        return self.s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})

    def definition(self, size: int) -> Any:
        text = json.dumps({"Comment": "", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
        text = text.replace('"Comment": ""', f'"Comment": "{"x" * (size - len(text))}"')
        return self.states.create_state_machine(name=unique("m"), definition=text, roleArn=ROLE)


@pytest.fixture(scope="module")
def bench(_platform: Platform) -> Bench:
    return Bench(_platform)


Call = Callable[[Bench], Any]
LENGTH = "Member must have length less than or equal to"
CASES: dict[str, tuple[Call | None, Call, str, str]] = {
    "S3 key": (
        lambda b: b.put("a" * 1024),
        lambda b: b.put("a" * 1025),
        "KeyTooLongError",
        "Your key is too long",
    ),
    "S3 key in bytes": (
        lambda b: b.put("ü" * 512),
        lambda b: b.put("ü" * 512 + "a"),
        "KeyTooLongError",
        "Your key is too long",
    ),
    "S3 key of a copy": (
        None,
        lambda b: b.s3.copy_object(Bucket=b.bucket, Key="c" * 1025, CopySource=f"{b.bucket}/x"),
        "KeyTooLongError",
        "too long",
    ),
    "S3 metadata": (
        lambda b: b.put("m", Metadata={"a": "x" * 2047}),
        lambda b: b.put("m", Metadata={"a": "x" * 2048}),
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
    ),
    "S3 DeleteObjects": (
        lambda b: b.s3.delete_objects(
            Bucket=b.bucket, Delete={"Objects": [{"Key": str(n)} for n in range(1000)]}
        ),
        lambda b: b.s3.delete_objects(
            Bucket=b.bucket, Delete={"Objects": [{"Key": str(n)} for n in range(1001)]}
        ),
        "MalformedXML",
        "not well-formed",
    ),
    "S3 part": (
        lambda b: b.upload(5 * MIB),
        lambda b: b.upload(5 * MIB - 1),
        "EntityTooSmall",
        "minimum allowed size",
    ),
    "SQS message": (
        lambda b: b.sqs.send_message(QueueUrl=b.queue, MessageBody="x" * MIB),
        lambda b: b.sqs.send_message(QueueUrl=b.queue, MessageBody="x" * (MIB + 1)),
        "InvalidParameterValue",
        "Message must be shorter than 1048576 bytes",
    ),
    "SQS batch": (
        lambda b: b.send(MIB // 2, MIB // 2),
        lambda b: b.send(MIB // 2, MIB // 2 + 1),
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes",
    ),
    "SQS entries": (
        lambda b: b.send(*[1] * 10),
        lambda b: b.send(*[1] * 11),
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "A maximum of 10",
    ),
    "SQS delay": (
        lambda b: b.sqs.send_message(QueueUrl=b.queue, MessageBody="x", DelaySeconds=900),
        lambda b: b.sqs.send_message(QueueUrl=b.queue, MessageBody="x", DelaySeconds=901),
        "InvalidParameterValue",
        "DelaySeconds must be >= 0 and <= 900",
    ),
    "SNS message": (
        lambda b: b.sns.publish(TopicArn=b.topic, Message="x" * 256 * KIB),
        lambda b: b.sns.publish(TopicArn=b.topic, Message="x" * (256 * KIB + 1)),
        "InvalidParameter",
        "Message too long",
    ),
    "SNS subject": (
        lambda b: b.sns.publish(TopicArn=b.topic, Message="x", Subject="ü" * 99),
        lambda b: b.sns.publish(TopicArn=b.topic, Message="x", Subject="s" * 100),
        "InvalidParameter",
        "Invalid parameter: Subject",
    ),
    "SNS subject in one line": (
        None,
        lambda b: b.sns.publish(TopicArn=b.topic, Message="x", Subject="a\nb"),
        "InvalidParameter",
        "Invalid parameter: Subject",
    ),
    "EventBridge request": (
        lambda b: b.publish_events(MIB // 2, MIB // 2),
        lambda b: b.publish_events(MIB // 2, MIB // 2 + 1),
        "ValidationException",
        "Total size of the entries in the request is over the limit",
    ),
    "EventBridge entries": (
        lambda b: b.publish_events(*[20] * 10),
        lambda b: b.publish_events(*[20] * 11),
        "ValidationException",
        f"{LENGTH} 10",
    ),
    "EventBridge pattern": (
        lambda b: b.events.put_rule(
            Name=unique("r"), EventPattern=json.dumps({"source": ["x" * (2048 - 16)]})
        ),
        lambda b: b.events.put_rule(
            Name=unique("r"), EventPattern=json.dumps({"source": ["x" * (2048 - 15)]})
        ),
        "InvalidEventPatternException",
        "Event pattern is not valid",
    ),
    "EventBridge template": (
        lambda b: b.transform(template=8192),
        lambda b: b.transform(template=8193),
        "ValidationException",
        f"{LENGTH} 8192",
    ),
    "EventBridge paths": (
        lambda b: b.transform(paths=100),
        lambda b: b.transform(paths=101),
        "ValidationException",
        f"{LENGTH} 100",
    ),
    "EventBridge targets": (
        lambda b: b.targets(5),
        lambda b: b.targets(6),
        "LimitExceededException",
        "exceeds the maximum number allowed",
    ),
    "DynamoDB item": (
        lambda b: b.table.put_item(TableName=b.items, Item=b.item(400 * KIB - 5)),
        lambda b: b.table.put_item(TableName=b.items, Item=b.item(400 * KIB - 4)),
        "ValidationException",
        "Item size has exceeded the maximum allowed size",
    ),
    "DynamoDB partition key": (
        lambda b: b.table.put_item(TableName=b.items, Item=b.item(1, "h" * 2048)),
        lambda b: b.table.put_item(TableName=b.items, Item=b.item(1, "h" * 2049)),
        "ValidationException",
        "size limit of 2048 bytes",
    ),
    "DynamoDB sort key": (
        lambda b: b.table.put_item(TableName=b.items, Item=b.item(1, "h", "r" * 1024)),
        lambda b: b.table.put_item(TableName=b.items, Item=b.item(1, "h", "r" * 1025)),
        "ValidationException",
        "size limit of 1024 bytes",
    ),
    "DynamoDB batch of writes": (
        lambda b: b.table.batch_write_item(
            RequestItems={b.items: [{"PutRequest": {"Item": b.item(1, str(n))}} for n in range(25)]}
        ),
        lambda b: b.table.batch_write_item(
            RequestItems={b.items: [{"PutRequest": {"Item": b.item(1, str(n))}} for n in range(26)]}
        ),
        "ValidationException",
        f"{LENGTH} 25",
    ),
    "DynamoDB batch of reads": (
        lambda b: b.table.batch_get_item(
            RequestItems={b.items: {"Keys": [{"h": {"S": str(n)}, "r": {"S": "r"}} for n in range(100)]}}
        ),
        lambda b: b.table.batch_get_item(
            RequestItems={b.items: {"Keys": [{"h": {"S": str(n)}, "r": {"S": "r"}} for n in range(101)]}}
        ),
        "ValidationException",
        f"{LENGTH} 100",
    ),
    "DynamoDB transaction": (
        lambda b: b.table.transact_write_items(
            TransactItems=[{"Put": {"TableName": b.items, "Item": b.item(1, str(n))}} for n in range(100)]
        ),
        lambda b: b.table.transact_write_items(
            TransactItems=[{"Put": {"TableName": b.items, "Item": b.item(1, str(n))}} for n in range(101)]
        ),
        "ValidationException",
        f"{LENGTH} 100",
    ),
    "DynamoDB transaction of 4 MB": (
        None,
        lambda b: b.table.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": b.items, "Item": b.item(390 * KIB, str(n))}} for n in range(11)
            ]
        ),
        "ValidationException",
        "exceeds the 4MB transaction size limit",
    ),
    "DynamoDB expression": (
        lambda b: b.scan("n" * (4096 - 5) + " = :v", v="a"),
        lambda b: b.scan("n" * (4097 - 5) + " = :v", v="a"),
        "ValidationException",
        "Expression size has exceeded the maximum allowed size",
    ),
    "DynamoDB operands": (
        lambda b: b.scan(
            f"v IN ({','.join(f':v{n}' for n in range(100))})", **{f"v{n}": "a" for n in range(100)}
        ),
        lambda b: b.scan(
            f"v IN ({','.join(f':v{n}' for n in range(101))})", **{f"v{n}": "a" for n in range(101)}
        ),
        "ValidationException",
        "number of operands: 101",
    ),
    "DynamoDB operators": (
        lambda b: b.scan("v=:v" + " OR v=:v" * 149, v="a"),
        lambda b: b.scan("v=:v" + " OR v=:v" * 150, v="a"),
        "ValidationException",
        "too many operators; operator count: 301",
    ),
    "SSM parameter": (
        lambda b: b.ssm.put_parameter(Name="/limits/a", Value="x" * 4096, Type="String", Overwrite=True),
        lambda b: b.ssm.put_parameter(Name="/limits/a", Value="x" * 4097, Type="String", Overwrite=True),
        "ValidationException",
        "Standard tier parameters support a maximum parameter value of 4096 characters",
    ),
    "SSM advanced parameter": (
        lambda b: b.ssm.put_parameter(
            Name="/limits/b", Value="x" * 8192, Type="String", Tier="Advanced", Overwrite=True
        ),
        lambda b: b.ssm.put_parameter(
            Name="/limits/b", Value="x" * 8193, Type="String", Tier="Advanced", Overwrite=True
        ),
        "ValidationException",
        "8192 characters",
    ),
    "SSM names": (
        lambda b: b.ssm.get_parameters(Names=[f"/limits/{n}" for n in range(10)]),
        lambda b: b.ssm.get_parameters(Names=[f"/limits/{n}" for n in range(11)]),
        "ValidationException",
        f"{LENGTH} 10",
    ),
    "log event": (
        lambda b: b.log(MIB - 26),
        lambda b: b.log(MIB - 25),
        "InvalidParameterException",
        "Log event too large: 1048577 bytes exceeds limit of 1048576",
    ),
    "log batch": (
        lambda b: b.log(MIB // 2 - 26, MIB // 2 - 26),
        lambda b: b.log(MIB // 2 - 26, MIB // 2 - 25),
        "InvalidParameterException",
        "Upload too large: 1048577 bytes exceeds limit of 1048576",
    ),
    "log events": (
        lambda b: b.log(*[1] * 10_000),
        lambda b: b.log(*[1] * 10_001),
        "ValidationException",
        f"{LENGTH} 10000",
    ),
    "Lambda request": (
        lambda b: b.invoke(6 * MIB),
        lambda b: b.invoke(6 * MIB + 1),
        "RequestEntityTooLargeException",
        "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)",
    ),
    "Lambda event": (
        lambda b: b.invoke(MIB, "Event"),
        lambda b: b.invoke(MIB + 1, "Event"),
        "RequestEntityTooLargeException",
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    ),
    "Lambda payload": (
        None,
        lambda b: b.lambdas.invoke(FunctionName=b.echo, Payload=b"nope"),
        "InvalidRequestContentException",
        "Could not parse request body into json",
    ),
    "Lambda environment": (
        lambda b: b.function(Environment={"Variables": {"AB": "x" * (4096 - 9)}}),
        lambda b: b.function(Environment={"Variables": {"AB": "x" * (4096 - 8)}}),
        "InvalidParameterValueException",
        "exceeded the 4KB limit",
    ),
    "Lambda layers": (
        None,
        lambda b: b.function(
            Layers=[f"arn:aws:lambda:af-south-1:000000000000:layer:l{n}:1" for n in range(6)]
        ),
        "InvalidParameterValueException",
        "Cannot reference more than 5 layers.",
    ),
    "Lambda time-out": (
        lambda b: b.function(Timeout=900),
        lambda b: b.function(Timeout=901),
        "ValidationException",
        "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than",
    ),
    "Lambda memory": (
        lambda b: b.function(MemorySize=10_240),
        lambda b: b.function(MemorySize=10_241),
        "ValidationException",
        "Value '10241' at 'memorySize'",
    ),
    "Lambda /tmp": (
        lambda b: b.function(EphemeralStorage={"Size": 10_240}),
        lambda b: b.function(EphemeralStorage={"Size": 10_241}),
        "ValidationException",
        "less than or equal to 10240",
    ),
    "Step Functions definition": (
        lambda b: b.definition(MIB),
        lambda b: b.definition(MIB + 1),
        "ValidationException",
        f"{LENGTH} 1048576",
    ),
    "Step Functions input": (
        lambda b: b.start(given=json.dumps("x" * (256 * KIB - 2))),
        lambda b: b.start(given=json.dumps("x" * (256 * KIB - 1))),
        "ValidationException",
        f"{LENGTH} 262144",
    ),
    "Step Functions input in bytes": (
        lambda b: b.start(given='"' + "ü" * (128 * KIB - 1) + '"'),
        lambda b: b.start(given='"' + "ü" * (128 * KIB) + '"'),
        "ValidationException",
        f"{LENGTH} 262144",
    ),
    "Step Functions input of JSON": (
        None,
        lambda b: b.start(given="nope"),
        "InvalidExecutionInput",
        "Invalid State Machine Execution Input",
    ),
    "Step Functions name": (
        lambda b: b.start(unique("e").ljust(80, "a")),
        lambda b: b.start(unique("e").ljust(81, "a")),
        "ValidationException",
        f"{LENGTH} 80",
    ),
    "Step Functions name's letters": (
        lambda b: b.start(unique("2026-02-10_INV-001.csv")),
        lambda b: b.start("a:b"),
        "InvalidName",
        "Invalid Name: 'a:b'",
    ),
    "Step Functions token": (
        None,
        lambda b: b.states.send_task_success(taskToken="t" * 2049, output="{}"),
        "ValidationException",
        f"{LENGTH} 2048",
    ),
    "Step Functions task's output": (
        None,
        lambda b: b.states.send_task_success(taskToken="t", output=json.dumps("x" * 256 * KIB)),
        "ValidationException",
        f"{LENGTH} 262144",
    ),
    "Step Functions cause": (
        None,
        lambda b: b.states.send_task_failure(taskToken="t", cause="x" * 32_769),
        "ValidationException",
        f"{LENGTH} 32768",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_just_below_passes_and_just_above_is_refused_in_awss_words(bench: Bench, name: str) -> None:
    below, above, code, words = CASES[name]
    if below is not None:
        below(bench)
    with pytest.raises(ClientError) as refused:
        above(bench)
    error = refused.value.response["Error"]
    assert error["Code"] == code
    assert words in error["Message"]


def test_one_bad_event_fails_alone(bench: Bench) -> None:
    good = {"Source": "ona", "DetailType": "d", "Detail": "{}"}
    entries = [good, {**good, "Detail": "nope"}, {**good, "DetailType": ""}, good]
    entries += [{**good, "DetailType": "d" * 128}, {**good, "DetailType": "d" * 129}]
    answer = bench.events.put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 3
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == [None, "MalformedDetail", "InvalidArgument", None, None, "InvalidArgument"]


def test_a_batch_of_reads_returns_16_mb_and_names_the_rest(bench: Bench) -> None:
    for number in range(42):
        bench.table.put_item(TableName=bench.items, Item=bench.item(400 * KIB - 20, "many", str(number)))
    keys = [{"h": {"S": "many"}, "r": {"S": str(number)}} for number in range(42)]
    answer = bench.table.batch_get_item(RequestItems={bench.items: {"Keys": keys}})
    late = answer["UnprocessedKeys"][bench.items]["Keys"]
    assert (len(answer["Responses"][bench.items]), len(late)) == (40, 2)
    page = bench.table.query(
        TableName=bench.items,
        KeyConditionExpression="h = :h",
        ExpressionAttributeValues={":h": {"S": "many"}},
    )
    assert "LastEvaluatedKey" in page, "a page of a query has 1 MB"


def test_a_response_is_as_large_as_lambda_allows(bench: Bench) -> None:
    def answer(size: int) -> dict[str, Any]:
        given = json.dumps({"n": size})
        return dict(bench.lambdas.invoke(FunctionName=bench.echo, Payload=given))

    most = 6 * MIB + 100 - 2
    assert "FunctionError" not in answer(most)
    refused = answer(most + 1)
    assert refused["FunctionError"] == "Unhandled"
    body = json.loads(refused["Payload"].read())
    assert body["errorType"] == "Function.ResponseSizeTooLarge"
    assert "exceeded maximum allowed payload size (6291556 bytes)" in body["errorMessage"]


def test_a_start_with_the_same_name_is_one_start(bench: Bench) -> None:
    waits = bench.lab.machine(
        {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 999, "End": True}}}
    )
    given = {"stateMachineArn": waits, "name": unique("e"), "input": '{"a": 1}'}
    first = bench.states.start_execution(**given)
    again = bench.states.start_execution(**given)
    assert first["executionArn"] == again["executionArn"]
    assert first["startDate"] == again["startDate"]
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        bench.states.start_execution(**{**given, "input": '{"a": 2}'})
    bench.states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError, match="Execution Already Exists: '"):
        bench.states.start_execution(**given)


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        (
            "AWS::Events::Rule",
            {"EventPattern": {"source": ["x" * 2048]}, "State": "ENABLED"},
            "Event pattern is not valid",
        ),
        (
            "AWS::Lambda::Function",
            {
                "Runtime": "python3.13",
                "Handler": "app.handler",
                "Role": ROLE,
                "Code": {"ZipFile": "x"},
                "Environment": {"Variables": {"AB": "x" * 4096}},
            },
            "exceeded the 4KB limit",
        ),
        (
            "AWS::SSM::Parameter",
            {"Type": "String", "Value": "x" * 4097},
            "maximum parameter value of 4096 characters",
        ),
    ],
)
def test_a_deployment_is_refused_as_the_service_refuses(
    bench: Bench, kind: str, properties: dict[str, Any], words: str
) -> None:
    formation = bench.lab.platform.target.client("cloudformation")
    name = unique("limits")
    template = json.dumps({"Resources": {"Thing": {"Type": kind, "Properties": properties}}})
    formation.create_stack(StackName=name, TemplateBody=template, OnFailure="DO_NOTHING")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    assert status.endswith("FAILED")
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    assert any(words in event.get("ResourceStatusReason", "") for event in events)
