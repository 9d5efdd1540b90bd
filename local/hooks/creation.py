"""Step Functions: what CreateStateMachine and UpdateStateMachine refuse, through CloudFormation too.

ministack's CloudFormation writes a state machine's record itself, past the API, so a definition that AWS
refuses was deployed. And AWS looks at the role when it makes a machine: without the permissions for log
delivery, or for the managed rule that `.sync` waits by, it answers AccessDeniedException.
Sources: docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html and …/dg/connect-ecs.html

>>> managed_rules({"States": {"A": {"Resource": "arn:aws:states:::ecs:runTask.sync"}}})
['StepFunctionsGetEventsForECSTaskRule']
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.hooks.base import HookBroken, private, replace
from local.hooks.definitions import definition_of, problems

_MANAGED_RULES = {
    "ecs:runTask.sync": "StepFunctionsGetEventsForECSTaskRule",
    "states:startExecution.sync": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "states:startExecution.sync:2": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "batch:submitJob.sync": "StepFunctionsGetEventsForBatchJobsRule",
}
"""The rule by which Step Functions hears of an end, by integration."""
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
LOG_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
"""What log delivery demands of a role; on `*`, for AWS has no resource for it."""


def managed_rules(node: Any) -> list[str]:
    """Names of the managed rules that a definition waits by, at every depth."""
    found: set[str] = set()
    if isinstance(node, dict):
        name = str(node.get("Resource", "")).removeprefix("arn:aws:states:::")
        found |= {_MANAGED_RULES[name]} if name in _MANAGED_RULES else set()
        node = list(node.values())
    if isinstance(node, list):
        found |= {rule for item in node for rule in managed_rules(item)}
    return sorted(found)


def refusal(
    definition: str, role_arn: str, logging: dict[str, Any], kind: str = "STANDARD"
) -> tuple[str, str] | None:
    """Why AWS would not make a machine: the error's code and message; None when it would."""
    from ministack.core.responses import get_region

    if not _ROLE.fullmatch(role_arn):
        return "InvalidArn", f"Invalid Role Arn: '{role_arn}'"
    errors = problems(definition)
    if kind == "EXPRESS" and not errors:
        errors = [
            f"SCHEMA_VALIDATION_FAILED: {name} is not supported in Express workflows"
            for name in only_standard(definition_of(definition))
        ]
    if text := _destinations(logging or {}):
        return "InvalidLoggingConfiguration", f"Invalid Logging Configuration: {text}"
    if errors:
        return "InvalidDefinition", f"Invalid State Machine Definition: '{'; '.join(errors)}'"
    allowed = _allowed_by(role_arn)
    if allowed is None:
        return None
    for rule in managed_rules(definition_of(definition)):
        arn = f"arn:aws:events:{get_region()}:{role_arn.split(':')[4]}:rule/{rule}"
        if not all(allowed(action, arn) for action in _RULE_ACTIONS):
            return "AccessDeniedException", f"'{role_arn}' is not authorized to create managed-rule."
    if (logging or {}).get("level", "OFF") != "OFF" and not all(
        allowed(action, "*") for action in LOG_ACTIONS
    ):
        text = "The state machine IAM Role is not authorized to access the Log Destination"
        return "AccessDeniedException", text
    return None


def only_standard(node: Any) -> list[str]:
    """What a definition has that an Express workflow cannot have, at every depth.

    >>> only_standard({"States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync"}}})
    ['arn:aws:states:::ecs:runTask.sync']
    """
    found: set[str] = set()
    if isinstance(node, dict):
        resource = str(node.get("Resource", ""))
        if node.get("Type") == "Task" and (
            ":activity:" in resource or resource.partition(".")[2] in ("sync", "sync:2", "waitForTaskToken")
        ):
            found.add(resource)
        if (
            isinstance(node.get("ProcessorConfig"), dict)
            and node["ProcessorConfig"].get("Mode") == "DISTRIBUTED"
        ):
            found.add("Distributed Map")
        node = list(node.values())
    if isinstance(node, list):
        found |= {name for item in node for name in only_standard(item)}
    return sorted(found)


def _destinations(logging: dict[str, Any]) -> str:
    """What is wrong with where a machine logs; empty when nothing is."""
    if logging.get("level", "OFF") == "OFF":
        return ""
    places = logging.get("destinations") or []
    if len(places) != 1:
        return "Exactly one destination is needed."
    arn = str((places[0].get("cloudWatchLogsLogGroup") or {}).get("logGroupArn", ""))
    return "" if arn.endswith(":*") else "Log Group Arn must end with ':*'."


def _allowed_by(role_arn: str) -> Callable[[str, str], bool] | None:
    """Whether a role allows an action on a resource; None for a role that IAM does not have.

    AWS refuses such a role too. Here tests make machines with one that does not exist.
    """
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_region
    from ministack.services import iam

    parts = role_arn.split(":")
    name = role_arn.rsplit("/", 1)[-1]
    account = parts[4] if len(parts) > 4 else ""
    if private(iam, "_roles").get_scoped(account, None, name) is None:
        return None
    policies = private(iam_evaluator, "_gather_role_policies")(name, account)

    def allowed(action: str, resource: str) -> bool:
        asked = iam_evaluator.EvalContext(role_arn, "AssumedRole", account, action, resource, get_region())
        return bool(iam_evaluator.evaluate(asked, policies).decision == "Allow")

    return allowed


def install() -> None:
    """Apply the hooks."""
    from ministack.core.responses import error_response_json
    from ministack.services import stepfunctions
    from ministack.services.cloudformation import provisioners

    machines = private(stepfunctions, "_state_machines")
    handlers: dict[str, dict[str, Any]] = private(provisioners, "_RESOURCE_HANDLERS")
    kind = "AWS::StepFunctions::StateMachine"
    if kind not in handlers:
        raise HookBroken(f"ministack no longer provisions {kind}")

    def guarded(call: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        def checked(data: dict[str, Any]) -> Any:
            before = machines.get(data.get("stateMachineArn", "")) or {}
            given = {**before, **data}
            refused = refusal(
                str(given.get("definition", "")),
                str(given.get("roleArn", "")),
                given.get("loggingConfiguration") or {},
                str(given.get("type") or "STANDARD"),
            )
            if "name" in data and not _NAME.fullmatch(str(data["name"])):
                refused = "InvalidName", f"Invalid Name: '{data['name']}'"
            return error_response_json(*refused, 400) if refused else call(data)

        return checked

    replace(
        stepfunctions,
        "_create_state_machine",
        guarded(private(stepfunctions, "_create_state_machine")),
    )
    replace(
        stepfunctions,
        "_update_state_machine",
        guarded(private(stepfunctions, "_update_state_machine")),
    )
    create = handlers[kind]["create"]

    def creating(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        result = create(logical_id, properties, stack)
        if refused := _refused(machines[result[0]]):
            del machines[result[0]]
            raise ValueError(refused)
        return result

    # CloudFormation's update goes through `_update_state_machine`.
    handlers[kind] = {**handlers[kind], "create": creating}


def _refused(record: dict[str, Any]) -> str:
    """A record's refusal as CloudFormation words it; empty when there is none."""
    refused = refusal(
        record["definition"],
        record.get("roleArn", ""),
        record.get("loggingConfiguration") or {},
        record.get("type") or "STANDARD",
    )
    return f'Resource handler returned message: "{refused[1]}" ({refused[0]})' if refused else ""
