"""What is measured of provisioned capacity, and what Lambda refuses of it.

- AWS/Lambda: ProvisionedConcurrencyUtilization, ProvisionedConcurrentExecutions and
  ProvisionedConcurrencyInvocations or …SpilloverInvocations by alias, at the beginning of each call that
  comes through it. Lambda measures between calls, too; here a minute without a call has no value.
- PutProvisionedConcurrencyConfig refuses $LATEST, a number below 1, and more than is reserved.

No call is faster here for being provisioned (docs/embedded-cloud/limits.md).
Sources: AWS Lambda Developer Guide, "Types of metrics for Lambda functions" and "Configuring provisioned
concurrency for a function"; API Reference, PutProvisionedConcurrencyConfig.
"""

from __future__ import annotations

from typing import Any

from local.hooks import metrics
from local.hooks.base import private, replace
from local.hooks.concurrency import InFlight

Json = dict[str, Any]


def measured(running: int, provisioned: int) -> dict[str, float]:
    """What a call that begins says, when so many run and so much is provisioned.

    >>> measured(2, 5)["ProvisionedConcurrencyUtilization"]
    0.4
    >>> sorted(measured(6, 5))[0]
    'ProvisionedConcurrencySpilloverInvocations'
    """
    within = min(running, provisioned)
    kind = "Invocations" if running <= provisioned else "SpilloverInvocations"
    return {
        "ProvisionedConcurrentExecutions": float(within),
        "ProvisionedConcurrencyUtilization": within / provisioned,
        f"ProvisionedConcurrency{kind}": 1.0,
    }


def refusal(function: Json, qualifier: str, wanted: int) -> str:
    """Why Lambda does not provision so much; empty when it does."""
    if not qualifier or qualifier == "$LATEST":
        return "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    if wanted < 1:
        return "provisionedConcurrentExecutions must have value greater than or equal to 1"
    reserved = function.get("concurrency")
    if isinstance(reserved, dict):
        reserved = reserved.get("ReservedConcurrentExecutions")
    others = function.get("provisioned_concurrency", {})
    total = wanted + sum(
        int(item["RequestedProvisionedConcurrentExecutions"])
        for name, item in others.items()
        if name != qualifier
    )
    if reserved is not None and total > int(reserved):
        return (
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
            "for function"
        )
    return ""


def _functions() -> None:
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc

    functions = private(lambda_svc, "_functions")
    run = private(lambda_svc, "_execute_function")
    original = private(lambda_svc, "_put_provisioned_concurrency")
    flying = InFlight()

    def execute(function: Json, event: Any) -> Any:
        config = function.get("config") or function
        arn = str(config.get("FunctionArn", ""))
        name, _, qualifier = arn.partition(":function:")[2].partition(":")
        ready = ((functions.get(name) or {}).get("provisioned_concurrency") or {}).get(qualifier)
        if not ready:
            return run(function, event)
        with flying.running(arn) as (running, _):
            provisioned = int(ready["AllocatedProvisionedConcurrentExecutions"])
            for metric, value in measured(running, provisioned).items():
                where = {"FunctionName": name, "Resource": f"{name}:{qualifier}"}
                metrics.record("AWS/Lambda", metric, where, value, "Count")
            return run(function, event)

    def put(name: str, qualifier: str, data: Json) -> Any:
        function = functions.get(name)
        wanted = int(data.get("ProvisionedConcurrentExecutions", 0))
        if function is not None and (text := refusal(function, qualifier, wanted)):
            return error_response_json("InvalidParameterValueException", text, 400)
        return original(name, qualifier, data)

    replace(lambda_svc, "_execute_function", execute)
    replace(lambda_svc, "_put_provisioned_concurrency", put)


def in_numbers(properties: Json) -> Json:
    """A table's properties with its units as numbers: a template's parameter gives texts.

    >>> in_numbers({"ProvisionedThroughput": {"ReadCapacityUnits": "7"}, "TableName": "t"})
    {'ProvisionedThroughput': {'ReadCapacityUnits': 7}, 'TableName': 't'}
    """
    made = dict(properties)
    if units := properties.get("ProvisionedThroughput"):
        made["ProvisionedThroughput"] = {name: int(value) for name, value in units.items()}
    if indexes := properties.get("GlobalSecondaryIndexes"):
        made["GlobalSecondaryIndexes"] = [in_numbers(index) for index in indexes]
    return made


def _templates() -> None:
    from ministack.services.cloudformation import provisioners

    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    kind = "AWS::DynamoDB::Table"
    create, update = handlers[kind]["create"], handlers[kind]["update"]

    def created(logical: str, properties: Json, *rest: Any) -> Any:
        return create(logical, in_numbers(properties), *rest)

    def updated(physical: str, old: Json, new: Json, *rest: Any, **more: Any) -> Any:
        return update(physical, in_numbers(old), in_numbers(new), *rest, **more)

    handlers[kind] = {**handlers[kind], "create": created, "update": updated}


def install() -> None:
    """Apply the hooks."""
    _functions()
    _templates()
