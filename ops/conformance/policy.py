"""What a role allows: the part of IAM's evaluation that our roles use.

A sample resource may hold `ANY` for text that is known only when the state runs. Only a `*` matches it.

>>> allow = {"Effect": "Allow", "Action": "s3:Put*", "Resource": "arn:aws:s3:::b/outcomes/*"}
>>> allows([allow], "s3:PutObject", f"arn:aws:s3:::b/outcomes/{ANY}.json")
True
>>> allows([allow], "s3:PutObject", f"arn:aws:s3:::b/{ANY}"), allows([allow], "s3:GetObject", None)
(False, False)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

ANY = "\ue000"
"""Stands for text that is known only at run time; a private character, so no ARN has it."""

Statement = dict[str, Any]
"""One statement of a policy, with plain texts."""


@dataclass(frozen=True)
class Need:
    """An action that a role must allow; without a resource because it is known only at run time: on any."""

    action: str
    resource: str | None
    where: str
    why: str
    source: str


def listed(value: Any) -> list[str]:
    """A value that IAM takes alone or in a list."""
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    parts = (".*" if char == "*" else f"[^{ANY}]" if char == "?" else re.escape(char) for char in text)
    return re.compile("".join(parts), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether IAM's pattern covers a text: `*` is any text, `?` one known character."""
    return _pattern(pattern).fullmatch(text) is not None


def concerns(statement: Statement, action: str) -> bool:
    """Whether a statement names an action; IAM does not mind case there."""
    return any(matches(item.lower(), action.lower()) for item in listed(statement.get("Action", [])))


def allows(statements: list[Statement], action: str, resource: str | None) -> bool:
    """Whether the statements allow an action: an Allow without a condition, and no Deny.

    A condition on the keys of items narrows which items a call may name; only the call itself shows them,
    and the embedded cloud judges it there (`dynamodb:LeadingKeys`).
    """

    def hit(statement: Statement) -> bool:
        on = listed(statement.get("Resource", []))
        covered = bool(on) if resource is None else any(matches(item, resource) for item in on)
        return covered and concerns(statement, action)

    denied = any(hit(item) for item in statements if item.get("Effect") == "Deny")
    granted = (item for item in statements if item.get("Effect") == "Allow" and _by_keys_only(item))
    return not denied and any(hit(item) for item in granted)


def _by_keys_only(statement: Statement) -> bool:
    """Whether a statement has no condition, or one on the keys of DynamoDB's items alone."""
    condition = statement.get("Condition")
    return not condition or {name for test in condition.values() for name in test} == {
        "dynamodb:LeadingKeys"
    }


def grants(statement: Statement) -> list[tuple[str, str]]:
    """Each pair of action and resource that an Allow grants."""
    if statement.get("Effect") != "Allow":
        return []
    return [
        (action, resource)
        for action in listed(statement.get("Action", []))
        for resource in listed(statement.get("Resource", []))
    ]


def uses(grant: tuple[str, str], needed: Need) -> bool:
    """Whether a need is met by this grant."""
    action, resource = grant
    if not matches(action.lower(), needed.action.lower()):
        return False
    return needed.resource is None or matches(resource, needed.resource)
