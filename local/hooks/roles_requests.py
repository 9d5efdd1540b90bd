"""Roles: which permissions a request needs, where ministack's own reading of it falls short.

Each correction names what AWS does. Source of all of them: the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/), one page a service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from local.hooks.roles_operations import unqualified

Json = dict[str, Any]
Context = dict[str, Any]
"""Condition keys and their values."""


@dataclass(frozen=True)
class Request:
    """A call of the API as it came in."""

    service: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, Any]
    region: str
    account: str

    @property
    def fields(self) -> Json:
        """The members of the call: a JSON or CBOR body, else the query and the form."""
        try:
            given = json.loads(self.body)
        except ValueError:
            given = _cbor(self.body) if "cbor" in self.headers.get("content-type", "") else None
        if isinstance(given, dict):
            return given
        return {key: item[0] if isinstance(item, list) else item for key, item in self.params.items()}

    def parameter(self, name: str) -> str:
        """A parameter of the query, or an empty text."""
        value = self.params.get(name) or ""
        return str(value[0] if isinstance(value, list) else value)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in the call's region and account."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Need:
    """One permission that a call needs. `beside`: it is asked for beside the call, and is none itself."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    beside: bool = False


def _cbor(body: bytes) -> Any:
    from botocore.parsers import BaseCBORParser

    try:
        return BaseCBORParser().parse_data_item(BytesIO(body))
    except Exception:
        return None


_BATCHES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
    "s3:HeadObject": "s3:GetObject",
}
"""Operations that have no permission of their own."""


def needs(action: str, resource: str, request: Request, key_names: Callable[[str, str], str]) -> list[Need]:
    """The permissions instead of ministack's one: the right resource, and the keys of conditions.

    `key_names` gives the partition key of a DynamoDB table, or of one of its indexes.
    """
    action = _BATCHES.get(action, action)
    fields = request.fields
    if action == "events:PutEvents":
        return list(_put_events(action, request, fields))
    if action == "ssm:GetParameters":
        return [Need(action, _parameter(request, name)) for name in fields.get("Names", [])]
    context: Context = {}
    if request.service == "dynamodb":
        context = leading_keys(action, fields, key_names, resource)
    elif action == "cloudwatch:PutMetricData":
        context = {"cloudwatch:namespace": fields.get("Namespace")}
    elif action == "sns:Subscribe":
        context = {"sns:Protocol": fields.get("Protocol"), "sns:Endpoint": fields.get("Endpoint")}
    elif action in ("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks"):
        context = {"ecs:cluster": _cluster(request, fields)}
    return [Need(action, _resource(action, resource, request, fields), context)]


def _put_events(action: str, request: Request, fields: Json) -> Iterator[Need]:
    """Each entry is judged by itself, with its source and its detail type."""
    for entry in fields.get("Entries", []):
        bus = entry.get("EventBusName") or "default"
        resource = bus if bus.startswith("arn:") else request.arn("events", f"event-bus/{bus}")
        context = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
        yield Need(action, resource, context)


def _resource(action: str, resource: str, request: Request, fields: Json) -> str:
    """The resource that AWS checks, where ministack names another or none."""
    service, _, name = action.partition(":")
    if action == "lambda:CreateFunction":  # ministack asks for *, as no name is in the path
        made = str(fields.get("FunctionName", "")).rpartition(":function:")[2]
        return request.arn("lambda", f"function:{made}")
    if (
        service == "lambda"
        and (alias := request.parameter("Qualifier"))
        and alias not in resource.split(":")[7:]
    ):
        return f"{resource}:{alias}"
    if service == "events" and (rule := fields.get("Rule") or fields.get("Name")):
        bus = str(fields.get("EventBusName") or "default").rsplit("/", 1)[-1]
        return request.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")
    if action == "ecs:RunTask":
        task = str(fields.get("taskDefinition", ""))
        return task if task.startswith("arn:") else request.arn("ecs", f"task-definition/{task}")
    if service == "ecs" and (tasks := fields.get("tasks") or [fields.get("task")])[0]:
        first = str(tasks[0])
        cluster = _cluster(request, fields).rsplit("/", 1)[-1]
        return first if first.startswith("arn:") else request.arn("ecs", f"task/{cluster}/{first}")
    if service == "logs" and (group := fields.get("logGroupName")):
        if stream := fields.get("logStreamName"):
            return request.arn("logs", f"log-group:{group}:log-stream:{stream}")
        return request.arn(
            "logs", f"log-group:{group}:*" if name != "CreateLogGroup" else f"log-group:{group}"
        )
    if service == "sns" and (subscription := fields.get("SubscriptionArn")):
        return str(subscription).rsplit(":", 1)[0]
    if service == "states":
        if run := fields.get("mapRunArn"):
            return str(run)
        return unqualified(str(fields.get("stateMachineAliasArn") or resource))  # ministack asks for *
    if service == "scheduler" and "/schedules/" in request.path:
        group = fields.get("GroupName") or request.parameter("groupName") or "default"
        return request.arn("scheduler", f"schedule/{group}/{unquote(request.path.rsplit('/', 1)[-1])}")
    if action == "ssm:GetParametersByPath":
        return _parameter(request, str(fields.get("Path", "")))
    return resource


