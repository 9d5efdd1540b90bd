"""What each role of the embedded cloud may do, how often it did it, and what it was refused.

The counts are of the embedded cloud's home (`roles.json`): they begin when the home was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ops.target import OpsError, Target

FILE = "roles.json"
UNSEEN = ("logs:", "xray:", "ecr:")
"""Services that Lambda, Step Functions or ECS call in a role's name, and the embedded cloud does itself."""


@dataclass(frozen=True)
class Reason:
    """Why a permission is needed that neither the demo nor the workflow tests use. `action`, `resource` and
    `role` are patterns; `by_aws`: AWS itself uses it, and the embedded cloud does not."""

    action: str
    resource: str
    why: str
    role: str = "*"
    by_aws: bool = False


_DELIVER = "*-DeliverFunction*"
_OPS_API = "*-OperationsApiFunction*"
_ROUTINES, _TIMERS = "*-RoutinesFuncti*", "*-RoutinesTimer*"
_TICKETS = "a ticketing system of ticketing.yaml reports a new status"
REASONS = (
    Reason(
        "sqs:SendMessage",
        "*:ona-function-dead-letters-*",
        "Lambda keeps an asynchronous event that failed three times",
        by_aws=True,
    ),
    Reason("states:DescribeExecution", "*:execution:*", "an execution that failed on the day", _ROUTINES),
    Reason(
        "states:*Execution",
        "*:execution:*",
        "a Distributed Map follows, stops, redrives its items",
        by_aws=True,
    ),
    Reason("s3:GetObject", "*/map-results/*", "a Distributed Map writes its results in parts", by_aws=True),
    Reason(
        "s3:*Multipart*", "*/map-results/*", "a Distributed Map writes its results in parts", by_aws=True
    ),
    Reason("states:StartExecution", "*:ona-forecast-schedule-*", "the timers of each hour and of each day"),
    Reason("states:StartExecution", "*:ona-daily-routine-*", "the timers of the routines", _TIMERS),
    Reason("sqs:SendMessage", "*:ona-rule-dead-letters-*", "a routine that could not be started", _TIMERS),
    Reason(
        "states:StartExecution",
        "*:stateMachine:*:live",
        "SAM allows a rule the alias; Step Functions asks for the workflow that it is of",
        by_aws=True,
    ),
    Reason(
        "s3:GetObject", "*/detections/*", "a file that was judged before, told without version", _ROUTINES
    ),
    Reason("s3:GetObject", "*/diagnostics/*", "a diagnostic that is told without version", _ROUTINES),
    Reason("cloudwatch:GetMetricData", "*", "whether a fault is over, for who is told", "*-AlertProcesso*"),
    Reason("cloudtrail:LookupEvents", "*", "a rule or function that somebody turned off", _ROUTINES),
    Reason(
        "s3:GetObject", "*/operations/deployments/*", "a deployment by a command is on record", _ROUTINES
    ),
    Reason("cloudformation:DescribeStackEvents", "*", "why a deployment was refused", _ROUTINES),
    Reason("s3:GetObject", "*/accuracy/*", "sites that are forecast, with measured days", _ROUTINES),
    Reason("ssm:GetParameter", "*/visual-crossing-api-key", "WeatherProvider=visual_crossing"),
    Reason("ssm:GetParameter", "*/insurance-api-key", "a service of custom_services.yaml", _DELIVER),
    Reason("ssm:GetParameter", "*/ticketing-*", "a ticketing system of ticketing.yaml", _DELIVER),
    Reason(
        "dynamodb:Query", "*/ona-platform-tracking/index/open-index", "the digest of each day", _DELIVER
    ),
    Reason("s3:ListBucketVersions", "*", "an asset history that cannot be read", "*-DetectFunction*"),
    Reason(
        "s3:GetObjectVersion", "*/incidents/*", "an asset history that cannot be read", "*-DetectFunction*"
    ),
    Reason("dynamodb:UpdateItem", "*/ona-platform-tracking", _TICKETS, _DELIVER),
    Reason("dynamodb:PutItem", "*/ona-platform-tracking", f"{_TICKETS}: its line of history", _DELIVER),
    Reason("dynamodb:BatchGetItem", "*/ona-platform-tracking", "an order with more than ten changes"),
    Reason("dynamodb:PutItem", "*/ona-platform-outbox", "a repair that nobody could judge", _OPS_API),
    Reason(
        "dynamodb:PutItem",
        "*/ona-platform-outbox",
        "the digest of each day, a record told as bad",
        _DELIVER,
    ),
    Reason(
        "sns:*", "*:ona-platform-subscribers", "addresses of before each had a topic of its own", _DELIVER
    ),
    Reason("s3:DeleteObject", "*/map-results/*/lost/*", "a letter that was written at the second try"),
    Reason("s3:PutObject", "*/map-results/ooda/*", "a plan by regions", "*-ScheduleFunction*"),
    Reason("appconfig:*", "*", "training in a container", "*-GlobalTrainingSe*"),
    Reason("dynamodb:DeleteItem", "*/ona-platform-tracking", f"{_TICKETS}: its locks go", _DELIVER),
    Reason("dynamodb:*", "*/ona-platform-crews", f"{_TICKETS}: its visit stays or goes", _DELIVER),
)
"""What stays in the templates although nothing used it here: docs/embedded-cloud/roles.md has the list."""


