"""CloudFormation: properties that ministack drops silently when it deploys are applied.

They are a table's TTL, a function's dead-letter queue and a state machine's log destination.
A parameter that an operator changed keeps its value when an update changes no more than tags.

>>> camel({"Destinations": [{"LogGroupArn": "arn"}]})
{'destinations': [{'logGroupArn': 'arn'}]}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.hooks.base import HookBroken, private


def camel(value: Any) -> Any:
    """A value with CloudFormation's PascalCase keys as the API's camelCase, at every depth."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [camel(item) for item in value]
    return value


def install() -> None:
    """Apply the hooks."""
    from ministack.services import dynamodb, lambda_svc, stepfunctions
    from ministack.services.cloudformation import provisioners

    handlers: dict[str, dict[str, Any]] = private(provisioners, "_RESOURCE_HANDLERS")
    update_ttl = private(dynamodb, "_update_ttl")
    functions = private(lambda_svc, "_functions")
    machines = private(stepfunctions, "_state_machines")

    def table_ttl(name: str, properties: dict[str, Any]) -> None:
        ttl = properties.get("TimeToLiveSpecification")
        if ttl:
            update_ttl(
                {
                    "TableName": name,
                    "TimeToLiveSpecification": {
                        "Enabled": str(ttl.get("Enabled", True)).lower() == "true",
                        "AttributeName": ttl["AttributeName"],
                    },
                }
            )

    def function_dead_letters(name: str, properties: dict[str, Any]) -> None:
        target = (properties.get("DeadLetterConfig") or {}).get("TargetArn")
        function = functions.get(name)
        if target and function is not None:
            (function.get("config") or function)["DeadLetterConfig"] = {"TargetArn": target}

    def machine_logs(arn: str, properties: dict[str, Any]) -> None:
        machine = machines.get(arn)
        if machine is not None and properties.get("LoggingConfiguration"):
            machine["loggingConfiguration"] = camel(properties["LoggingConfiguration"])
        if machine is not None and properties.get("TracingConfiguration"):
            machine["tracingConfiguration"] = camel(properties["TracingConfiguration"])

    for kind, apply in (
        ("AWS::DynamoDB::Table", table_ttl),
        ("AWS::Lambda::Function", function_dead_letters),
        ("AWS::StepFunctions::StateMachine", machine_logs),
    ):
        if kind not in handlers:
            raise HookBroken(f"ministack no longer provisions {kind}")
        handlers[kind] = _afterwards(handlers[kind], apply)
    handlers["AWS::SSM::Parameter"] = _unless_only_tags(handlers["AWS::SSM::Parameter"])


def _unless_only_tags(handler: dict[str, Any]) -> dict[str, Any]:
    update = handler["update"]

    def updating(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        if {**old, "Tags": None} == {**new, "Tags": None}:
            return physical_id, {"Type": new.get("Type", "String"), "Value": new.get("Value", "")}
        return update(physical_id, old, new, *rest)

    return {**handler, "update": updating}


def _afterwards(handler: dict[str, Any], apply: Callable[[str, dict[str, Any]], None]) -> dict[str, Any]:
    create, update = handler["create"], handler["update"]

    def creating(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        result = create(logical_id, properties, stack)
        apply(result[0], properties)
        return result

    def updating(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        result = update(physical_id, old, new, *rest)
        apply(result[0] if isinstance(result, tuple) else physical_id, new)
        return result

    return {**handler, "create": creating, "update": updating}
