"""Error names of Retry and Catch: one that can never occur where it stands is a finding.

Source: docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ops.conformance import arguments, integrations
from ops.conformance.findings import GUIDE, Finding, State, states

ERRORS = GUIDE + "concepts-error-handling.html"
_EVERYWHERE = {"States.ALL", "States.QueryEvaluationError"}
_TASK = {"States.TaskFailed", "States.Timeout", "States.Permissions"}
_DISTRIBUTED = {
    "States.ExceedToleratedFailureThreshold",
    "States.ItemReaderFailed",
    "States.ResultWriterFailed",
    "States.TaskFailed",
    "States.Timeout",
}
_UNCAUGHT = {
    "States.Runtime": "it always fails the execution; no Retry and no Catch sees it, States.ALL neither",
    "States.NoChoiceMatched": "a Choice has neither Retry nor Catch",
    "States.ParameterPathFailure": "it is JSONPath's; JSONata has States.QueryEvaluationError",
    "States.ResultPathMatchFailure": "it is JSONPath's; JSONata has States.QueryEvaluationError",
    "States.IntrinsicFailure": "it is JSONPath's; JSONata has States.QueryEvaluationError",
}
_LAMBDA = {
    "ServiceException", "AWSLambdaException", "SdkClientException", "TooManyRequestsException",
    "ClientExecutionTimeoutException", "Unknown",
}  # fmt: skip
"""Of the integration itself, beside those of Lambda's model."""
_GENERIC = {
    "SQS": "AmazonSQSException", "SNS": "AmazonSNSException", "ECS": "AmazonECSException",
    "DynamoDB": "AmazonDynamoDBException", "EventBridge": "AmazonCloudWatchEventsException",
    "StepFunctions": "AWSStepFunctionsException", "S3": "S3Exception", "Sfn": "SfnException",
    "DynamoDb": "DynamoDbException", "Sqs": "SqsException",
}  # fmt: skip
"""What the service's SDK throws for an error without a class."""
TRANSIENT = {f"Lambda.{name}" for name in (
    "ClientExecutionTimeoutException", "ServiceException", "AWSLambdaException", "SdkClientException",
)}  # fmt: skip
"""Lambda's own passing faults, by AWS's name (LAMBDA_ERRORS)."""
LAMBDA_ERRORS = GUIDE + "bp-lambda-serviceexception.html"
WAITING = (".sync", ".sync:2", ".waitForTaskToken")
"""How a resource ends whose task goes on after the call."""


def check(definition: dict[str, Any]) -> Iterator[Finding]:
    """Names that cannot occur, and rules that AWS refuses or never reaches."""
    for path, state, _ in states(definition):
        yield from _tried_again(path, state)
        for group in ("Retry", "Catch"):
            rules = state.get(group, [])
            for index, rule in enumerate(rules):
                where = f"{path}.{group}[{index}]"
                names = rule.get("ErrorEquals", [])
                if not names:
                    yield Finding(where, "error", "ErrorEquals is empty", ERRORS)
                if "States.ALL" in names and (len(names) > 1 or index < len(rules) - 1):
                    yield Finding(where, "error", "States.ALL stands alone, and in the last rule", ERRORS)
                for name in names:
                    if problem := impossible(name, state):
                        yield Finding(where, "error", f"{name} can never occur here: {problem}", ERRORS)


def _tried_again(path: str, state: State) -> Iterator[Finding]:
    """A call of a service without a function is tried again after a time-out and after any failure. A list
    of names misses the time-out, and each name that AWS has and we do not know. `MaxAttempts: 0` before
    takes out what no later try changes. Whoever waits for a job or an answer would ask twice. Of a function
    its own errors say whether a later try helps; those of Lambda itself pass."""
    resource = str(state.get("Resource", ""))
    if state.get("Type") != "Task" or resource.endswith(WAITING):
        return
    of_function = ":lambda:" in resource
    wanted = TRANSIENT if of_function else {"States.TaskFailed", "States.Timeout"}
    names = {name for rule in state.get("Retry", []) for name in rule.get("ErrorEquals", [])}
    missing = sorted(wanted - names)
    if missing and "States.ALL" not in names:
        text = f"no rule tries again after {' and '.join(missing)}"
        yield Finding(path, "retry", text, LAMBDA_ERRORS if of_function else ERRORS)


def impossible(name: str, state: State) -> str:
    """Why an error cannot come from a state; empty when it can.

    >>> impossible("States.Timeout", {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage"})
    ''
    >>> impossible("DynamoDB.RequestLimitExceeded", {"Resource": "arn:aws:states:::dynamodb:putItem"})
    'DynamoDB has no such error'
    """
    if name in _UNCAUGHT:
        return _UNCAUGHT[name]
    if name.startswith("States."):
        return "" if name in _of_steps(state) else f"a {state.get('Type')} of this kind does not raise it"
    integration, _ = integrations.find(str(state.get("Resource", "")))
    if integration is None:
        return ""  # a map fails with what its states fail with; an unknown integration is a finding already
    prefix, dot, rest = name.partition(".")
    if integration.own_errors and prefix != integration.errors:
        return ""  # the function's own classes, and Lambda's Runtime.… and Sandbox.…
    if not dot:
        return "only a function's own code raises names without a service"
    if prefix != integration.errors:
        return f"this integration's errors begin with {integration.errors}."
    return "" if rest in _of_service(prefix, integration.service) else f"{prefix} has no such error"


def _of_steps(state: State) -> set[str]:
    kind = state.get("Type")
    names = set(_EVERYWHERE)
    if kind == "Task" or kind is None:
        names |= _TASK | ({"States.HeartbeatTimeout"} if "HeartbeatSeconds" in state else set())
    if kind == "Map":
        mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode")
        names |= _DISTRIBUTED if mode == "DISTRIBUTED" else {"States.TaskFailed", "States.Timeout"}
        names |= {"States.DataLimitExceeded"}
    if kind == "Parallel":
        names |= {"States.BranchFailed", "States.TaskFailed", "States.Timeout", "States.DataLimitExceeded"}
    if kind == "Task":
        names |= {"States.DataLimitExceeded"}
    return names


@lru_cache(maxsize=64)
def _of_service(prefix: str, service: str) -> frozenset[str]:
    """Error names as the SDK for Java forms them: the model's, ending in `Exception`."""
    names = {_GENERIC[prefix]} if prefix in _GENERIC else set()
    for shape in arguments.model(service).error_shapes:
        name = str(shape.name)
        names.add(name if name.endswith("Exception") else f"{name}Exception")
    if prefix == "Lambda":
        names |= _LAMBDA
    if prefix == "EventBridge":
        names.add("FailedEntry")
    return frozenset(names)
