"""AWS Budgets in the embedded cloud: what a template may ask for, and what AWS refuses.

The limits are written down here from AWS's pages: ten notifications, one topic and ten addresses each, a
threshold from 0.1 on, a name that is unique in the account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local import cloud
from local.packaging import read_template
from local.record import Cloud
from tests.fakes.lab import unique
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
ACCOUNT = "000000000000"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:ops"
R = dict[str, Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("budgets")
    yield cloud.start(home, port=cloud.free_port(0), keep_state=False)
    cloud.stop(home)


def client(running: Cloud, service: str, region: str = "eu-west-1") -> Any:
    given = running.environment()
    keys = {name.lower(): given[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    return boto3.client(service, endpoint_url=running.endpoint, region_name=region, **keys)


def at(threshold: float, *subscribers: R) -> R:
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN"}
    told = list(subscribers) or [{"SubscriptionType": "SNS", "Address": TOPIC}]
    return {"Notification": {**notification, "Threshold": threshold}, "Subscribers": told}


def mail(n: int) -> R:
    return {"SubscriptionType": "EMAIL", "Address": f"ops{n}@example.com"}


def month(**more: Any) -> R:
    limit = {"Amount": "50", "Unit": "USD"}
    return {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit, **more}


def template(budget: R, *told: R) -> str:
    properties = {"Budget": budget, "NotificationsWithSubscribers": list(told)}
    made = {"Type": "AWS::Budgets::Budget", "Properties": properties}
    return json.dumps({"Resources": {"Month": made}, "Outputs": {"Name": {"Value": {"Ref": "Month"}}}})


@pytest.fixture
def stack(running: Cloud) -> Iterator[tuple[Any, str]]:
    stacks, name = client(running, "cloudformation"), unique("budget")
    yield stacks, name
    stacks.delete_stack(StackName=name)


def deployed(stacks: Any, name: str, body: str, verb: str = "create") -> str:
    getattr(stacks, f"{verb}_stack")(StackName=name, TemplateBody=body)
    try:
        stacks.get_waiter(f"stack_{verb}_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
        )
    except Exception:
        events = stacks.describe_stack_events(StackName=name)["StackEvents"]
        raise AssertionError([one.get("ResourceStatusReason", "") for one in events]) from None
    return str(stacks.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"])


def names(running: Cloud) -> set[str]:
    return {
        one["BudgetName"]
        for one in client(running, "budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    }


def test_a_template_makes_changes_replaces_and_takes_away_a_budget(
    running: Cloud, stack: tuple[Any, str]
) -> None:
    stacks, name = stack
    budgets = client(running, "budgets")
    first = deployed(stacks, name, template(month(), at(80), at(100)))
    asked = {"AccountId": ACCOUNT, "BudgetName": first}
    made = budgets.describe_budget(**asked)["Budget"]
    assert made["BudgetLimit"] == {"Amount": "50", "Unit": "USD"}
    assert "CalculatedSpend" not in made, "nobody sends a bill here"
    told = budgets.describe_notifications_for_budget(**asked)["Notifications"]
    assert sorted(one["Threshold"] for one in told) == [80, 100]
    more = month(BudgetLimit={"Amount": "75", "Unit": "USD"})
    assert deployed(stacks, name, template(more, at(80), at(100)), "update") == first, "the same budget"
    assert budgets.describe_budget(**asked)["Budget"]["BudgetLimit"]["Amount"] == "75"
    second = deployed(stacks, name, template(more, at(90), at(100)), "update")
    assert second != first, "other notifications make another budget"
    assert {first, second} & names(running) == {second}
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2})
    assert second not in names(running)


def test_with_a_name_of_its_own_no_notification_can_change(running: Cloud, stack: tuple[Any, str]) -> None:
    stacks, name = stack
    own = month(BudgetName=unique("named"))
    deployed(stacks, name, template(own, at(80)))
    with pytest.raises(AssertionError, match="already exists"):
        deployed(stacks, name, template(own, at(90)), "update")
    assert own["BudgetName"] in names(running), "the old one stands"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (template(month(TimeUnit="HOURLY"), at(80)), "TimeUnit must be one of"),
        (template(month(BudgetType="MONEY"), at(80)), "BudgetType must be one of"),
        (template({"BudgetType": "COST", "TimeUnit": "MONTHLY"}, at(80)), "limit is required"),
        (template(month(BudgetLimit={"Amount": "-5", "Unit": "USD"}), at(80)), "Invalid amount"),
        (template(month(BudgetName="a:b"), at(80)), "valid budget name"),
        (template(month(), at(0)), "not greater or equal to 0.1"),
        (template(month(), at(80), at(80)), "Duplicate notification"),
        (template(month(), *(at(n) for n in range(1, 12))), "at most 10 notifications"),
        (template(month(), at(80, *(mail(n) for n in range(11)))), "at most 10 EMAIL"),
        (template(month(), at(80, mail(1), mail(1))), "stands twice"),
        (
            template(month(), at(80, *({"SubscriptionType": "SNS", "Address": TOPIC + x} for x in "ab"))),
            "at most 1 SNS",
        ),
        (
            template(
                month(), at(80, {"SubscriptionType": "SNS", "Address": TOPIC.replace(ACCOUNT, "1" * 12)})
            ),
            "Invalid SNS topic",
        ),
        (template(month(), at(80, {"SubscriptionType": "SMS", "Address": "1"})), "SubscriptionType"),
        (template(month(), {"Notification": at(80)["Notification"]}), "required key"),
    ],
    ids=lambda value: value if len(value) < 40 else "",
)
def test_what_aws_rolls_back_is_rolled_back(stack: tuple[Any, str], body: str, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        deployed(*stack, body)


def test_the_most_that_aws_takes_is_taken(running: Cloud, stack: tuple[Any, str]) -> None:
    topic = {"SubscriptionType": "SNS", "Address": TOPIC}
    full = [at(n, topic, *(mail(n) for n in range(10))) for n in range(1, 11)]
    assert deployed(*stack, template(month(), *full)) in names(running)


def test_the_platforms_own_budget_is_made_where_it_is_deployed_alone(
    running: Cloud, stack: tuple[Any, str]
) -> None:
    stacks, name = stack
    body = json.dumps(read_template(ROOT / "stacks/operations_budget.yaml"))
    given = {
        "Environment": "prod",
        "MonthlyBudgetUsd": "500",
        "AlertsTopic": "",
        "BudgetEmail": "ops@example.com",
    }
    stacks.create_stack(
        StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )  # fmt: skip
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2})
    budgets = client(running, "budgets")
    (found,) = (one for one in names(running) if one.startswith(name))
    asked = {"AccountId": ACCOUNT, "BudgetName": found}
    made = budgets.describe_budget(**asked, ShowFilterExpression=True)["Budget"]
    assert (made["BudgetLimit"], made["TimeUnit"]) == ({"Amount": "500", "Unit": "USD"}, "MONTHLY")
    assert {"Tags": {"Key": "Environment", "Values": ["prod"]}} in made["FilterExpression"]["And"]
    for notification in budgets.describe_notifications_for_budget(**asked)["Notifications"]:
        del notification["NotificationState"]
        told = budgets.describe_subscribers_for_notification(**asked, Notification=notification)
        assert told["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": "ops@example.com"}]


def test_cape_town_has_no_such_type_and_ireland_has(running: Cloud) -> None:
    with pytest.raises(
        ClientError, match=r"Unrecognized resource types: \[AWS::Budgets::Budget\]"
    ) as error:
        client(running, "cloudformation", "af-south-1").create_stack(
            StackName=unique("no"), TemplateBody=template(month(), at(80))
        )
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_another_account_and_one_subscriber_too_many_are_refused(running: Cloud) -> None:
    budgets, name = client(running, "budgets"), unique("api")
    with pytest.raises(ClientError) as error:
        budgets.describe_budgets(AccountId="1" * 12)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    budgets.create_budget(
        AccountId=ACCOUNT, Budget=month(BudgetName=name), NotificationsWithSubscribers=[at(80)]
    )
    asked = {"AccountId": ACCOUNT, "BudgetName": name, "Notification": at(80)["Notification"]}
    budgets.create_subscriber(**asked, Subscriber=mail(1))
    with pytest.raises(ClientError) as error:
        budgets.create_subscriber(**asked, Subscriber={"SubscriptionType": "SNS", "Address": TOPIC + "2"})
    assert error.value.response["Error"]["Code"] == "CreationLimitExceededException"
    budgets.delete_budget(AccountId=ACCOUNT, BudgetName=name)
