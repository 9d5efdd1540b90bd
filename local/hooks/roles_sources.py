"""Roles: what Lambda and Distributed Maps do with the role of a function or a machine.

- An event source mapping is refused, or stops reading, when the function's role may not read its source.
- A Distributed Map fails with `States.Permissions` when the machine's role may not start its executions.

Sources: Lambda developer guide, the page of each event source; Step Functions developer guide, "IAM
policies for using Distributed Map states". `asynchronous_letters` asks for dead letters.
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private, replace
from local.hooks.roles_demands import Denied, demand_role, report

_READS = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": (
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
    ),
    "kinesis": ("kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator"),
}
"""What reading an event source needs (Lambda developer guide, the page of each source)."""


def install() -> None:
    """Apply the hooks, after that of Distributed Maps."""
    _event_sources()
    _distributed_maps()


def _event_sources() -> None:
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc

    mappings, create = private(lambda_svc, "_iter_all_esms"), private(lambda_svc, "_create_esm")
    functions = private(lambda_svc, "_functions")
    seen: set[tuple[str, str]] = set()
    """Mappings that may read, by their id and role: a poll is counted once, not every second."""

    def demand(role: str, source: str, mapping: str) -> None:
        for action in _READS.get(source.split(":")[2], ()):
            demand_role(role, "lambda.amazonaws.com", action, source, count=(mapping, role) not in seen)
        seen.add((mapping, role))

    def readable() -> Any:
        for account, region, mapping in mappings():
            function = functions.get_scoped(account, region, mapping["FunctionName"]) or {}
            role = str((function.get("config") or function).get("Role") or "")
            try:
                demand(role, mapping["EventSourceArn"], mapping["UUID"])
            except Denied as denied:
                problem = f"PROBLEM: {denied}"
                if mapping.get("LastProcessingResult") != problem:
                    report(f"event source of {mapping['FunctionName']}", denied)
                mapping["LastProcessingResult"] = problem
                continue
            yield account, region, mapping

    def created(data: dict[str, Any]) -> Any:
        name = str(data.get("FunctionName", "")).rsplit(":function:", 1)[-1].split(":")[0]
        function, source = functions.get(name), str(data.get("EventSourceArn", ""))
        if function and source.count(":") > 4:
            try:
                demand(str((function.get("config") or function).get("Role") or ""), source, "new")
            except Denied:
                kind = source.split(":")[2]
                first = next(iter(_READS.get(kind, ("?:?",)))).split(":")[1]
                text = (
                    "The provided execution role does not have permissions to call "
                    f"{first} on {'SQS' if kind == 'sqs' else kind}"
                )
                return error_response_json("InvalidParameterValueException", text, 400)
        return create(data)

    replace(lambda_svc, "_iter_all_esms", readable)
    replace(lambda_svc, "_create_esm", created)


def _distributed_maps() -> None:
    from moto.stepfunctions.parser.api import HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name import failure_event as failures
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        distributed_iteration_component,
    )

    component = distributed_iteration_component.DistributedIterationComponent
    run = private(component, "_map_run")

    def allowed_to_run(self: Any, env: Any, **named: Any) -> Any:
        machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
        role = env.aws_execution_details.role_arn
        try:
            demand_role(role, "states.amazonaws.com", "states:StartExecution", machine)
        except Denied as denied:
            kind = StatesErrorNameType.StatesPermissions
            details = {"error": kind.to_name(), "cause": str(denied)}
            event = failures.FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=kind),
                event_type=HistoryEventType.MapRunFailed,
                event_details={"mapRunFailedEventDetails": details},
            )
            raise failures.FailureEventException(event) from None
        return run(self, env, **named)

    replace(component, "_map_run", allowed_to_run)
