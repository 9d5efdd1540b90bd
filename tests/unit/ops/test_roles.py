"""`ona roles`: uses are counted by statement, what nothing used is listed, and refusals are named."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops import roles
from ops.target import OpsError
from tests.paths import ROOT

STATEMENTS = [
    {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "arn:b/*"},
    {"Sid": "Logs", "Effect": "Allow", "Action": "logs:CreateLogDelivery", "Resource": "*"},
    {"Sid": "Never", "Effect": "Deny", "Action": "s3:*", "Resource": "*"},
]


class Iam:
    """Two roles, one of them of another stack."""

    def get_paginator(self, _name: str) -> Any:
        page = {"Roles": [{"RoleName": "ona-detect"}, {"RoleName": "other"}]}
        return SimpleNamespace(paginate=lambda: [page])

    def list_role_policies(self, **_: str) -> Any:
        return {"PolicyNames": ["p"]}

    def get_role_policy(self, **_: str) -> Any:
        return {"PolicyDocument": {"Statement": STATEMENTS}}

    def list_attached_role_policies(self, **_: str) -> Any:
        return {"AttachedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/Some"}]}


def target(home: Path | None) -> Any:
    return SimpleNamespace(
        embedded=SimpleNamespace(home=str(home)) if home else None, stack="ona", client=lambda _: Iam()
    )


def test_each_permission_has_its_uses(tmp_path: Path) -> None:
    counted = {
        "calls": 4,
        "median_ms": 0.2,
        "allowed": [["ona-detect", "s3:GetObject", "arn:b/*", 3], ["other", "s3:ListBucket", "arn:b/*", 9]],
        "denied": [["ona-detect", "s3:PutObject", "arn:b/k", 1]],
    }
    (tmp_path / roles.FILE).write_text(json.dumps(counted))
    found = roles.report(target(tmp_path))
    assert [(item.action, item.used) for item in found.permissions] == [
        ("s3:GetObject", 3),
        ("s3:ListBucket", 0),
        ("logs:CreateLogDelivery", 0),
    ]
    assert [item.action for item in found.unused] == ["s3:ListBucket"], "logs are not seen here"
    assert found.refusals == [roles.Refusal("ona-detect", "s3:PutObject", "arn:b/k", 1)]


def test_a_home_that_nothing_used_yet_has_no_uses(tmp_path: Path) -> None:
    assert {item.used for item in roles.report(target(tmp_path)).permissions} == {0}


def test_a_damaged_count_and_aws_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / roles.FILE).write_text("{")
    with pytest.raises(OpsError, match="cannot be read"):
        roles.report(target(tmp_path))
    with pytest.raises(OpsError, match="Access Analyzer"):
        roles.report(target(None))


def test_each_reason_is_in_the_docs() -> None:
    """Each reason is explained to people. tests/workflow/test_permissions.py: each is of a permission."""
    page = (ROOT / "docs/embedded-cloud/roles.md").read_text("utf-8")
    for reason in roles.REASONS:
        assert reason.why.partition(":")[0] in page, reason


def test_a_permission_that_only_aws_uses_has_its_reason_and_another_has_none() -> None:
    queue = "arn:aws:sqs:af-south-1:000000000000:ona-function-dead-letters-dev"
    letters = roles.Permission("ona-DetectFunctionRole", "", "sqs:SendMessage", queue, 0)
    assert letters.reason is not None
    assert letters.reason.by_aws
    other = roles.Permission("ona-DetectFunctionRole", "", "s3:GetObject", "arn:aws:s3:::b/assets.json", 0)
    assert other.reason is None
    crews = "arn:aws:dynamodb:af-south-1:000000000000:table/ona-platform-crews"
    assert roles.Permission("ona-DeliverFunctionRole", "", "dynamodb:Scan", crews, 0).reason
    assert roles.Permission("ona-OrderFunctionRole", "", "dynamodb:Scan", crews, 0).reason is None
