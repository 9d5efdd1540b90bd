"""The integrations that our workflows may use: what each demands of arguments and role, and its answer.

An integration is added here with its source. One that is not here is an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ops.conformance import arguments
from ops.conformance.expressions import sample
from ops.conformance.findings import GUIDE
from ops.conformance.machines import Machine
from ops.conformance.policy import ANY, Need
from ops.conformance.rendered import ACCOUNT, REGION

PREFIX = "arn:aws:states:::"
_HTTP_FIELDS = {"SdkHttpMetadata", "SdkResponseMetadata"}
_LAMBDA_FIELDS = {"ExecutedVersion", "Payload", "StatusCode", *_HTTP_FIELDS}


@dataclass(frozen=True)
class Call:
    """One use of an integration by a state."""

    where: str
    arguments: dict[str, Any]
    pattern: str
    machine: Machine
    source: str

    def text(self, name: str) -> str:
        """An argument as text, with ANY for what is known only at run time."""
        return sample(self.arguments.get(name, ""))

    def need(self, action: str, resource: str | None, why: str = "") -> Need:
        """A demand on the role."""
        return Need(action, resource, self.where, why or f"{self.where} calls it", self.source)


@dataclass(frozen=True)
class Integration:
    """A service's action, as a Task's `Resource` names it."""

    service: str
    action: str
    source: str
    needs: Callable[[Call], Iterator[Need]]
    errors: str
    """What stands before the dot of its errors."""
    patterns: frozenset[str] = frozenset({""})
    free: frozenset[str] = frozenset()
    """Arguments that take any JSON."""
    fields: frozenset[str] = frozenset()
    """First level of the answer where it is not that of the service's model."""
    own_errors: bool = False
    """Whether the code behind it may fail with names of its own."""
    sync_shape: tuple[str, str] = field(default=("", ""))
    """Operation and path of the answer with `.sync`."""

    @property
    def operation(self) -> Any:
        """The service's model of the action."""
        return arguments.operation(self.service, self.action)


def _lambda(call: Call) -> Iterator[Need]:
    function = call.text("FunctionName")
    if not function.startswith("arn:"):
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    qualifier = f":{call.text('Qualifier')}" if "Qualifier" in call.arguments else ""
    yield call.need("lambda:InvokeFunction", function + qualifier)


def _queue(call: Call) -> Iterator[Need]:
    url = call.text("QueueUrl")
    parts = url.removeprefix("https://").split("/")
    arn = f"arn:aws:sqs:{REGION}:{parts[1]}:{parts[2]}" if len(parts) == 3 else ANY
    yield call.need("sqs:SendMessage", arn)


def _topic(call: Call) -> Iterator[Need]:
    yield call.need("sns:Publish", call.text("TopicArn"))


