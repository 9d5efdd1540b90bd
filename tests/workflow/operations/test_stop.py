"""The platform is stopped and goes on, on the deployed template: files wait, and each is worked on once."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from ops import accounting
from ops.emergency import documents, holding, rules, running
from tests.builders.telemetry import DAY, sunny_day, to_csv
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.executions_hang import STILL

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]
STAGED = "arn:aws:states:af-south-1:000000000000:stateMachine:ona-ooda-staging"


def rules_of(platform: Platform) -> dict[str, Any]:
    """All rules of the account with their states and targets, whoever they belong to."""
    events, found = platform.target.client("events"), {}
    for page in events.get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            found[rule["Name"]] = (rule["State"], sorted(targets, key=lambda item: str(item["Id"])))
    return found


def starts_of(platform: Platform) -> Counter[str]:
    """How many executions of the loop each file started."""
    keys: Counter[str] = Counter()
    for item in platform.executions():
        described = platform.states.describe_execution(executionArn=item["executionArn"])
        keys[accounting.source_of(json.loads(described["input"]))[0]] += 1
    return keys


@contextmanager
def other_environment(platform: Platform) -> Iterator[None]:
    """A rule of another environment, and somebody's own: neither is ours."""
    events, role = platform.target.client("events"), "arn:aws:iam::000000000000:role/other"
    pattern = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": ["somebody's"]}}})
    for name, arn in (("ona-platform-staging-ooda-rule", STAGED), ("somebodys-own", STAGED)):
        events.put_rule(Name=name, EventPattern=pattern)
        events.put_targets(Rule=name, Targets=[{"Id": "Machine", "Arn": arn, "RoleArn": role}])
    events.put_rule(Name="somebodys-timer", ScheduleExpression="rate(1 day)", State="ENABLED")
    try:
        yield
    finally:
        for name in ("ona-platform-staging-ooda-rule", "somebodys-own"):
            events.remove_targets(Rule=name, Ids=["Machine"])
            events.delete_rule(Name=name)
        events.delete_rule(Name="somebodys-timer")


def test_files_that_come_while_it_is_stopped_are_worked_on_once(platform: Platform) -> None:
    """It is stopped in the middle of a burst, and goes on in the middle of another."""
    body = to_csv(sunny_day())
    keys = [f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}_{place:03}.csv" for place in range(9)]
    earlier = starts_of(platform)
    with other_environment(platform), ThreadPoolExecutor(1) as others:
        before = rules_of(platform)
        burst = others.submit(lambda: [platform.put(body, key=key) for key in keys[:3]])
        stop = holding.hold(platform.target, "a test", "the suite")
        burst.result()
        assert {rule.targets[0]["Arn"].split(":")[5] for rule in stop.rules} == {"stateMachine"}
        for key in keys[3:6]:
            platform.put(body, key=key)
        platform.idle()
        running = starts_of(platform) - earlier
        assert sum(running.values()) <= 3  # those of the burst that came before
        assert not set(running) & set(keys[3:6])
        burst = others.submit(lambda: [platform.put(body, key=key) for key in keys[6:]])
        progress = holding.release(platform.target)
        burst.result()
        assert rules_of(platform) == before
    platform.idle()
    assert starts_of(platform) - earlier == Counter(keys)
    assert progress.came >= 3
    assert progress.left == []
    states = Counter(item.state for item in accounting.account(platform.target))
    assert states == {"done": 9}
    assert platform.letters() == []


def test_what_was_stopped_in_the_middle_is_taken_up_once(platform: Platform) -> None:
    """Its dead letter goes, too: a redrive would do it again."""
    machines = running.machines_of(rules.deployed(platform.target), [])
    assert len(machines) >= len(platform.target.machines)
    earlier = starts_of(platform)
    key = platform.put(sunny_day())
    assert platform.ended("ooda", key)["status"] == "SUCCEEDED"
    platform.idle()
    with _waiting(platform):
        arn = platform.states.start_execution(
            stateMachineArn=platform.target.machine,
            name="in-the-middle",
            input=json.dumps(platform.event(key)),
        )["executionArn"]
        time.sleep(1)  # until it has begun, with that definition
    holding.hold(platform.target, "a test", "the suite")
    left = running.running(platform.target, machines)
    assert [item.arn for item in left] == [arn]
    assert running.stop_all(platform.target, left, "a test") == 1
    assert running.wait(platform.target, machines, 30, lambda _: None) == []
    ended = platform.states.describe_execution(executionArn=left[0].arn)
    assert (ended["status"], ended["error"]) == ("ABORTED", running.ERROR)
    holding.release(platform.target)
    platform.idle()
    assert starts_of(platform) - earlier == Counter({key: 3})
    assert [item.state for item in accounting.account(platform.target)] == ["done"]
    assert platform.letters() == []
    [taken] = documents.newest(platform.target).stop.executions  # type: ignore[union-attr]
    assert platform.states.describe_execution(executionArn=taken.taken_up)["status"] == "SUCCEEDED"
    holding.release(platform.target)
    platform.idle()
    assert starts_of(platform) - earlier == Counter({key: 3})


@contextmanager
def _waiting(platform: Platform) -> Iterator[None]:
    """Executions of the loop that are started by hand meanwhile wait for ten minutes."""
    machine, states = platform.target.machine, platform.states
    before = states.describe_state_machine(stateMachineArn=machine)["definition"]
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(STILL))
    try:
        yield
    finally:
        states.update_state_machine(stateMachineArn=machine, definition=before)


def test_the_apis_are_closed_and_opened(platform: Platform) -> None:
    address = f"{platform.target.api_url}/health"
    assert urllib.request.urlopen(address).status == 200
    holding.hold(platform.target, "a test", "the suite", close=True)
    try:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address)
        assert refused.value.code == 429
    finally:
        holding.release(platform.target)
    assert urllib.request.urlopen(address).status == 200
