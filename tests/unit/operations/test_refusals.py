"""One refusal is one warning: the events are those of CloudFormation's guide, the newest first.

A nested stack that fails cancels what is on its way beside it, and the root takes all back (AWS
CloudFormation User Guide, "Embed stacks within other stacks using nested stacks", "View stack events").
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from operations.reading.finding import Finding
from operations.reading.inventory import Inventory
from operations.reading.stacks import stacks

KIND = "AWS::CloudFormation::Stack"
BACK = "UPDATE_ROLLBACK_COMPLETE"
Told = tuple[str, str, str, str]
"""Of an event: logical id, type, status, reason."""


def nested(name: str, why: str = "Resource update cancelled") -> Told:
    return (name, KIND, "UPDATE_FAILED", why)


OLD: list[Told] = [
    ("own", KIND, BACK, ""),
    ("Old", "AWS::SQS::Queue", "UPDATE_FAILED", "an older fault"),
    ("own", KIND, "UPDATE_IN_PROGRESS", "User Initiated"),
]


def operation(*told: Told, end: str = BACK) -> list[Told]:
    """The last operation, before it an older one that failed for another reason."""
    return [("own", KIND, end, ""), *told, ("own", KIND, "UPDATE_IN_PROGRESS", ""), *OLD]


class CloudFormation:
    def __init__(self, events: dict[str, list[Told]], refuses: str = "") -> None:
        self.events, self.refuses = events, refuses

    def __call__(self, _: str) -> Any:
        return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=self._pages))

    def _pages(self, StackName: str) -> Iterator[Any]:  # noqa: N803
        if self.refuses:
            raise RuntimeError(self.refuses)
        told = self.events[StackName]
        for place, (name, kind, status, why) in enumerate(told):  # a page each
            left = len(told) - place
            day = 1 if left <= len(OLD) else 3 if StackName == "p" else 2  # the root tells of it last
            at = datetime(2026, 3, day, 8, left, tzinfo=UTC) + timedelta(minutes=StackName == "p")
            physical = StackName if name == "own" else f"{StackName}-{name}-1X"
            event = {
                "StackId": StackName,
                "PhysicalResourceId": physical,
                "ResourceStatus": status,
                "Timestamp": at,
            }
            more = {"LogicalResourceId": name, "ResourceType": kind}
            yield {"StackEvents": [{**event, **more, **({"ResourceStatusReason": why} if why else {})}]}


def seen(events: dict[str, list[Told]], refuses: str = "", **statuses: str) -> list[Finding]:
    names = {name.replace("_", "-"): status for name, status in statuses.items()}
    found = stacks(CloudFormation(events, refuses), Inventory("p", names, {}))
    return [one for one in found if one.state != "ok"]


NINE = {f"p_{letter}": BACK for letter in "abcdefgh"}
EVENTS = {
    "p": operation(nested("B", "Embedded stack was not successfully updated."), nested("C")),
    "p-a": operation(),
    "p-b": operation(
        ("Alias", "AWS::Lambda::Alias", "UPDATE_FAILED", "CodeDeploy deployment d-1 failed:\n no room"),
        ("Beside", "AWS::SQS::Queue", "UPDATE_FAILED", "Resource update cancelled"),
    ),
    "p-c": operation(("Queue", "AWS::SQS::Queue", "CREATE_FAILED", "Resource creation cancelled")),
    **{f"p-{letter}": operation() for letter in "defgh"},
}


def test_nine_stacks_that_went_back_are_one_warning_with_the_cause() -> None:
    [one] = seen(EVENTS, p=BACK, **NINE)
    assert (one.state, one.about) == ("warning", "p")
    assert (
        "refused by p-b: Alias (AWS::Lambda::Alias): CodeDeploy deployment d-1 failed: no room" in one.text
    )
    assert "all 9 stacks of it went back" in one.text
    for other in ("older fault", "cancelled", "Beside", "p-c"):
        assert other not in one.text


def test_a_stack_that_an_older_deployment_took_back_is_no_part_of_this_one() -> None:
    """Nothing changed in it since, so its last operation, its status and its events are of then."""
    events = {"p": operation(nested("B")), "p-a": OLD, "p-b": EVENTS["p-b"]}
    [one] = seen(events, p=BACK, p_a=BACK, p_b=BACK)
    assert "refused by p-b: Alias" in one.text
    assert "all 2 stacks of it went back" in one.text
    assert "older fault" not in one.text
    [first] = seen({"p": OLD, "p-a": OLD}, p=BACK, p_a=BACK)
    assert "older fault" in first.text, "where there is no operation of the root before, it is of the last"


def test_a_stack_that_is_gone_again_is_told_by_the_root() -> None:
    why = "Embedded stack was not successfully created: no good name"
    [one] = seen({"p": operation(nested("New", why)), "p-a": operation()}, p=BACK, p_a=BACK)
    assert f"refused by p: New ({KIND}): {why}" in one.text


@pytest.mark.parametrize(("refuses", "told"), [("AccessDenied", "AccessDenied"), ("", "do not say what")])
def test_a_refusal_without_a_reason_is_told_all_the_same(refuses: str, told: str) -> None:
    [one] = seen({"p": operation(), "p-a": operation()}, refuses, p=BACK, p_a=BACK)
    assert one.state == "warning"
    assert told in one.text


def test_a_stack_that_went_back_before_a_later_deployment_is_well() -> None:
    assert seen({}, p="UPDATE_COMPLETE", p_a=BACK) == []


def test_one_that_cannot_go_back_is_critical_and_one_on_its_way_a_warning() -> None:
    found = seen({"p": operation()}, p="UPDATE_ROLLBACK_FAILED", p_a="UPDATE_ROLLBACK_IN_PROGRESS")
    assert [(one.about, one.state) for one in found] == [("p", "critical"), ("p-a", "warning")]


def test_a_stack_that_a_kill_left_half_updated_says_so() -> None:
    cut = Inventory("p", {"p": "UPDATE_COMPLETE", "p-a": BACK}, {}, reasons={"p-a": "the cloud was ended"})
    [one] = [one for one in stacks(CloudFormation({}), cut) if one.state != "ok"]
    assert (one.about, "half updated: the cloud was ended" in one.text) == ("p-a", True)
