"""Step Functions: whether AWS knows a Task's resource, and the names of its arguments.

Sources: developer guide of AWS Step Functions, "Integrating services", "Supported AWS SDK service
integrations"; the services' own models as botocore ships them. A service with an own integration that is
not in the table below is not judged.

>>> state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:GetObject"}
>>> [problem] = problems("/States/A", state, "JSONata")
>>> "is not recognized" in problem
True
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

_PREFIX = "arn:aws:states:::"
_SDK_PATTERNS = ("", "waitForTaskToken")
_SDK_NAMES = {
    "sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs", "costexplorer": "ce",
}  # fmt: skip
"""Services whose name in `aws-sdk:` is not botocore's."""
OPTIMIZED: dict[tuple[str, str], tuple[str, ...]] = {
    ("lambda", "invoke"): ("", "waitForTaskToken"),
    ("sqs", "sendMessage"): ("", "waitForTaskToken"),
    ("sns", "publish"): ("", "waitForTaskToken"),
    ("events", "putEvents"): ("", "waitForTaskToken"),
    ("dynamodb", "getItem"): ("",),
    ("dynamodb", "putItem"): ("",),
    ("dynamodb", "updateItem"): ("",),
    ("dynamodb", "deleteItem"): ("",),
    ("states", "startExecution"): ("", "sync", "sync:2", "waitForTaskToken"),
    ("ecs", "runTask"): ("", "sync", "waitForTaskToken"),
    ("batch", "submitJob"): ("", "sync", "waitForTaskToken"),
    ("glue", "startJobRun"): ("", "sync"),
    ("athena", "startQueryExecution"): ("", "sync"),
    ("athena", "stopQueryExecution"): ("",),
    ("athena", "getQueryExecution"): ("",),
    ("athena", "getQueryResults"): ("",),
    ("bedrock", "invokeModel"): ("",),
    ("http", "invoke"): ("",),
}
"""The optimized integrations that are judged, each with its patterns."""
_MODELLED = {"states": "stepfunctions", "lambda": "lambda", "sqs": "sqs", "sns": "sns", "events": "events",
             "dynamodb": "dynamodb", "athena": "athena"}  # fmt: skip


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


@cache
def _model(service: str) -> Any:
    return _session().get_service_model(service)


@cache
def _operation(service: str, action: str) -> Any:
    """A service's model of an action, which begins with a small letter; None when there is none."""
    if service not in _session().get_available_services() or not action[:1].islower():
        return None
    names = {name.lower(): name for name in _model(service).operation_names}
    name = names.get(action.lower())
    return _model(service).operation_model(name) if name else None


def _sdk(service: str) -> str:
    """botocore's name of an SDK integration's service: that of its id in small letters."""
    if service in _SDK_NAMES:
        return _SDK_NAMES[service]
    names = _session().get_available_services()
    plain = {name.replace("-", ""): name for name in names}
    return str(plain.get(service, service))


def invalid(where: str, text: str) -> str:
    """What CreateStateMachine says of a definition that is not as its schema has it."""
    return f"SCHEMA_VALIDATION_FAILED: {text} at {where}"


def fields(where: str, given: Any, known: set[str], needed: set[str]) -> Iterator[str]:
    """What AWS refuses in the names of arguments; an expression is known only at run time."""
    if not isinstance(given, dict):
        return
    names = {name.removesuffix(".$") for name in given}
    for name in sorted(names - known):
        yield invalid(where, f'The field "{name}" is not supported by Step Functions')
    for name in sorted(needed - names):
        yield invalid(where, f"The field '{name}' is required but was missing")


def problems(where: str, state: dict[str, Any], language: str) -> Iterator[str]:
    """What AWS refuses in a Task's `Resource` and arguments."""
    resource = state.get("Resource")
    if state.get("Type") != "Task" or not isinstance(resource, str) or not resource.startswith(_PREFIX):
        return
    name, _, pattern = resource.removeprefix(_PREFIX).partition(".")
    parts = name.split(":")
    unknown = invalid(
        f"{where}/Resource",
        f"The resource provided {resource} is not recognized. The value is not a "
        "valid resource ARN, or the resource is not available in this region.",
    )
    operation = None
    if parts[0] == "aws-sdk":
        operation = _operation(_sdk(parts[1]), parts[2]) if len(parts) == 3 else None
        if operation is None or pattern not in _SDK_PATTERNS:
            yield unknown
            return
    elif len(parts) == 2 and any(service == parts[0] for service, _ in OPTIMIZED):
        if pattern not in OPTIMIZED.get((parts[0], parts[1]), ()):
            yield unknown
            return
        operation = _operation(_MODELLED[parts[0]], parts[1]) if parts[0] in _MODELLED else None
    if operation is not None:
        field = "Arguments" if language == "JSONata" else "Parameters"
        yield from _arguments(f"{where}/{field}", operation, state.get(field, {}))


def _arguments(where: str, operation: Any, given: Any) -> Iterator[str]:
    shape = operation.input_shape
    if shape is None:
        return
    known = {name[:1].upper() + name[1:] for name in shape.members}
    required = {name[:1].upper() + name[1:] for name in shape.required_members}
    # Step Functions fills in what boto3 fills in too
    tokens = {
        name[:1].upper() + name[1:]
        for name, member in shape.members.items()
        if member.metadata.get("idempotencyToken")
    }
    yield from fields(where, given, known, required - tokens)