@dataclass(frozen=True)
class Permission:
    """One action on one resource that a statement allows, and what came of it."""

    role: str
    sid: str
    action: str
    resource: str
    used: int

    @property
    def unseen(self) -> bool:
        """Whether the embedded cloud cannot tell that it was used."""
        return self.action.startswith(UNSEEN)

    @property
    def reason(self) -> Reason | None:
        """Why it is needed although nothing used it; None where that is for a reader to find out."""
        return next((item for item in REASONS if _covers(item, self)), None)


@dataclass(frozen=True)
class Refusal:
    """A call that was refused."""

    who: str
    action: str
    resource: str
    times: int


@dataclass(frozen=True)
class Report:
    """All permissions of the stack's roles, and all refusals."""

    permissions: list[Permission]
    refusals: list[Refusal]
    calls: int
    median_ms: float | None

    @property
    def unused(self) -> list[Permission]:
        """Permissions that nothing used."""
        return [item for item in self.permissions if not item.used and not item.unseen]


def _covers(reason: Reason, item: Permission) -> bool:
    pairs = (
        (item.action, reason.action),
        (item.resource, reason.resource),
        (item.role, reason.role),
    )
    return all(fnmatchcase(value, pattern) for value, pattern in pairs)


def report(target: Target) -> Report:
    """Read the counts and the policies. Raises OpsError on AWS, where IAM Access Analyzer knows."""
    if target.embedded is None:
        raise OpsError("on AWS, IAM Access Analyzer tells which permissions nothing used")
    counts = _counts(Path(target.embedded.home) / FILE)
    allowed = [(who, action, resource, int(times)) for who, action, resource, times in counts["allowed"]]
    permissions = [
        Permission(role, sid, action, resource, _used(allowed, role, action, resource))
        for role, sid, action, resource in statements(target.client("iam"), target.stack)
    ]
    refusals = [Refusal(who, action, where, int(times)) for who, action, where, times in counts["denied"]]
    return Report(permissions, refusals, int(counts["calls"]), counts["median_ms"])


def _counts(path: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {"allowed": [], "denied": [], "calls": 0, "median_ms": None}
    except ValueError as error:
        raise OpsError(f"{path} cannot be read: {error}") from error
    return stored


def _used(allowed: list[tuple[str, str, str, int]], role: str, action: str, resource: str) -> int:
    """How often a role's action was allowed by this pattern.

    >>> rows = [("r", "s3:GetObject", "arn:b/*", 2), ("r", "s3:PutObject", "arn:b/*", 1)]
    >>> _used(rows, "r", "s3:*", "arn:b/*"), _used(rows, "r", "s3:GetObject", "arn:*")
    (3, 0)
    """
    pattern = action.lower()
    return sum(
        times
        for who, what, where, times in allowed
        if who == role
        and (where == resource or ("*" not in where and fnmatchcase(where, resource)))
        and fnmatchcase(what.lower(), pattern)
    )


def statements(iam: Any, stack: str) -> Iterator[tuple[str, str, str, str]]:
    """Role, Sid, action and resource of everything that the roles of a stack are allowed."""
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            name = str(role["RoleName"])
            if not name.startswith(stack):
                continue
            for document in _documents(iam, name):
                given = document["Statement"]
                for statement in given if isinstance(given, list) else [given]:
                    if statement["Effect"] != "Allow":
                        continue
                    for action in _listed(statement.get("Action", "*")):
                        for resource in _listed(statement.get("Resource", "*")):
                            yield name, str(statement.get("Sid", "")), action, resource


def _documents(iam: Any, role: str) -> Iterator[dict[str, Any]]:
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield _document(iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = str(attached["PolicyArn"])
        if arn.startswith("arn:aws:iam::aws:"):
            continue  # AWS's own, which SAM attaches for logs and traces
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        yield _document(found["PolicyVersion"]["Document"])


def _document(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)


def _listed(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) else [str(item) for item in value]
