"""Resources' records move between stacks, all or none."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from local.hooks.front import Rule
from local.hooks.stack_refactor import hand_over, mappings

RECORD = {"PhysicalResourceId": "ona-input", "ResourceType": "AWS::S3::Bucket"}
STACKS: dict[str, dict[str, Any]] = {
    "all": {
        "StackStatus": "UPDATE_COMPLETE",
        "_resources": {"Bucket": RECORD, "Queue": {"PhysicalResourceId": "q"}},
        "_template": {"Resources": {"Bucket": {"DeletionPolicy": "Retain"}, "Queue": {}}},
    },
    "base": {"StackStatus": "CREATE_COMPLETE", "_resources": {}, "_template": {"Resources": {}}},
    "busy": {"StackStatus": "UPDATE_IN_PROGRESS", "_resources": {"Queue": {}}, "_template": {}},
    "gone": {"StackStatus": "DELETE_COMPLETE", "_resources": {}, "_template": {}},
}


def new_stack(_giver: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "StackName": name,
        "StackStatus": "CREATE_COMPLETE",
        "_resources": {},
        "_template": {"Resources": {}},
    }


@pytest.mark.parametrize("destination", ["base", "new", "gone"])
def test_a_record_moves_with_its_policies(destination: str) -> None:
    stacks = copy.deepcopy(STACKS)
    hand_over(stacks, [("all", "Bucket", destination)], new_stack)
    assert stacks[destination]["_resources"] == {"Bucket": RECORD}
    assert stacks[destination]["_template"]["Resources"] == {"Bucket": {"DeletionPolicy": "Retain"}}
    assert "Bucket" not in stacks["all"]["_resources"]
    assert "Bucket" not in stacks["all"]["_template"]["Resources"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (("all", "Table", "base"), "stack all has no resource Table"),
        (("nobody", "Table", "base"), "stack nobody has no resource Table"),
        (("all", "Bucket", "busy"), "stack busy is UPDATE_IN_PROGRESS"),
    ],
)
def test_nothing_moves_when_one_cannot(wanted: tuple[str, str, str], said: str) -> None:
    stacks = copy.deepcopy(STACKS)
    with pytest.raises(ValueError, match=said):
        hand_over(stacks, [("all", "Queue", "base"), wanted], new_stack)
    assert stacks == STACKS


def test_a_resource_keeps_its_name() -> None:
    start = "ResourceMappings.member.1"
    form = {
        f"{start}.Source.StackName": ["a"],
        f"{start}.Source.LogicalResourceId": ["Bucket"],
        f"{start}.Destination.StackName": ["b"],
        f"{start}.Destination.LogicalResourceId": ["Pail"],
    }
    with pytest.raises(ValueError, match="cannot rename Bucket to Pail"):
        mappings(form)


def rule(**more: Any) -> dict[str, Any]:
    action = {"InvokeApi": {"ApiId": "abc", "Stage": "dev", **more.pop("invoke", {})}}
    return {"DomainNameArn": "arn:x/domainnames/a.b", "Priority": "5", "Actions": [action], **more}


def test_a_routing_rule_may_strip_its_base_path() -> None:
    conditions = [{"MatchBasePaths": {"AnyOf": ["ops", "a/b"]}}]
    stripping = Rule.read(rule(Conditions=conditions, invoke={"StripBasePath": "true"}))
    assert stripping.route("/ops/incidents") == ("abc", "dev", "/incidents")
    assert stripping.route("/a/b") == ("abc", "dev", "/")
    assert stripping.route("/a/bc") is None
    assert Rule.read(rule(Conditions=conditions)).route("/ops") == ("abc", "dev", "/ops")
    with pytest.raises(ValueError, match="one condition here"):
        Rule.read(rule(Conditions=[{"MatchHeaders": {"AnyOf": []}}]))
