"""What the deployer may not do is named before a deployment; what it may is let pass.

IAM is a fake that reads policies as the IAM User Guide says (a deny wins, else one allow is enough,
"Policy evaluation logic") and answers as SimulatePrincipalPolicy's reference has it.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deployment import rights
from ops.deployment.finding import Finding
from ops.deployment.names import Plan, plan
from tests.paths import ROOT

STACK, ACCOUNT = "ona-platform-prod", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/teams/energy/deploy"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/nia"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
EVERYTHING = {
    "Environment": "prod",
    "AlertEmail": "operator@example.com",
    "ReservedConcurrency": "1",
    "TrainingImageUri": "image",
    "TrainingSubnets": "subnet-1",
    "ApiDomainName": "api.example.com",
    "ApiCertificateArn": "arn:aws:acm:af-south-1:123456789012:certificate/1",
}


@cache
def everything() -> Plan:
    return plan(ROOT / "template.yaml", EVERYTHING, account=ACCOUNT, region="af-south-1")


class Account:
    """IAM, and who asks. `conditions`: keys of context that statements on an action look at."""

    def __init__(self, *statements: dict[str, Any], who: str = SESSION) -> None:
        self.statements, self.who = statements, who
        self.conditions: dict[str, str] = {}
        self.organisation, self.boundary = "*", "*"
        self.asked: list[dict[str, Any]] = []

    def __call__(self, service: str) -> Any:
        return {
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Arn": self.who}),
            "iam": SimpleNamespace(get_role=self._role, get_paginator=self._paginator),
        }[service]

    def _role(self, RoleName: str) -> dict[str, Any]:  # noqa: N803
        assert RoleName == "deploy"
        return {"Role": {"Arn": ROLE}}

    def _paginator(self, operation: str) -> Any:
        assert operation == "simulate_principal_policy"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, **given: Any) -> Any:
        assert ":assumed-role/" not in given["PolicySourceArn"], "IAM takes no session (NoSuchEntity)"
        self.asked.append(given)
        [arn] = given["ResourceArns"]
        results = [self._judge(action, arn) for action in given["ActionNames"]]
        for begin in range(0, len(results), 3):  # IsTruncated
            yield {"EvaluationResults": results[begin : begin + 3]}

    def _judge(self, action: str, arn: str) -> dict[str, Any]:
        effects = {
            one["Effect"]
            for one in self.statements
            if fnmatchcase(action, one["Action"]) and fnmatchcase(arn, one["Resource"])
        }
        decision = "explicitDeny" if "Deny" in effects else "allowed" if effects else "implicitDeny"
        beyond = {
            "OrganizationsDecisionDetail": {
                "AllowedByOrganizations": fnmatchcase(action, self.organisation)
            },
            "PermissionsBoundaryDecisionDetail": {
                "AllowedByPermissionsBoundary": fnmatchcase(action, self.boundary)
            },
        }
        if not all(next(iter(one.values())) for one in beyond.values()):
            decision = "implicitDeny"
        missing = [self.conditions[action]] if action in self.conditions else []
        if missing:
            decision = "implicitDeny"
        return {"EvalActionName": action, "EvalResourceName": arn, "EvalDecision": decision,
                "MissingContextValues": missing, **beyond}  # fmt: skip

    def found(self) -> list[Finding]:
        return list(rights.findings(self, everything(), STACK))


def test_who_may_all_is_ready_by_role_user_and_root() -> None:
    for who, named in ((SESSION, ROLE), (f"arn:aws:iam::{ACCOUNT}:user/nia", "user/nia")):
        account = Account(ALL, who=who)
        [found] = account.found()
        assert (found.state, named in found.text) == ("ok", True)
        assert account.asked
    root = Account(who=f"arn:aws:iam::{ACCOUNT}:root")
    [found] = root.found()
    assert (found.state, root.asked) == ("ok", [])


@pytest.mark.parametrize(
    ("statement", "action", "on"),
    [
        ({"Action": "dynamodb:UpdateTimeToLive"}, "dynamodb:UpdateTimeToLive", ":table/ona-platform-"),
        ({"Action": "iam:PassRole"}, "iam:PassRole", ":role/ona-platform-prod-"),
        ({"Action": "states:PublishStateMachineVersion"}, "states:PublishStateMachineVersion", ":ona-"),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::ona-*"}, "s3:CreateBucket", "arn:aws:s3:::ona-"),
    ],
)
def test_one_right_that_is_denied_is_named_with_its_arn(statement: Any, action: str, on: str) -> None:
    found = Account(ALL, {"Effect": "Deny", "Resource": "*", **statement}).found()
    assert {item.state for item in found} == {"wrong"}
    assert any(action in item.text and on in item.text for item in found), found
    assert all("a statement denies it" in item.text for item in found)


def test_rights_on_the_platforms_own_names_are_enough_and_on_others_are_not() -> None:
    """The deployer of one who gives no right on anybody else's things."""
    own = [
        {**ALL, "Resource": pattern} for pattern in ("*ona-*", "arn:aws:apigateway:*", "\\*", "*example*")
    ]
    asked_on_all = {**ALL, "Resource": "[*]"}  # what has no narrower resource is asked on `*` itself
    assert [item.state for item in Account(*own, asked_on_all).found()] == ["ok"]
    theirs = [{**one, "Resource": one["Resource"].replace("ona-", "shop-")} for one in own]
    found = Account(*theirs, asked_on_all).found()
    assert any("dynamodb:CreateTable" in item.text and "nothing allows it" in item.text for item in found)


def test_what_is_above_the_role_is_told_apart() -> None:
    account = Account(ALL)
    account.organisation = "[!l]*"  # no Lambda, no logs
    texts = {item.text.rpartition(": ")[2] for item in account.found()}
    assert texts == {"a policy of the organisation does not allow it"}
    account = Account(ALL)
    account.boundary = "[!l]*"
    texts = {item.text.rpartition(": ")[2] for item in account.found()}
    assert texts == {"its permissions boundary does not allow it"}


def test_what_hangs_on_a_condition_is_not_called_wrong() -> None:
    account = Account(ALL)
    account.conditions = {"sqs:CreateQueue": "aws:RequestTag/team"}
    [found] = account.found()
    assert (found.state, "aws:RequestTag/team" in found.text) == ("not asked", True)


def test_every_type_of_the_templates_is_known_and_every_action_is_awss() -> None:
    """cfn-lint carries AWS's own list of actions."""
    kinds = {item["Type"] for _, _, item in everything().resources()}
    assert kinds - rights.NEEDS.keys() == set()
    listed = json.loads((files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text())
    asked = {action for needs in rights.NEEDS.values() for right in needs for action in right.named}
    for action in sorted(asked):
        service, _, name = action.partition(":")
        assert name.lower() in {known.lower() for known in listed[service]["Actions"]}, action
