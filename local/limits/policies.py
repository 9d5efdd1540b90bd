"""IAM's grammar of policies: what AWS refuses when a policy is put is refused here.

A statement that AWS would never have stored allows nothing or everything here, and nobody says so.
Sources: IAM user guide, "Grammar of the IAM JSON policy language", "IAM JSON policy elements"; "IAM and AWS
STS quotas" (a role's inline policies together: 10 240 characters, white space not counted).
"""

from __future__ import annotations

import json
import re
from typing import Any

from local.hooks.base import private, replace
from local.limits.refusal import Refusal

INLINE_CHARACTERS = 10_240
_KEYS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_PRINCIPALS = {"Principal", "NotPrincipal"}
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_OPERATORS = {
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
    "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
    "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan",
    "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress",
    "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
}  # fmt: skip


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def problem(document: Any, kind: str = "identity") -> str:
    """Why AWS refuses a policy; empty when it takes it. `kind`: identity, trust or resource.

    >>> allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    >>> problem({"Statement": [allow]})
    ''
    >>> problem({"Statement": [{**allow, "Resource": "b"}]})
    'Resource b must be in ARN format or "*".'
    >>> problem({"Statement": {**allow, "Condition": {"StringAlike": {"s3:prefix": "a"}}}})
    'Invalid Condition type : StringAlike.'
    """
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return "This policy contains invalid Json"
    if not isinstance(document, dict) or not document.get("Statement"):
        return "Syntax errors in policy."
    statements, names = _list(document["Statement"]), []
    for statement in statements:
        if not isinstance(statement, dict):
            return "Syntax errors in policy."
        if text := _statement(statement, kind):
            return text
        names += [statement["Sid"]] if statement.get("Sid") else []
    return "Statement IDs (SID) in a single policy must be unique." if len(names) != len(set(names)) else ""


def _statement(statement: dict[str, Any], kind: str) -> str:
    allowed = _KEYS | (_PRINCIPALS if kind != "identity" else set())
    if unknown := sorted(statement.keys() - allowed):
        if kind == "identity" and unknown[0] in _PRINCIPALS:
            return "Policy document should not specify a principal."
        return "Syntax errors in policy."
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Syntax errors in policy."
    if kind == "identity" and not re.fullmatch(r"[A-Za-z0-9]*", str(statement.get("Sid", ""))):
        return "Statement IDs (SID) must be alpha-numeric."
    if kind != "identity" and not _PRINCIPALS & statement.keys():
        return "Missing required field Principal"
    if ("Action" in statement) == ("NotAction" in statement):
        return "Policy statement must contain actions."
    for action in _list(statement.get("Action", statement.get("NotAction"))):
        if not _ACTION.fullmatch(str(action)):
            return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if kind == "trust":
        if {"Resource", "NotResource"} & statement.keys():
            return "Has prohibited field Resource"
    elif text := _resources(statement):
        return text
    for operator in statement.get("Condition") or {}:
        bare = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:").removesuffix("IfExists")
        if bare not in _OPERATORS:
            return f"Invalid Condition type : {operator}."
    return ""


def _resources(statement: dict[str, Any]) -> str:
    if ("Resource" in statement) == ("NotResource" in statement):
        return "Policy statement must contain resources."
    resources = _list(statement.get("Resource", statement.get("NotResource")))
    if not resources:
        return "Policy statement must contain resources."
    for resource in resources:
        text = str(resource)
        if text != "*" and not (text.startswith("arn:") and text.count(":") >= 5):
            return f'Resource {text} must be in ARN format or "*".'
    return ""


def _size(documents: list[Any]) -> int:
    texts = [item if isinstance(item, str) else json.dumps(item) for item in documents]
    return sum(len(re.sub(r"\s", "", text)) for text in texts)


def _malformed(text: str) -> Refusal | None:
    return Refusal("MalformedPolicyDocument", text) if text else None


def role(properties: dict[str, Any]) -> Refusal | None:
    """AWS::IAM::Role: whom it trusts, and what it allows."""
    inline = [item.get("PolicyDocument") for item in properties.get("Policies") or []]
    found = [problem(properties.get("AssumeRolePolicyDocument"), "trust"), *map(problem, inline)]
    if refused := _malformed(next((text for text in found if text), "")):
        return refused
    if _size(inline) > INLINE_CHARACTERS:
        text = f"Maximum policy size of {INLINE_CHARACTERS} bytes exceeded for role"
        return Refusal("LimitExceeded", text)
    return None


def identity(properties: dict[str, Any]) -> Refusal | None:
    """AWS::IAM::Policy and AWS::IAM::ManagedPolicy."""
    return _malformed(problem(properties.get("PolicyDocument")))


def resource(properties: dict[str, Any]) -> Refusal | None:
    """The policies of buckets, queues and topics."""
    return _malformed(problem(properties.get("PolicyDocument"), "resource"))


def install() -> None:
    """Apply the grammar: every call of IAM that takes a document asks one of these two functions."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    check = private(iam_evaluator, "validate_policy_document")
    check_trust = private(iam, "_trust_policy_not_principal_error")
    replace(iam_evaluator, "validate_policy_document", lambda given: check(given) or problem(given))
    replace(
        iam,
        "_trust_policy_not_principal_error",
        lambda given: check_trust(given) or problem(given, "trust"),
    )