def _table(action: str) -> Callable[[Call], Iterator[Need]]:
    def needs(call: Call) -> Iterator[Need]:
        name = call.text("TableName")
        yield call.need(f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")

    return needs


def _events(call: Call) -> Iterator[Need]:
    for entry in call.arguments.get("Entries", []):
        bus = sample(entry.get("EventBusName", "default"))
        arn = bus if bus.startswith("arn:") else f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"
        yield call.need("events:PutEvents", arn)


def _managed_rule(call: Call, name: str) -> Iterator[Need]:
    """Step Functions hears of the end by its own rule; CreateStateMachine refuses a role without it."""
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"
    for action in ("PutTargets", "PutRule", "DescribeRule"):
        yield call.need(f"events:{action}", rule, f"{call.where} waits by a managed rule (.sync)")


def _ecs(call: Call) -> Iterator[Need]:
    definition = call.text("TaskDefinition")
    arn = definition if definition.startswith("arn:") else f"arn:aws:ecs:{REGION}:{ACCOUNT}:{definition}"
    yield call.need("ecs:RunTask", arn)
    task = call.machine.resource("AWS::ECS::TaskDefinition", definition)
    properties = task["Properties"] if task else {}
    for kind in ("TaskRoleArn", "ExecutionRoleArn"):
        if kind in properties or task is None:
            why = f"{call.where} hands the task its {kind}"
            yield call.need("iam:PassRole", properties.get(kind, ANY), why)
    if call.pattern == "sync":
        cluster = call.text("Cluster").rsplit("/", 1)[-1] or "default"
        for action in ("StopTask", "DescribeTasks"):
            yield call.need(f"ecs:{action}", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/{ANY}")
        yield from _managed_rule(call, "StepFunctionsGetEventsForECSTaskRule")


def _start(call: Call) -> Iterator[Need]:
    machine = call.text("StateMachineArn")
    yield call.need("states:StartExecution", machine)
    if call.pattern.startswith("sync"):
        execution = machine.replace(":stateMachine:", ":execution:")
        for action in ("DescribeExecution", "StopExecution"):
            yield call.need(f"states:{action}", f"{execution}:{ANY}")
        yield from _managed_rule(call, "StepFunctionsGetEventsForStepFunctionsExecutionRule")


def _object(*actions: str) -> Callable[[Call], Iterator[Need]]:
    def needs(call: Call) -> Iterator[Need]:
        for action in actions:
            yield call.need(f"s3:{action}", f"arn:aws:s3:::{call.text('Bucket')}/{call.text('Key')}")
        if "Tagging" in call.arguments:
            yield call.need("s3:PutObjectTagging", f"arn:aws:s3:::{call.text('Bucket')}/{call.text('Key')}")

    return needs


def _listing(call: Call) -> Iterator[Need]:
    yield call.need("s3:ListBucket", f"arn:aws:s3:::{call.text('Bucket')}")


def _copy(call: Call) -> Iterator[Need]:
    """The copy keeps tags (TaggingDirective COPY), so reading and writing them is demanded too."""
    yield from _object("PutObject", "PutObjectTagging")(call)
    source = call.text("CopySource")
    bucket, _, key = source.split("?")[0].partition("/")
    started_by = list(call.machine.objects()) if ANY in bucket else [f"{bucket}/{key}"]
    resources: list[str | None] = [f"arn:aws:s3:::{place}" for place in started_by]
    actions = ["GetObject", "GetObjectTagging"]
    if "versionId=" in str(call.arguments.get("CopySource")):
        actions += ["GetObjectVersion", "GetObjectVersionTagging"]
    for action in actions:
        for resource in resources or [None]:
            yield call.need(f"s3:{action}", resource, f"{call.where} reads what it copies")


def _map_run(call: Call) -> Iterator[Need]:
    arn = call.text("MapRunArn")
    own = call.machine.arn.replace(":stateMachine:", ":mapRun:") + f"/{ANY}:{ANY}"
    yield call.need("states:DescribeMapRun", own if arn == ANY else arn)


def _answer(action: str) -> Callable[[Call], Iterator[Need]]:
    def needs(call: Call) -> Iterator[Need]:
        yield call.need(f"states:{action}", ANY, "the service authorization reference gives it no resource")

    return needs


_CALLBACK = frozenset({"", "waitForTaskToken"})
_SDK_S3 = GUIDE + "connect-to-services.html"
OPTIMISED = {
    "lambda:invoke": Integration(
        "lambda",
        "invoke",
        GUIDE + "connect-lambda.html",
        _lambda,
        "Lambda",
        _CALLBACK,
        frozenset({"Payload"}),
        frozenset(_LAMBDA_FIELDS),
        own_errors=True,
    ),
    "sqs:sendMessage": Integration(
        "sqs",
        "sendMessage",
        GUIDE + "connect-sqs.html",
        _queue,
        "SQS",
        _CALLBACK,
        frozenset({"MessageBody"}),
    ),
    "sns:publish": Integration(
        "sns", "publish", GUIDE + "connect-sns.html", _topic, "SNS", _CALLBACK, frozenset({"Message"})
    ),
    "events:putEvents": Integration(
        "events",
        "putEvents",
        GUIDE + "connect-eventbridge.html",
        _events,
        "EventBridge",
        _CALLBACK,
        frozenset({"Detail"}),
    ),
    "ecs:runTask": Integration(
        "ecs",
        "runTask",
        GUIDE + "connect-ecs.html",
        _ecs,
        "ECS",
        frozenset({"", "sync", "waitForTaskToken"}),
        own_errors=False,
        sync_shape=("describeTasks", "tasks"),
    ),
    "states:startExecution": Integration(
        "stepfunctions",
        "startExecution",
        GUIDE + "connect-stepfunctions.html",
        _start,
        "StepFunctions",
        frozenset({"", "sync", "sync:2", "waitForTaskToken"}),
        frozenset({"Input"}),
        sync_shape=("describeExecution", ""),
    ),
    **{
        f"dynamodb:{action}": Integration(
            "dynamodb", action, GUIDE + "connect-ddb.html", _table(arguments.pascal(action)), "DynamoDB"
        )
        for action in ("getItem", "putItem", "updateItem", "deleteItem")
    },
}
SDK = {
    "s3:putObject": Integration(
        "s3", "putObject", _SDK_S3, _object("PutObject"), "S3", _CALLBACK, frozenset({"Body"})
    ),
    "s3:getObject": Integration("s3", "getObject", _SDK_S3, _object("GetObject"), "S3", _CALLBACK),
    "s3:deleteObject": Integration("s3", "deleteObject", _SDK_S3, _object("DeleteObject"), "S3", _CALLBACK),
    "s3:listObjectsV2": Integration("s3", "listObjectsV2", _SDK_S3, _listing, "S3", _CALLBACK),
    "s3:copyObject": Integration(
        "s3",
        "copyObject",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html",
        _copy,
        "S3",
        _CALLBACK,
    ),
    "sqs:sendMessage": Integration(
        "sqs", "sendMessage", GUIDE + "connect-sqs.html", _queue, "Sqs", _CALLBACK
    ),
    "eventbridge:putEvents": Integration(
        "events", "putEvents", GUIDE + "connect-eventbridge.html", _events, "EventBridge", _CALLBACK
    ),
    "sfn:describeMapRun": Integration(
        "stepfunctions",
        "describeMapRun",
        "https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html",
        _map_run,
        "Sfn",
    ),
    **{
        f"sfn:{action}": Integration(
            "stepfunctions",
            action,
            "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html",
            _answer(arguments.pascal(action)),
            "Sfn",
        )
        for action in ("sendTaskSuccess", "sendTaskFailure", "sendTaskHeartbeat")
    },
    **{
        f"dynamodb:{action}": Integration(
            "dynamodb", action, GUIDE + "connect-ddb.html", _table(arguments.pascal(action)), "DynamoDb"
        )
        for action in ("getItem", "putItem", "updateItem", "deleteItem", "query")
    },
}


def find(resource: str) -> tuple[Integration | None, str]:
    """The integration that a `Resource` names, and its pattern (`sync`, `waitForTaskToken` or none).

    >>> find("arn:aws:states:::ecs:runTask.sync")[1], find("arn:aws:states:::ecs:runtask")[0]
    ('sync', None)
    """
    name, _, pattern = resource.removeprefix(PREFIX).partition(".")
    if name.startswith("aws-sdk:"):
        return SDK.get(name.removeprefix("aws-sdk:")), pattern
    return OPTIMISED.get(name), pattern