def _parameter(request: Request, name: str) -> str:
    return name if name.startswith("arn:") else request.arn("ssm", f"parameter/{name.strip('/')}")


def _cluster(request: Request, fields: Json) -> str:
    cluster = str(fields.get("cluster") or "default")
    return cluster if cluster.startswith("arn:") else request.arn("ecs", f"cluster/{cluster}")


def leading_keys(
    action: str, fields: Json, key_names: Callable[[str, str], str], resource: str = ""
) -> Context:
    """`dynamodb:LeadingKeys`: the partition keys that a call names. A Scan names none.

    A transaction is judged write by write: the rights of each are those of its own operation ("Using IAM
    with DynamoDB transactions"), so that each `action` on a table has only the keys of its own writes.

    Source: Amazon DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control".

    >>> call = {"TableName": "t", "Key": {"id": {"S": "ana"}, "n": {"N": "1"}}}
    >>> leading_keys("dynamodb:GetItem", call, lambda table, index: "id")
    {'dynamodb:LeadingKeys': ['ana']}
    >>> call = {"TableName": "t", "KeyConditionExpression": "#k = :k AND n > :n",
    ...         "ExpressionAttributeNames": {"#k": "id"}, "ExpressionAttributeValues": {":k": {"S": "ben"}}}
    >>> leading_keys("dynamodb:Query", call, lambda table, index: "id")
    {'dynamodb:LeadingKeys': ['ben']}
    >>> call = {"TransactItems": [{"Update": {"TableName": "t", "Key": {"id": {"S": "ana"}}}},
    ...                           {"Update": {"TableName": "u", "Key": {"id": {"S": "eve"}}}},
    ...                           {"Put": {"TableName": "t", "Item": {"id": {"S": "ben"}}}}]}
    >>> leading_keys("dynamodb:UpdateItem", call, lambda table, index: "id", "arn:aws:dynamodb:r:1:table/t")
    {'dynamodb:LeadingKeys': ['ana']}
    """
    found: list[str] = []
    of_resource = resource.rpartition(":table/")[2]

    def take(table: str, item: Any) -> None:
        value = item.get(key_names(table, "")) if isinstance(item, dict) else None
        if isinstance(value, dict) and value:
            found.append(str(next(iter(value.values()))))

    table = str(fields.get("TableName", ""))
    for member in ("Key", "Item"):
        take(table, fields.get(member))
    for name, asked in (fields.get("RequestItems") or {}).items():
        if isinstance(asked, dict):
            for key in asked.get("Keys", []):
                take(name, key)
        else:
            for write in asked:
                take(name, (write.get("PutRequest") or {}).get("Item"))
                take(name, (write.get("DeleteRequest") or {}).get("Key"))
    for operation in fields.get("TransactItems") or []:
        for kind, part in operation.items():
            table_of_part = str(part.get("TableName", ""))
            if action in (f"dynamodb:{kind}Item", f"dynamodb:{kind}") and of_resource in (
                "",
                table_of_part,
            ):
                take(table_of_part, part.get("Key") or part.get("Item"))
    if expression := fields.get("KeyConditionExpression"):
        name = key_names(table, str(fields.get("IndexName") or ""))
        names = {item: alias for alias, item in (fields.get("ExpressionAttributeNames") or {}).items()}
        words = "|".join(re.escape(word) for word in (name, names.get(name)) if word)
        match = re.search(rf"(?:^|[\s(])(?:{words})\s*=\s*(:\w+)", str(expression))
        value = (fields.get("ExpressionAttributeValues") or {}).get(match[1]) if match else None
        if value:
            found.append(str(next(iter(value.values()))))
    return {"dynamodb:LeadingKeys": found} if found else {}


