"""Mail to people goes through the outbox, with its limits and quiet hours: nobody else sends any."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from tests.builders.deployed import RESOURCES, TASKS
from tests.paths import ROOT

MAILS = re.compile(r":(sns|ses|sesv2|pinpoint|scheduler|notifications):", re.IGNORECASE)
"""Services of AWS by which a state could send mail or an SMS, in the ARN of an integration."""
SENDING = re.compile(r"^(sns:(Publish|Subscribe|\*)|ses:.*|\*)$")
"""Actions by which a role could make AWS write to somebody."""
SENDER = "DeliverFunction"


@pytest.mark.parametrize(("file", "name", "state"), TASKS, ids=[f"{f}:{n}" for f, n, _ in TASKS])
def test_no_state_sends_mail(file: str, name: str, state: dict[str, Any]) -> None:
    assert not MAILS.search(state["Resource"]), "put it into the outbox, as TellOperator of ooda does"


def test_only_delivery_speaks_to_sns() -> None:
    speaks = {
        path.relative_to(ROOT / "functions").parts[0]
        for path in (ROOT / "functions").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "client"
        and [arg.value for arg in node.args if isinstance(arg, ast.Constant)][:1]
        in (["sns"], ["ses"], ["sesv2"])
    }
    assert speaks == {"delivery"}


def _allowed(policies: Any) -> set[str]:
    """The actions that policies allow, wherever they stand in a resource."""
    found: set[str] = set()
    for part in policies if isinstance(policies, list) else [policies]:
        if isinstance(part, dict):
            if part.get("Effect") == "Allow":
                actions = part.get("Action", [])
                found |= {actions} if isinstance(actions, str) else set(actions)
            for value in part.values():
                found |= _allowed(value) if isinstance(value, (dict, list)) else set()
    return found


def test_only_delivery_may_send() -> None:
    kinds = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine", "AWS::IAM::Role")
    may = {
        name
        for name, item in RESOURCES.items()
        if item["Type"] in kinds and any(SENDING.match(action) for action in _allowed(item["Properties"]))
    }
    assert may == {SENDER}


@pytest.mark.parametrize(
    ("resource", "sends"),
    [
        ("arn:aws:states:::sns:publish", True),
        ("arn:aws:states:::aws-sdk:sns:publish", True),
        ("arn:aws:states:::aws-sdk:sesv2:sendEmail", True),
        ("arn:aws:states:::dynamodb:putItem", False),
        ("arn:aws:states:::sqs:sendMessage", False),
        ("arn:aws:states:::events:putEvents", False),
    ],
)
def test_the_rule_knows_what_sends(resource: str, sends: bool) -> None:
    assert bool(MAILS.search(resource)) is sends


def test_every_notice_of_a_workflow_is_one_as_the_outbox_reads_it() -> None:
    from ona.outbox.items import Notice, parse
    from ona.store.tables import from_item

    notices = [
        (f"{file}:{name}", state["Arguments"])
        for file, name, state in TASKS
        if state["Resource"].endswith("dynamodb:putItem")
        and state["Arguments"]["TableName"] == "${OutboxTable}"
    ]
    assert len(notices) == 2
    for where, arguments in notices:
        assert arguments["ConditionExpression"] == "attribute_not_exists(delivery_id)", where
        text = json.dumps(arguments["Item"])
        item = json.loads(
            re.sub(r'\{"(S|N)": "\{%.*?%\}"\}', lambda m: json.dumps({m[1]: _sample(m[1])}), text)
        )
        item["next_at"] = {"S": "2026-11-26T00:00:00Z"}
        notice = parse(from_item(item), where)
        assert isinstance(notice, Notice), where
        assert (notice.recipient_name, notice.lane, notice.event) == ("operators", "send", "file_rejected")


def _sample(kind: str) -> str:
    return "7" if kind == "N" else "text"
