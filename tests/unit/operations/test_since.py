"""Since when a thing is as it is, and that somebody keeps the alerts quiet.

CloudTrail's events are shaped as the CloudTrail User Guide has them ("CloudTrail record contents"), the
alert log's items as `ona maintenance start` writes them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from operations.config.maintenance import Maintenance, Recurring
from operations.reading import flow, services, windows
from operations.reading.inventory import Inventory

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def event(call: str, minutes_ago: int, by: str, error: str = "", **given: Any) -> dict[str, Any]:
    details = {"eventName": call, "requestParameters": given, **({"errorCode": error} if error else {})}
    at = NOW - minutes_ago * MINUTE
    return {"EventName": call, "EventTime": at, "Username": by, "CloudTrailEvent": json.dumps(details)}


class Account:
    """A rule, a timer and a function that are off; `events`: what CloudTrail has, the newest first."""

    def __init__(self, *events: dict[str, Any], refused: bool = False) -> None:
        self.events, self.refused, self.asked = events, refused, list[str]()

    def __call__(self, service: str) -> Any:
        return self

    def lookup_events(self, **given: Any) -> dict[str, Any]:
        if self.refused:
            raise PermissionError("cloudtrail:LookupEvents")
        [attribute] = given["LookupAttributes"]
        assert attribute["AttributeKey"] == "EventName"
        self.asked.append(attribute["AttributeValue"])
        found = [one for one in self.events if one["EventName"] == attribute["AttributeValue"]]
        place = int(given.get("NextToken", 0))
        more = {"NextToken": str(place + 1)} if place + 1 < len(found) else {}
        return {"Events": found[place : place + 1], **more}

    def describe_rule(self, **given: str) -> dict[str, str]:
        assert given.get("EventBusName") in (None, "own")
        return {"State": "ENABLED" if given["Name"] == "well" else "DISABLED"}

    def get_schedule(self, **given: str) -> dict[str, Any]:
        moment = NOW - 7 * MINUTE
        return {"State": "DISABLED", "ScheduleExpression": "rate(1 hour)", "LastModificationDate": moment}

    def get_function_configuration(self, **given: str) -> dict[str, str]:
        return {"State": "Active"}

    def get_function_concurrency(self, **given: str) -> dict[str, int]:
        return {} if given["FunctionName"] == "well" else {"ReservedConcurrentExecutions": 0}


def seen(account: Account, rule: str = "off") -> dict[str, tuple[datetime | None, str]]:
    rules = Inventory("r", {}, {"AWS::Events::Rule": [rule, "well"], "AWS::Scheduler::Schedule": ["timer"]})
    functions = Inventory("r", {}, {"AWS::Lambda::Function": ["fn", "well"]})
    found = [*flow.rules(account, rules), *services.functions(account, functions)]
    return {one.about: (one.since, one.text) for one in found if one.state != "ok"}


OFF = event("DisableRule", 12, "nia", name="off")
SHUT = event("PutFunctionConcurrency20171031", 9, "sam", functionName="fn", reservedConcurrentExecutions=0)


def test_what_is_off_says_since_when_and_by_whom() -> None:
    found = seen(Account(OFF, SHUT))
    assert found["off"][0] == NOW - 12 * MINUTE
    assert found["off"][1].endswith("; changed by nia")
    assert found["fn"][0] == NOW - 9 * MINUTE
    assert found["fn"][1].endswith("; changed by sam")
    assert found["timer"][0] == NOW - 7 * MINUTE
    assert "well" not in found


def test_the_newest_change_counts_and_the_one_that_was_refused_does_not() -> None:
    refused = event("DisableRule", 2, "eve", "AccessDenied", name="off")
    older = event("DisableRule", 600, "old", name="off")
    other = event("DisableRule", 1, "bob", name="other")
    assert seen(Account(other, refused, OFF, older))["off"] == (
        NOW - 12 * MINUTE,
        "off: its events start nothing, and are kept nowhere; changed by nia",
    )


@pytest.mark.parametrize("bus", ["own", "arn:aws:events:af-south-1:1:event-bus/own"])
def test_a_rule_of_the_same_name_on_another_bus_is_another_rule(bus: str) -> None:
    there = event("DisableRule", 3, "eve", name="off", eventBusName=bus)
    default = event("DisableRule", 12, "nia", name="off", eventBusName="default")
    found = seen(Account(there, default))["off"]
    assert (found[0], found[1].endswith("; changed by nia")) == (NOW - 12 * MINUTE, True)
    found = seen(Account(there, OFF), "own|off")["off"]
    assert (found[0], found[1].endswith("; changed by eve")) == (NOW - 3 * MINUTE, True)


def test_a_rule_that_was_put_as_disabled_is_off_since_then() -> None:
    """PutRule writes a rule whole; without a State, or with ENABLED, it turns none off."""
    put = event("PutRule", 8, "sam", name="off", state="DISABLED", scheduleExpression="rate(1 hour)")
    on = event("PutRule", 5, "bob", name="off", state="ENABLED")
    silent = event("PutRule", 4, "bob", name="off")
    assert seen(Account(silent, on, put, OFF))["off"][0] == NOW - 8 * MINUTE
    newer = event("DisableRule", 6, "nia", name="off")
    assert seen(Account(silent, on, newer, put))["off"][1].endswith("; changed by nia")


def test_who_finds_nothing_yet_says_that_it_may_come_late_and_who_may_not_ask_says_nothing() -> None:
    found = seen(Account(event("DisableRule", 1, "bob", name="other")))
    assert (found["off"][0], found["fn"][0]) == (None, None)
    assert "CloudTrail tells of a change up to 15 minutes later" in found["off"][1]
    refused = seen(Account(OFF, SHUT, refused=True))
    assert (refused["off"][0], refused["fn"][0]) == (None, None)
    assert "CloudTrail" not in refused["off"][1] + refused["fn"][1]
    assert "changed by" not in found["off"][1] + refused["off"][1]


def test_a_sound_platform_asks_cloudtrail_nothing() -> None:
    account = Account(OFF)
    well = Inventory("r", {}, {"AWS::Events::Rule": ["well"], "AWS::Lambda::Function": ["well"]})
    assert {one.state for one in (*flow.rules(account, well), *services.functions(account, well))} == {"ok"}
    assert account.asked == []


def window(number: str, begins: int, ends: int, **more: Any) -> dict[str, Any]:
    """An item by DynamoDB's own types; minutes from NOW."""
    iso = "%Y-%m-%dT%H:%M:%SZ"
    texts = {
        "alert_id": f"platform-window#{number}", "lane": "window", "why": "upgrade", "by": "Nia",
        "begins_at": f"{NOW + begins * MINUTE:{iso}}", "next_at": f"{NOW + ends * MINUTE:{iso}}", **more,
    }  # fmt: skip
    lists = {
        key: {"L": [{"S": one} for one in value]} for key, value in texts.items() if type(value) is list
    }
    return {key: {"S": value} for key, value in texts.items() if type(value) is str} | lists


