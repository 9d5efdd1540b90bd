"""Roles: what a service of AWS needs before it does something by itself, and how a refusal is told.

A service acts with a role, which must trust it, or by the policy of what it calls.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from typing import Any

from local.hooks.base import private
from local.hooks.roles import role_name
from local.hooks.roles_ledger import LEDGER

BY_ROLE = {
    "states": ("states:StartExecution",),
    "events": ("events:PutEvents",),
    "firehose": ("firehose:PutRecord",),
    "kinesis": ("kinesis:PutRecord",),
    "ecs": ("ecs:RunTask",),
    "lambda": ("lambda:InvokeFunction",),
    "sqs": ("sqs:SendMessage",),
    "sns": ("sns:Publish",),
}
"""What a target's role needs, by the target's service."""


class Denied(Exception):
    """A service may not do what it was about to do; the text is AWS's."""


def demand_role(role_arn: str, service: str, action: str, resource: str, *, count: bool = True) -> None:
    """A service does something with a role. Raises Denied when the role or its trust does not allow it."""
    from ministack.core import iam_actions
    from ministack.core import iam_evaluator as evaluator
    from ministack.services import iam

    account, name = role_arn.split(":")[4], role_name(role_arn)
    session = f"arn:aws:sts::{account}:assumed-role/{name}/{service.split('.')[0]}"
    if not trusts(role_arn, service):
        LEDGER.record(name, "sts:AssumeRole", service, allowed=False)
        raise Denied(f"{service} may not assume the role {role_arn}")
    context = evaluator.EvalContext(
        principal_arn=session,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3] if resource.count(":") > 2 else "",
    )
    policies = private(evaluator, "_gather_role_policies")(name, account)
    limits = private(evaluator, "_permissions_boundary")(private(iam, "_roles"), name, account)
    result = evaluator.evaluate(context, policies, *limits)
    found = private(evaluator, "_resource_policy")(action.split(":")[0], resource)
    if found is not None:
        result = evaluator.combine_resource_policy(result, context, *found, limits=limits)
    allowed = result.decision == "Allow"
    if count or not allowed:
        LEDGER.record(name, action, resource, allowed=allowed)
    if not allowed:
        why = private(iam_actions, "identity_denial_message")
        raise Denied(why(action, session, resource, result.decision == "Deny"))


def trusts(role_arn: str, service: str) -> bool:
    """Whether a role exists and its trust policy names a service."""
    from ministack.services import iam

    role = private(iam, "_roles").get_scoped(role_arn.split(":")[4], None, role_name(role_arn))
    document = (role or {}).get("AssumeRolePolicyDocument")
    policy = json.loads(document) if isinstance(document, str) else document or {}
    statements = policy.get("Statement", [])
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal") or {}
        named = principal.get("Service", []) if isinstance(principal, dict) else []
        named = [named] if isinstance(named, str) else named
        if statement.get("Effect") == "Allow" and service in named and meets(statement, role_arn):
            return True
    return False


def meets(statement: dict[str, Any], role_arn: str) -> bool:
    """Whether the service acts for the account that a trust policy demands (`aws:SourceAccount`).

    For which resource it acts (`aws:SourceArn`) is not known yet when a role is handed over.

    >>> equals = {"Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}}
    >>> [meets(equals, f"arn:aws:iam::{account}:role/r") for account in ("111111111111", "222222222222")]
    [True, False]
    """
    account = role_arn.split(":")[4]
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, wanted in keys.items():
            if key.lower() == "aws:sourceaccount" and operator in ("StringEquals", "StringLike"):
                values = wanted if isinstance(wanted, list) else [wanted]
                if not any(fnmatch.fnmatchcase(account, str(value)) for value in values):
                    return False
    return True


def demand_policy(service: str, action: str, resource: str, source_arn: str, account: str) -> None:
    """A service acts for one of its resources. Raises Denied when the target's policy does not allow it."""
    from ministack.core import iam_evaluator as evaluator

    found = private(evaluator, "_resource_policy")(action.split(":")[0], resource)
    context = evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3],
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": account,
            "aws:principalisawsservice": "true",
            # EventBridge does not tell the owner: a topic's default policy does not let a rule publish
            **({} if service == "events.amazonaws.com" else {"aws:sourceowner": account}),
        },
    )
    policy = found[0] if found else None
    allowed = evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow"
    LEDGER.record(service, action, resource, allowed=allowed)
    if not allowed:
        raise Denied(
            f"User: {service} is not authorized to perform: {action} on resource: {resource} "
            f"because no resource-based policy allows the {action} action for {source_arn}"
        )


def report(what: str, denied: Denied) -> None:
    """Say in the embedded cloud's log who was refused what."""
    print(f"embedded cloud: {what}: {denied}", file=sys.stderr, flush=True)
