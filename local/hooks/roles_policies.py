"""Roles: where ministack's policy evaluator tolerates what AWS denies.

- `ArnEquals` and `ArnLike` compare each of an ARN's six parts by itself; a `*` does not pass a colon.
- Policy variables such as `${aws:username}` are replaced; one that has no value matches nothing.
- A Deny with `NotPrincipal` applies to everybody whom it does not name.
- A role that trusts a service only cannot be assumed by the account's root.
- The services of AWS call each other by TLS, and so does everybody here, as far as policies can see:
  loopback needs no TLS, and a policy that demands TLS must not refuse it.

Source: AWS Identity and Access Management user guide, "IAM JSON policy elements: Condition operators",
"IAM policy elements: Variables and tags", "AWS JSON policy elements: NotPrincipal".
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import replace as changed
from functools import lru_cache
from typing import Any

from local.hooks.base import private, replace

MOST_TEXTS = 1024
"""Policies whose statements are kept (ours)."""
_ARN_PARTS = 6
"""partition, service, region, account and resource after the word `arn`."""
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
"""`${*}` stands for the character itself. It is matched as a wildcard here: more is allowed, never less."""
_NOBODY = "arn:aws:iam::000000000000:nobody"


def arn_like(actual: str, pattern: str, matches: Any) -> bool:
    """Whether an ARN matches a pattern, part by part; `matches` compares one part.

    >>> from fnmatch import fnmatchcase
    >>> arn_like("arn:aws:events:af-south-1:1:rule/a", "arn:aws:events:*:1:rule/*", fnmatchcase)
    True
    >>> arn_like("arn:aws:events:af-south-1:1:rule/a", "arn:aws:events:*:rule/*", fnmatchcase)
    False
    """
    given, wanted = actual.split(":", _ARN_PARTS - 1), pattern.split(":", _ARN_PARTS - 1)
    if pattern == "*":
        return True
    return len(given) == len(wanted) and all(matches(a, b) for a, b in zip(given, wanted, strict=True))


def substituted(pattern: str, value_of: Any) -> str | None:
    """A pattern with its variables replaced; None when one of them has no value.

    >>> substituted("home/${aws:username}/*", {"aws:username": "ana"}.get)
    'home/ana/*'
    >>> substituted("home/${aws:username, 'nobody'}/*", {}.get)
    'home/nobody/*'
    >>> substituted("home/${aws:username}/*", {}.get) is None
    True
    """
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = (part.strip() for part in match[1].partition(","))
        if name in _LITERALS:
            return _LITERALS[name]
        found = value_of(name)
        if found is None and default:
            return default.strip("'")
        if found is None or isinstance(found, list):
            missing = True
            return ""
        return str(found)

    text = _VARIABLE.sub(value, pattern)
    return None if missing else text


def install() -> None:
    """Apply the hooks."""
    from ministack.core import iam_evaluator as evaluator

    _read_each_text_once(evaluator)
    _compare_arns_by_parts(evaluator)
    _replace_variables(evaluator)
    _deny_by_exception(evaluator)
    _trust_whom_the_policy_names(evaluator)
    _count_loopback_as_tls(evaluator)


def _read_each_text_once(evaluator: Any) -> None:
    """Every request has its role's policies read, twice; nobody changes what was read of a text."""
    parse = private(evaluator, "parse_policy_document")
    of_text = lru_cache(maxsize=MOST_TEXTS)(parse)

    def parsed(document: str | dict[str, Any]) -> Any:
        return of_text(document) if isinstance(document, str) else parse(document)

    replace(evaluator, "parse_policy_document", parsed)


def _compare_arns_by_parts(evaluator: Any) -> None:
    operators: dict[str, Any] = private(evaluator, "_CONDITION_OPS")
    matches = private(evaluator, "fnmatch_iam_cs")

    def like(actual: str, expected: str) -> bool:
        return arn_like(actual, expected, matches)

    def unlike(actual: str, expected: str) -> bool:
        return not like(actual, expected)

    operators.update(arnlike=like, arnequals=like, arnnotlike=unlike, arnnotequals=unlike)


def _replace_variables(evaluator: Any) -> None:
    find = private(evaluator, "_first_match")
    resolve = private(evaluator, "_resolve_condition_key")

    def ready(statement: Any, context: Any) -> Any:
        """The statement with its variables replaced; patterns without a value are left out."""

        def values(patterns: list[str]) -> list[str]:
            done = [substituted(item, lambda name: resolve(name, context)) for item in patterns]
            return [item for item in done if item is not None]

        conditions = {
            operator: {
                key: values([str(v) for v in given]) if isinstance(given, list) else values([str(given)])
                for key, given in block.items()
            }
            for operator, block in statement.conditions.items()
        }
        resources = values(statement.resources)
        if statement.resources and not resources:
            resources = [_NOBODY]
        others = values(statement.not_resources)
        return changed(statement, resources=resources, not_resources=others, conditions=conditions)

    def first_match(context: Any, statements: list[Any], effect: str) -> Any:
        usable = [
            ready(item, context)
            if "${" in repr((item.resources, item.not_resources, item.conditions))
            else item
            for item in statements
            if item.effect == effect
        ]
        return find(context, usable, effect)

    replace(evaluator, "_first_match", first_match)


def _deny_by_exception(evaluator: Any) -> None:
    judge = private(evaluator, "evaluate_resource_policy")
    matches = private(evaluator, "_principal_matches")
    load = private(evaluator, "json").loads

    def evaluate(document: Any, context: Any, *rest: Any, **named: Any) -> Any:
        try:
            policy = load(document) if isinstance(document, str) else document
        except ValueError:
            policy = None
        statements = policy.get("Statement", []) if isinstance(policy, dict) else []
        statements = [statements] if isinstance(statements, dict) else statements
        if not any("NotPrincipal" in item for item in statements if isinstance(item, dict)):
            return judge(document, context, *rest, **named)
        readable = [
            {**item, "Principal": "*"}
            if item.get("Effect") == "Deny"
            and "NotPrincipal" in item
            and not matches(item["NotPrincipal"], context.principal_arn)
            else item
            for item in statements
        ]
        return judge({**policy, "Statement": readable}, context, *rest, **named)

    replace(evaluator, "evaluate_resource_policy", evaluate)


def _trust_whom_the_policy_names(evaluator: Any) -> None:
    matches = private(evaluator, "_principal_matches")

    def named(principal: Any, caller_arn: str) -> bool:
        if isinstance(principal, dict):
            principal = {kind: who for kind, who in principal.items() if kind != "Service"}
        return bool(matches(principal, caller_arn))

    replace(evaluator, "_principal_matches", named)


def _count_loopback_as_tls(evaluator: Any) -> None:
    from ministack import app

    origin: ContextVar[tuple[str, bool]] = ContextVar("ona_request_origin", default=("127.0.0.1", True))
    private(evaluator, "_request_origin")
    pin = private(evaluator, "pin_request_origin")
    replace(evaluator, "_request_origin", origin)

    def pin_as_tls(source_ip: str, _secure: bool) -> None:
        pin(source_ip, True)

    replace(evaluator, "pin_request_origin", pin_as_tls)
    replace(app, "pin_request_origin", pin_as_tls)
