"""The month's budget by the bill: made only where CloudFormation can, by the tags of each environment.

Where CloudFormation has the type is read from its registry, as cfn-lint ships it, for each region.
"""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from local.root_template import conditions
from ops.deployment.names import plan
from ops.deployment.rights import NEEDS
from tests.builders.deployed import RESOURCES, ROOT_TEMPLATE, STACKS
from tests.paths import ROOT

REGIONS = files("cfnlint") / "data" / "schemas" / "providers"
KIND = "AWS::Budgets::Budget"


def commercial() -> dict[str, bool]:
    """Each region of the partition aws, and whether it has the type."""
    elsewhere = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-", "sam")
    names = [item.name.removesuffix(".json") for item in REGIONS.iterdir() if item.name.endswith(".json")]
    return {
        name: KIND in json.loads((REGIONS / f"{name}.json").read_text())
        for name in names
        if not name.startswith(elsewhere)
    }


def makes(region: str, usd: str) -> bool:
    """Whether the root makes the budget's stack there."""
    values = {name: str(item.get("Default", "")) for name, item in ROOT_TEMPLATE["Parameters"].items()}
    held = conditions(ROOT_TEMPLATE, {**values, "MonthlyBudgetUsd": usd, "AWS::Region": region})
    return held[ROOT_TEMPLATE["Resources"]["OperationsBudget"]["Condition"]]


def test_a_budget_is_made_in_each_region_that_has_the_type_and_in_no_other() -> None:
    known = commercial()
    assert known["eu-west-1"]
    assert not known["af-south-1"]
    assert {region for region in known if makes(region, "50")} == {
        name for name, has in known.items() if has
    }
    assert not makes("eu-west-1", "0"), "0 is no budget"


def test_the_deployers_right_to_make_it_is_asked_for() -> None:
    given = {"MonthlyBudgetUsd": "50", "Environment": "dev"}
    made = plan(ROOT / "template.yaml", given, account="123456789012", region="eu-west-1")
    kinds = {item["Type"] for _, _, item in made.resources()}
    assert KIND in kinds
    assert kinds <= NEEDS.keys()


def test_no_other_template_names_the_type() -> None:
    holders = {
        name
        for name, stack in STACKS.items()
        for item in stack["Resources"].values()
        if item["Type"] == KIND
    }
    assert holders == {"operations_budget"}, "it would be refused in af-south-1"


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_bill_is_counted_by_the_tags_that_are_deployed(environment: str) -> None:
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    tags = dict(word.split("=") for word in settings["tags"].split())
    budget = RESOURCES["MonthlyBudget"]["Properties"]["Budget"]
    asked = [one["Tags"] for one in budget["FilterExpression"]["And"] if "Tags" in one]
    values = {
        one["Key"]: [environment if value == {"Ref": "Environment"} else value for value in one["Values"]]
        for one in asked
    }
    assert values == {name: [tags[name]] for name in ("Project", "Environment")}
    assert "BudgetName" not in budget, "its notifications could never change"


def test_80_and_100_per_cent_of_what_was_spent_are_told() -> None:
    told = RESOURCES["MonthlyBudget"]["Properties"]["NotificationsWithSubscribers"]
    found = [one["Notification"] for one in told]
    assert [one["Threshold"] for one in found] == [80, 100]
    for one in found:
        assert (one["NotificationType"], one["ComparisonOperator"], one["ThresholdType"]) == (
            "ACTUAL", "GREATER_THAN", "PERCENTAGE",
        )  # fmt: skip


def lets(policy: Any, service: str, account: str) -> bool:
    """Whether one statement alone lets who comes with these facts publish (a reading of our own)."""
    for one in policy["Statement"]:
        actions = [one["Action"]] if isinstance(one["Action"], str) else one["Action"]
        condition = one["Condition"]["StringEquals"]
        own = {"Ref": "AWS::AccountId"}
        owner = condition.get("AWS:SourceOwner") == own and service == "cloudwatch.amazonaws.com"
        source = condition.get("aws:SourceAccount") == own and one["Principal"] == {"Service": service}
        if "sns:Publish" in actions and account == "own" and (owner or source):
            return True
    return False


def test_budgets_and_alarms_may_publish_to_the_topic_and_nobody_else() -> None:
    given = RESOURCES["AlertsTopicPolicy"]["Properties"]
    assert given["Topics"] == [{"Ref": "AlertsTopic"}]
    policy = given["PolicyDocument"]
    assert all(one["Resource"] == {"Ref": "AlertsTopic"} for one in policy["Statement"])
    for service, account, may in (
        ("budgets.amazonaws.com", "own", True),
        ("cloudwatch.amazonaws.com", "own", True),
        ("budgets.amazonaws.com", "another", False),
        ("s3.amazonaws.com", "own", False),
    ):
        assert lets(policy, service, account) is may, f"{service} of {account} account"
    (budgets,) = (one for one in policy["Statement"] if one["Sid"] == "Budgets")
    assert ":budgets::" in budgets["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    location = ROOT_TEMPLATE["Resources"]["OperationsBudget"]["Properties"]
    topic = location["Parameters"]["AlertsTopic"]["Fn::GetAtt"]
    assert (topic if isinstance(topic, str) else ".".join(topic)) == "Foundation.Outputs.AlertsTopic"
