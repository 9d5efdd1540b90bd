"""A role for tests that are not about permissions."""

from __future__ import annotations

import json
from typing import Any

SERVICES = ("lambda", "states", "events", "scheduler", "apigateway", "ecs-tasks")


def almighty(iam: Any, name: str = "almighty") -> str:
    """Make a role that every service may assume and that may do everything; returns its ARN."""
    services = {"Service": [f"{service}.amazonaws.com" for service in SERVICES]}
    trust = {"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=_policy(everything))
    return str(made["Arn"])


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