def held(
    *items: dict[str, Any], recurring: list[Recurring] | None = None
) -> list[tuple[str, str, Any, str]]:
    def client(service: str) -> Any:
        assert service == "dynamodb"
        pages = SimpleNamespace(paginate=lambda **asked: pages_of(asked))
        return SimpleNamespace(get_paginator=lambda operation: pages)

    def pages_of(asked: dict[str, Any]) -> list[dict[str, Any]]:
        assert (asked["TableName"], asked["IndexName"]) == ("p-alert-log", "due-index")
        assert asked["ExpressionAttributeValues"] == {":window": {"S": "window"}}
        return [{"Items": [item]} for item in items]

    found = Inventory("r", {}, {"AWS::DynamoDB::Table": ["p-alert-log", "p-crews"]})
    calendar = Maintenance(zone="UTC", windows=recurring or [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "maintenance", lambda: calendar)
        return [(one.state, one.about, one.since, one.text) for one in windows.windows(client, found, NOW)]


def test_a_window_that_somebody_opened_is_a_warning_that_says_how_to_end_it() -> None:
    assert held(window("cff7", -30, 90, only=["ooda"], always=["critical"])) == [
        (
            "warning", "window cff7", NOW - 30 * MINUTE,
            "alerts of ooda are quiet until 2026-11-28 04:30 UTC, except critical: upgrade (by Nia); "
            "end it: ona maintenance end cff7",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "item",
    [window("a", -90, -30), window("a", 5, 90), window("a", -30, 90, ended_at="2026-11-28T02:50:00Z")],
)
def test_distractor_a_window_that_is_over_or_has_not_begun_holds_nothing(item: dict[str, Any]) -> None:
    assert [(state, about) for state, about, _, _ in held(item)] == [("ok", "platform")]


def test_a_window_of_the_configuration_is_well_and_told() -> None:
    days: Any = ["saturday"]
    weekly = Recurring(name="backup", days=days, start=(NOW - 60 * MINUTE).time(), hours=2, why="backup")
    told = "all alerts are quiet until 2026-11-28 04:00 UTC: backup"
    assert held(recurring=[weekly]) == [("ok", "window backup", NOW - 60 * MINUTE, told)]
    later = weekly.model_copy(update={"days": ["sunday"]})
    assert held(recurring=[later])[0][1] == "platform"
