"""Step Functions: a failed state shows its real error and cause, and `ErrorEquals` matches as on AWS.

moto hides errors in six places:

- A `States.*` error that leaves a Map iteration or a Parallel branch becomes `States.Runtime` with the text
  "Custom Error Names MUST NOT begin with …".
- A Choice without a matching rule is `States.Runtime`; AWS says `States.NoChoiceMatched`.
- Everything that fails in a DynamoDB task is `DynamoDB.AmazonDynamoDBException`, time-outs too.
- A service's code that its model does not know keeps its name; AWS says `Lambda.AWSLambdaException`.
- A path that finds nothing in `InputPath` or `OutputPath` has a Python class as its cause.
- `States.ALL` catches `States.Runtime` and `States.DataLimitExceeded`.

Source: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from local.hooks.base import private, replace

NEVER_CAUGHT = "States.Runtime"
"""No Retry and no Catch ever matches it."""
CAUGHT_BY_NAME_ONLY = "States.DataLimitExceeded"
"""`States.ALL` and `States.TaskFailed` do not match it."""
TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")
"""`States.TaskFailed` matches everything but these."""
_NAMES = "dynamodb:DynamoDB ecs:ECS events:EventBridge lambda:Lambda sns:SNS sqs:SQS states:StepFunctions"
SERVICE_NAMES = dict(pair.split(":") for pair in _NAMES.split())
"""What stands before the point in an optimised integration's errors."""
_SDK = "cloudwatch:CloudWatch ecs:Ecs eventbridge:EventBridge lambda:Lambda s3:S3 ses:Ses sesv2:SesV2"
SDK_NAMES = dict(pair.split(":") for pair in f"{_SDK} sns:Sns sqs:Sqs ssm:Ssm".split())
"""The same for `aws-sdk`: the client's name in the AWS SDK for Java 2.x; moto knows only two."""


def matches(listed: list[str], error: str | None) -> bool:
    """Whether a Retry or Catch with these `ErrorEquals` takes this error.

    >>> matches(["States.ALL"], "States.Runtime"), matches(["States.ALL"], "Poisoned")
    (False, True)
    >>> matches(["States.ALL"], "States.DataLimitExceeded")
    False
    >>> matches(["States.DataLimitExceeded"], "States.DataLimitExceeded")
    True
    >>> matches(["States.TaskFailed"], "States.Timeout"), matches(["States.TaskFailed"], "Poisoned")
    (False, True)
    """
    if error == NEVER_CAUGHT:
        return False
    if error in listed:
        return True
    if error == CAUGHT_BY_NAME_ONLY:
        return False
    return "States.ALL" in listed or ("States.TaskFailed" in listed and error not in TIMEOUTS)


