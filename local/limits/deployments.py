"""CloudFormation makes resources past their services' APIs: the same limits there.

A resource that AWS would refuse fails its stack, with the service's words.
"""

from __future__ import annotations

import json
from typing import Any

from local.hooks.base import HookBroken, private
from local.limits import (
    dashboards,
    functions,
    messages,
    metrics,
    policies,
    queues,
    schedules,
    stores,
    subscribers,
    triggers,
)
from local.limits.refusal import Check, Refusal, utf8
from local.limits.values import DEFINITION_BYTES, EVENT_TARGETS_PER_RULE


def rule(properties: dict[str, Any]) -> Refusal | None:
    """AWS::Events::Rule: the pattern, its length, the schedule, the targets and their number.

    >>> pattern = {"source": ["ona"]}
    >>> rule({"Targets": [{}] * 5, "EventPattern": pattern})
    >>> rule({"Targets": [{}] * 6, "EventPattern": pattern}).code
    'LimitExceededException'
    """
    pattern = properties.get("EventPattern") or ""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern, separators=(",", ":"))
    if refusal := messages.pattern({"EventPattern": text}):
        return refusal
    if len(properties.get("Targets") or []) > EVENT_TARGETS_PER_RULE:
        return Refusal(
            "LimitExceededException", "The requested resource exceeds the maximum number allowed."
        )
    return schedules.resource(properties)


def machine(properties: dict[str, Any]) -> Refusal | None:
    """AWS::StepFunctions::StateMachine: the definition's size, where it stands in the template."""
    definition = properties.get("DefinitionString") or properties.get("Definition") or ""
    text = definition if isinstance(definition, str) else json.dumps(definition)
    if utf8(text) <= DEFINITION_BYTES:
        return None
    return Refusal(
        "ValidationException",
        "1 validation error detected: Value at 'definition' failed to satisfy constraint: "
        f"Member must have length less than or equal to {DEFINITION_BYTES}",
    )


CHECKS: dict[str, Check] = {
    "AWS::Events::Rule": rule,
    "AWS::CloudWatch::Alarm": metrics.alarm,
    "AWS::CloudWatch::CompositeAlarm": metrics.composite,
    "AWS::CloudWatch::Dashboard": dashboards.dashboard,
    "AWS::DynamoDB::Table": stores.table,
    "AWS::IAM::ManagedPolicy": policies.identity,
    "AWS::IAM::Policy": policies.identity,
    "AWS::IAM::Role": policies.role,
    "AWS::Lambda::EventSourceMapping": triggers.mapping,
    "AWS::Lambda::Function": functions.configuration,
    "AWS::Lambda::Permission": triggers.permitted,
    "AWS::S3::Bucket": stores.bucket,
    "AWS::S3::BucketPolicy": policies.resource,
    "AWS::SNS::Subscription": subscribers.resource,
    "AWS::SNS::TopicPolicy": policies.resource,
    "AWS::SQS::Queue": queues.resource,
    "AWS::SQS::QueuePolicy": policies.resource,
    "AWS::Scheduler::Schedule": schedules.schedule,
    "AWS::StepFunctions::StateMachine": machine,
}


def install() -> None:
    """Apply the limits."""
    from ministack.services.cloudformation import provisioners

    handlers: dict[str, dict[str, Any]] = private(provisioners, "_RESOURCE_HANDLERS")
    for kind, check in CHECKS.items():
        if kind not in handlers:
            raise HookBroken(f"ministack no longer provisions {kind}")
        handlers[kind] = _checked(handlers[kind], check)
    handlers["AWS::Events::Rule"] = _without_role(handlers["AWS::Events::Rule"])


def _without_role(handler: dict[str, Any]) -> dict[str, Any]:
    """ministack updates a rule without a role by a PutRule with an empty one, which the limits refuse."""
    update = handler["update"]

    def updating(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        return update(physical_id, old, {"RoleArn": None, **new}, *rest)

    return {**handler, "update": updating}


def _checked(handler: dict[str, Any], check: Check) -> dict[str, Any]:
    create, update = handler["create"], handler["update"]

    def refuse(properties: dict[str, Any]) -> None:
        if refusal := check(properties):
            raise ValueError(f"{refusal.message} (Error Code: {refusal.code})")

    def creating(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        refuse(properties)
        return create(logical_id, properties, stack)

    def updating(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        refuse(new)
        return update(physical_id, old, new, *rest)

    return {**handler, "create": creating, "update": updating}
