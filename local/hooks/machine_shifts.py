"""CloudFormation: a workflow's alias comes to its new version as its DeploymentPreference says.

CloudFormation shifts it itself: CodeDeploy and its hooks know functions only. When one of the preference's
alarms is on, or begins to ring before the last step, the alias goes back and the stack's update fails.
Executions go on with the version that they began with. A stack that goes back moves its aliases at once.
CancelUpdateStack ends a shift that is under way: the alias goes back, and then the stack (CloudFormation
API reference, CancelUpdateStack).
Source: AWS CloudFormation, AWS::StepFunctions::StateMachineAlias, DeploymentPreference. With ALL_AT_ONCE
no alarm is looked at: the deployment takes no time (ours).
"""

from __future__ import annotations

import copy
import json
from typing import Any

from local.hooks import codedeploy_records as kept
from local.hooks.base import private
from local.hooks.shifting import GoneBack, Watch, shift, steps_of_preference, watching

Json = dict[str, Any]
KIND = "AWS::StepFunctions::StateMachineAlias"
_CANCELLED = "Resource update cancelled"
_watches: dict[str, Watch] = {}
"""What looks after the shift that is under way, by its stack's id."""


def routes(before: str, after: str, share: float) -> list[Json]:
    """An alias's routes where the new version has a share from 0 to 1.

    >>> [route["weight"] for route in routes("m:1", "m:2", 0.1)], len(routes("m:1", "m:2", 1.0))
    ([90, 10], 1)
    """
    percent = round(100 * share)
    weights = {before: 100 - percent, after: percent}
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in weights.items() if weight]


def _heaviest(routing: list[Json]) -> str:
    return str(max(routing, key=lambda route: int(route["weight"]))["stateMachineVersionArn"])


def _goes_back(stack_name: str) -> bool:
    from ministack.services import cloudformation

    stack = private(cloudformation, "_stacks").get(stack_name) or {}
    return "ROLLBACK" in str(stack.get("StackStatus"))


def _move(alias: str, routing: list[Json]) -> None:
    """Raises GoneBack with the service's words when it refuses."""
    from ministack.services import stepfunctions

    asked = {"stateMachineAliasArn": alias, "routingConfiguration": routing}
    status, _, body = private(stepfunctions, "_update_state_machine_alias")(asked)
    if status >= 400:
        raise GoneBack("", str(json.loads(body).get("message")))


def _stack_id(stack_name: str) -> str:
    from ministack.services import cloudformation

    return str((private(cloudformation, "_stacks").get(stack_name) or {}).get("StackId", ""))


def _shift(stack: str, alias: str, was: list[Json], preference: Json) -> None:
    """`stack`: the stack's id. Raises ValueError with why the alias went back."""
    before, after = _heaviest(was), str(preference["StateMachineVersionArn"])
    steps, failed = steps_of_preference(preference), None
    alarms = preference.get("Alarms") or [] if len(steps) > 1 else []
    kept.under_way[alias] = was
    try:
        with watching([str(name) for name in alarms]) as watch:
            _watches[stack] = watch
            shift(steps, watch, lambda share: _move(alias, routes(before, after, share)))
    except GoneBack as gone:
        failed = gone
        _move(alias, [{"stateMachineVersionArn": before, "weight": 100}])
    finally:
        _watches.pop(stack, None)
    kept.under_way.pop(alias, None)
    if failed is not None and failed.code == _CANCELLED:
        raise ValueError(_CANCELLED) from failed
    if failed is not None:
        raise ValueError(f"The deployment of alias {alias} failed and went back: {failed.text}") from failed


def install() -> None:
    """Apply the hook, after that of machine versions."""
    from ministack.services import stepfunctions
    from ministack.services.cloudformation import handlers as requests
    from ministack.services.cloudformation import provisioners

    aliases = private(stepfunctions, "_state_machine_aliases")
    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    update = handlers[KIND]["update"]

    def updated(physical: str, old: Json, new: Json, stack: str, logical: str | None = None) -> Any:
        preference, alias = new.get("DeploymentPreference"), aliases.get(physical)
        if preference and alias and not _goes_back(stack):
            was = copy.deepcopy(alias["routingConfiguration"])
            if _heaviest(was) != preference["StateMachineVersionArn"]:
                _shift(_stack_id(stack), physical, was, preference)
        return update(physical, old, new, stack, logical)

    def cancelled(form: Any) -> Any:
        answer = cancel(form)
        stack = private(requests, "_resolve_stack")(private(requests, "_p")(form, "StackName"))
        watch = _watches.get(str((stack or {}).get("StackId")))
        if answer[0] < 400 and watch is not None:
            watch.halted = GoneBack(_CANCELLED, _CANCELLED)
        return answer

    handlers[KIND] = {**handlers[KIND], "update": updated}
    actions: dict[str, Any] = private(requests, "_ACTION_HANDLERS")
    cancel = actions["CancelUpdateStack"]
    actions["CancelUpdateStack"] = cancelled