def failure(env: Any, error: str, cause: str, *, event: str = "TaskFailed") -> Exception:
    """The exception by which moto's interpreter fails a state with a `States.*` error."""
    from moto.stepfunctions.parser.api import (
        EvaluationFailedEventDetails,
        HistoryEventType,
        TaskFailedEventDetails,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name import failure_event
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    if event == "EvaluationFailed":
        details = EventDetails(
            evaluationFailedEventDetails=EvaluationFailedEventDetails(error=error, cause=cause)
        )
    else:
        details = EventDetails(taskFailedEventDetails=TaskFailedEventDetails(error=error, cause=cause))
    return failure_event.FailureEventException(
        failure_event.FailureEvent(
            env=env,
            error_name=error_named(error),
            event_type=HistoryEventType(event),
            event_details=details,
        )
    )


def error_named(error_name: str | None) -> Any:
    """moto's object for an error's name, whatever the name begins with."""
    from moto.stepfunctions.parser.asl.component.common.error_name import (
        custom_error_name,
        states_error_name,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName

    if error_name is None or not error_name.startswith(custom_error_name.ILLEGAL_CUSTOM_ERROR_PREFIX):
        return _custom_error_name()(error_name=error_name)
    try:
        return states_error_name.StatesErrorName.from_name(error_name)
    except ValueError:
        return ErrorName(error_name=error_name)


def _custom_error_name() -> Any:
    from moto.stepfunctions.parser.asl.component.common.error_name import custom_error_name

    return private(custom_error_name, "CustomErrorName")


def install() -> None:
    """Apply the hooks."""
    import moto.stepfunctions.parser.models  # noqa: F401 - brings in every module patched below

    _names_are_kept()
    _error_equals()
    _no_choice_matched()
    _paths_have_causes()
    _expressions_have_causes()
    _tasks_keep_their_errors()


def _names_are_kept() -> None:
    """Errors leave iterations, branches, functions and callbacks under their own name."""
    original = _custom_error_name()
    for name, module in list(sys.modules.items()):
        strict = name.endswith(("custom_error_name", "parse.preprocessor"))  # a wrong name in a definition
        if not strict and getattr(module, "CustomErrorName", None) is original:
            module.CustomErrorName = error_named  # type: ignore[attr-defined]


def _error_equals() -> None:
    from moto.stepfunctions.parser.asl.component.common.error_name import error_equals_decl

    def evaluate(self: Any, env: Any) -> None:
        error = env.stack.pop()
        listed = [str(name.error_name) for name in self.error_names]
        env.stack.append(matches(listed, error.error_name if error is not None else None))

    replace(error_equals_decl.ErrorEqualsDecl, "_eval_body", evaluate)


def _no_choice_matched() -> None:
    from moto.stepfunctions.parser.asl.component.state.choice import state_choice

    evaluate = private(state_choice.StateChoice, "_eval_state")

    def choose(self: Any, env: Any) -> None:
        try:
            evaluate(self, env)
        except RuntimeError as error:
            if "No branching option" not in str(error.args[0] if error.args else ""):
                raise
            cause = (
                f"An error occurred while executing the state '{self.name}' "
                f"(entered at the event id #{env.event_history_context.source_event_id}). "
                "Failed to transition out of the state. The state does not point to a next state."
            )
            raise failure(env, "States.NoChoiceMatched", cause) from error

    replace(state_choice.StateChoice, "_eval_state", choose)


def _paths_have_causes() -> None:
    """What fails outside a state's own work, as `InputPath`, is `States.Runtime` with a readable cause."""
    from moto.stepfunctions.parser.asl.component.common.error_name import failure_event
    from moto.stepfunctions.parser.asl.component.state import state as states
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
    from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

    evaluate = private(states.CommonStateField, "_eval_body")

    def body(self: Any, env: Any) -> None:
        try:
            evaluate(self, env)
        except failure_event.FailureEventException:
            raise
        except NoSuchJsonPathError as error:
            cause = (
                f"The JSONPath '{error.json_path}' specified for the field '{env.next_field_name}' "
                f"could not be found in the input '{to_json_str(error.data)}'"
            )
            raise failure(env, NEVER_CAUGHT, cause) from error
        except Exception as error:
            raise failure(env, NEVER_CAUGHT, f"{error}") from error

    replace(states.CommonStateField, "_eval_body", body)


def _expressions_have_causes() -> None:
    """An expression that fails is `States.QueryEvaluationError`, with the expression and its field."""
    from moto.stepfunctions.parser.asl.component.common.string import string_expression
    from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException

    evaluate = private(string_expression.StringJSONata, "_eval_body")

    def body(self: Any, env: Any) -> None:
        try:
            evaluate(self, env)
        except JSONataException as error:
            cause = (
                f"The JSONata expression '{self.expression}' specified for the field "
                f"'{env.next_field_name}' threw an error during evaluation. {error.details}"
            )
            failed = failure(env, "States.QueryEvaluationError", cause, event="EvaluationFailed")
            raise failed from error

    replace(string_expression.StringJSONata, "_eval_body", body)


def described(call: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """A service call whose errors have what moto's causes quote; an answer without a body lacks it."""
    from botocore.exceptions import ClientError

    def called(self: Any, env: Any) -> None:
        try:
            call(self, env)
        except ClientError as error:
            metadata: Any = error.response.setdefault("ResponseMetadata", {})
            metadata.setdefault("RequestId", "")
            metadata.setdefault("HTTPStatusCode", 0)
            raise

    return called


def _tasks_keep_their_errors() -> None:
    """Integrations name their errors as AWS does, and let through what is no service's error."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
    from moto.stepfunctions.parser.asl.component.state.exec import execute_state
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service,
        state_task_service_aws_sdk,
        state_task_service_dynamodb,
        state_task_service_events,
        state_task_service_lambda,
        state_task_service_sqs,
    )

    def modelled(owner: Any, unmodelled: str) -> None:
        pair = private(owner, "_error_cause_from_client_error")

        def error_and_cause(error: ClientError) -> tuple[str, str]:
            name, cause = pair(error)
            known = type(error).__name__ != "ClientError"
            return (name if known else unmodelled), cause

        replace(owner, "_error_cause_from_client_error", staticmethod(error_and_cause))

    def service_errors(owner: Any) -> None:
        """Only a service's error is this integration's; the rest goes the way of all tasks."""
        from_error = private(owner, "_from_error")

        def handled(self: Any, env: Any, ex: Exception) -> Any:
            if isinstance(ex, ClientError):
                return from_error(self, env, ex)
            return super(owner, self)._from_error(env, ex)

        replace(owner, "_from_error", handled)

    service = state_task_service.StateTaskService
    replace(service, "_eval_execution", described(private(service, "_eval_execution")))
    table = state_task_service_dynamodb.StateTaskServiceDynamoDB
    modelled(state_task_service_lambda.StateTaskServiceLambda, "Lambda.AWSLambdaException")
    modelled(table, "DynamoDB.AmazonDynamoDBException")
    service_errors(table)
    private(state_task_service_sqs, "_ERROR_NAME_CLIENT")
    state_task_service_sqs._ERROR_NAME_CLIENT = "SQS.AmazonSQSException"
    private(state_task_service_aws_sdk, "_SERVICE_ERROR_NAMES").update(SDK_NAMES)
    from_error = private(execute_state.ExecutionState, "_from_error")
    sdk = state_task_service_aws_sdk.StateTaskServiceAwsSdk

    def last_resort(self: Any, env: Any, ex: Exception) -> Any:
        resource: Any = getattr(self, "resource", None)
        if isinstance(ex, (ClientError, BotoCoreError)) and not isinstance(ex, ParamValidationError):
            if isinstance(self, sdk):
                service = sdk._normalise_service_error_name(resource.api_name)
            else:
                name = str(getattr(resource, "service_name", "aws"))
                service = SERVICE_NAMES.get(name, name)
            kind = f"Amazon{service}Exception" if isinstance(ex, ClientError) else "SdkClientException"
            return failure(env, f"{service}.{kind}", str(ex)).failure_event  # type: ignore[attr-defined]
        return from_error(self, env, ex)

    replace(execute_state.ExecutionState, "_from_error", last_resort)
    bus = state_task_service_events
    failed_entry: Any = private(bus, "SfnFailedEntryCountException")

    class FailedEntry(failed_entry):  # type: ignore[misc]
        """moto gives an object as the cause; a cause is text."""

        def __init__(self, cause: Any) -> None:
            super().__init__(cause)
            self.cause = json.dumps(cause)

    replace(bus, "SfnFailedEntryCountException", FailedEntry)
