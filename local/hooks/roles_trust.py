"""Roles: a function or a state machine is not made with a role that does not trust its service.

Source: AWS Lambda API reference, CreateFunction; Step Functions developer guide, "Creating an IAM role".
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private, replace
from local.hooks.roles_demands import trusts

_LAMBDA = "lambda.amazonaws.com"
_LAMBDA_SAYS = "The role defined for the function cannot be assumed by Lambda."
_STATES = "states.amazonaws.com"
_STATES_SAYS = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized "
    "to assume the provided role."
)


def install() -> None:
    """Apply the hooks, after those that change what CloudFormation provisions."""
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc, stepfunctions
    from ministack.services.cloudformation import provisioners

    def refused(role: Any, service: str, code: str, text: str) -> Any:
        if str(role or "").count(":") < 5:
            return None  # no ARN: the service itself says so
        return None if trusts(str(role), service) else error_response_json(code, text, 400)

    invalid = "InvalidParameterValueException"
    create, configure = private(lambda_svc, "_create_function"), private(lambda_svc, "_update_config")

    def created(data: dict[str, Any]) -> Any:
        return refused(data.get("Role"), _LAMBDA, invalid, _LAMBDA_SAYS) or create(data)

    def configured(name: str, data: dict[str, Any]) -> Any:
        return refused(data.get("Role"), _LAMBDA, invalid, _LAMBDA_SAYS) or configure(name, data)

    replace(lambda_svc, "_create_function", created)
    replace(lambda_svc, "_update_config", configured)
    for name in ("_create_state_machine", "_update_state_machine"):
        _guard_machine(stepfunctions, name, refused)
    handlers: dict[str, Any] = private(provisioners, "_RESOURCE_HANDLERS")
    for kind, field, service, text in (
        ("AWS::Lambda::Function", "Role", _LAMBDA, _LAMBDA_SAYS),
        ("AWS::StepFunctions::StateMachine", "RoleArn", _STATES, _STATES_SAYS),
    ):
        handlers[kind] = _guarded(handlers[kind], field, service, text)


def _guard_machine(stepfunctions: Any, name: str, refused: Any) -> None:
    make = private(stepfunctions, name)

    def made(data: dict[str, Any]) -> Any:
        return refused(data.get("roleArn"), _STATES, "AccessDeniedException", _STATES_SAYS) or make(data)

    replace(stepfunctions, name, made)


def _guarded(handler: dict[str, Any], field: str, service: str, text: str) -> dict[str, Any]:
    """A resource's handler that fails, as CloudFormation does, when the role does not trust the service."""
    create, update = handler["create"], handler["update"]

    def demand(properties: dict[str, Any]) -> None:
        role = properties.get(field)
        if role and not trusts(str(role), service):
            raise ValueError(text)

    def creating(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        demand(properties)
        return create(logical_id, properties, stack)

    def updating(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        demand(new)
        return update(physical_id, old, new, *rest)

    return {**handler, "create": creating, "update": updating}
