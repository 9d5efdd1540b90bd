"""Roles for tests, and what they may do."""

from __future__ import annotations

import json
from typing import Any

ROOT = "arn:aws:iam::000000000000:root"
SERVICES = ("lambda", "states", "events", "scheduler", "apigateway", "ecs-tasks")
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def make(iam: Any, name: str, statements: list[dict[str, Any]], *services: str) -> str:
    """Make a role with these statements, which the services and the account may assume; returns its ARN."""
    principals = {"Service": [f"{service}.amazonaws.com" for service in services or SERVICES]}
    trust = {"Effect": "Allow", "Principal": {**principals, "AWS": ROOT}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy([trust]))["Role"]
    if statements:
        grant(iam, made["Arn"], statements)
    return str(made["Arn"])


def grant(iam: Any, role: str, statements: list[dict[str, Any]]) -> None:
    """Give a role these statements, instead of those that it has from here."""
    name = role.rsplit("/", 1)[-1]
    iam.put_role_policy(RoleName=name, PolicyName="lab", PolicyDocument=policy(statements))


def almighty(iam: Any, name: str = "almighty") -> str:
    """Make a role that may do everything, for tests that are not about permissions; returns its ARN."""
    return make(iam, name, EVERYTHING)