_PASSING = ("Create", "Update", "Put", "Run", "Start", "Register", "Submit")
"""How actions begin that hand a role to a service."""
_PASSED_TO = {"ecs": "ecs-tasks", "elasticmapreduce": "elasticmapreduce", "iam": "", "sts": ""}
"""Services whose principal is not named as their actions are; empty: takes no role."""
_ROLE_FIELD = re.compile(r"role(_?arn)?$", re.IGNORECASE)
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def passed_roles(action: str, fields: Json, of_task: Callable[[str], list[str]]) -> list[Need]:
    """`iam:PassRole` for every role that a call hands to a service.

    `of_task` gives the roles of an ECS task definition, which RunTask hands on.
    Source: AWS IAM user guide, "Grant a user permissions to pass a role to an AWS service".

    >>> call = {"name": "m", "definition": "{}", "roleArn": "arn:aws:iam::000000000000:role/r"}
    >>> [(need.action, need.resource) for need in passed_roles("states:CreateStateMachine", call, list)]
    [('iam:PassRole', 'arn:aws:iam::000000000000:role/r')]
    >>> passed_roles("states:ListStateMachines", call, list)
    []
    """
    namespace, _, name = action.partition(":")
    receiver = _PASSED_TO.get(namespace, namespace)
    if not receiver or not name.startswith(_PASSING):
        return []
    roles = list(_roles_in(fields))
    if action in ("ecs:RunTask", "ecs:StartTask"):
        roles += of_task(str(fields.get("taskDefinition", "")))
    context = {"iam:PassedToService": f"{receiver}.amazonaws.com"}
    return [Need("iam:PassRole", role, context) for role in dict.fromkeys(roles)]


def _roles_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                if _ROLE_FIELD.search(key) and _ROLE_ARN.fullmatch(item):
                    yield item
            else:
                yield from _roles_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _roles_in(item)


_HEADER_NEEDS = {
    "x-amz-tagging": "s3:PutObjectTagging",
    "x-amz-acl": "s3:PutObjectAcl",
    "x-amz-object-lock-mode": "s3:PutObjectRetention",
    "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
}
"""Headers of PutObject that need one more permission (Amazon S3 API reference, PutObject)."""


def with_object(resource: str, request: Request, has_tags: Callable[[str, str, str], bool]) -> list[Need]:
    """What PutObject and CopyObject need beside `s3:PutObject`.

    A copy takes the tags of its source along, which reads them there and writes them here.
    Source: Amazon S3 API reference, PutObject and CopyObject. `has_tags` tells of bucket, key, version.
    """
    given = {key.lower(): request.parameter(key) for key in request.params}  # of a presigned URL
    given |= {key.lower(): value for key, value in request.headers.items()}
    extra = [Need(action, resource) for header, action in _HEADER_NEEDS.items() if given.get(header)]
    source = given.get("x-amz-copy-source", "")
    if source and given.get("x-amz-tagging-directive", "COPY").upper() == "COPY":
        where, _, query = source.partition("?versionId=")
        bucket, _, key = unquote(where).lstrip("/").partition("/")
        if has_tags(bucket, key, query):
            reading = "s3:GetObjectVersionTagging" if query else "s3:GetObjectTagging"
            extra += [Need(reading, f"arn:aws:s3:::{bucket}/{key}"), Need("s3:PutObjectTagging", resource)]
    return extra


def version_read(request: Request) -> str:
    """The version of the object that a request reads, or copies; empty for the current one."""
    source = next(
        (value for key, value in request.headers.items() if key.lower() == "x-amz-copy-source"), ""
    )
    return source.partition("?versionId=")[2] if source else request.parameter("versionId")
