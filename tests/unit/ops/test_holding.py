"""A stop loses no event and a release runs none twice, also when both are killed after any write."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from ops.emergency import documents, drain, holding, running, turn
from ops.target import OpsError
from tests.fakes import own_clock
from tests.fakes.stoppable import LAMBDA, QUEUE, STATES, Cloud, Killed
from tests.paths import ROOT

OODA = {"Id": "Machine", "Arn": f"{STATES}ona-ooda-dev:live", "RoleArn": "arn:aws:iam::1:role/a"}
UPLOAD = {"Id": "Machine", "Arn": f"{STATES}ona-forecast-upload-dev", "RoleArn": "arn:aws:iam::1:role/b"}
LETTERS = {"Id": "DeadLetters", "Arn": f"{QUEUE}ona-ooda-dead-letters-dev"}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A platform whose rules have targets of every form, beside rules that are not its own."""
    cloud = Cloud()
    cloud.rule("observations", OODA, Sources=["aws.s3"], EventPattern='{"source": ["aws.s3"]}')
    cloud.rule("also-observations", UPLOAD, Sources=["aws.s3"], EventPattern='{"source": ["aws.s3"]}')
    cloud.rule("off-before", OODA, Sources=["aws.s3"], State="DISABLED", EventPattern="{}")
    cloud.rule("unfinished", LETTERS, Sources=["aws.states"], EventPattern="{}")
    alarm = {"Id": "Alerts", "Arn": f"{STATES}ona-other-dev", "RoleArn": "r"}
    cloud.rule("alarms", alarm, Sources=["aws.cloudwatch"], EventPattern='{"source": ["aws.cloudwatch"]}')
    cloud.rule("hourly", {"Id": "F", "Arn": f"{LAMBDA}ona-reconcile-dev:live", "Input": '{"task": "x"}'})
    cloud.rules["hourly"]["ScheduleExpression"] = "rate(1 hour)"
    cloud.rule("off", {"Id": "F", "Arn": f"{LAMBDA}ona-detect-dev"}, ScheduleExpression="rate(1 hour)")
    cloud.rules["off"]["State"] = "DISABLED"
    cloud.rule(
        "deliver", {"Id": "F", "Arn": f"{LAMBDA}ona-deliver-dev"}, ScheduleExpression="rate(1 minute)"
    )
    foreign = {"Id": "Machine", "Arn": f"{STATES}ona-ooda-prod", "RoleArn": "r"}
    cloud.rule("prod", foreign, ours=False, Sources=["aws.s3"], EventPattern='{"source": ["aws.s3"]}')
    cloud.rule("prod-timer", foreign, ours=False, ScheduleExpression="rate(1 hour)")
    for name in ("ours-1", "ours-2", "somebodys"):
        limits = {"throttlingRateLimit": 200.0, "throttlingBurstLimit": 400.0, "metricsEnabled": True}
        cloud.stages[name] = {"stageName": "dev", "methodSettings": {"*/*": limits}}
    cloud.schedules["routine"] = {
        "Name": "routine",
        "GroupName": "default",
        "State": "ENABLED",
        "ScheduleExpression": "cron(4 5 * * ? *)",
        "ScheduleExpressionTimezone": "Africa/Johannesburg",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": f"{STATES}ona-daily-routine-dev", "RoleArn": "r", "Input": '{"kind": "health"}'},
    }
    later = {"Name": "evening", "ScheduleExpression": "cron(0 17 * * ? *)"}
    other = {**cloud.schedules["routine"]["Target"], "Input": '{"kind": "summary"}'}
    cloud.schedules["evening"] = {**cloud.schedules["routine"], **later, "Target": other}
    monkeypatch.setenv("ONA_CONFIG_DIR", str(ROOT / "configs"))
    own_clock.give(
        monkeypatch, drain, holding, running, sleep=cloud.sleep, monotonic=lambda: cloud.now.timestamp()
    )
    monkeypatch.setattr(holding, "utc_now", lambda: cloud.now)
    monkeypatch.setattr(turn, "lives", lambda _: False)  # whoever is killed here runs in this process
    return cloud


def as_it_was(cloud: Cloud) -> Any:
    """What a stop changes; the order of a rule's targets says nothing."""
    rules = copy.deepcopy(cloud.rules)
    for rule in rules.values():
        rule["Targets"].sort(key=lambda item: item["Id"])
    return rules, copy.deepcopy(cloud.schedules), copy.deepcopy(cloud.stages)


def stops(cloud: Cloud) -> list[str]:
    """The keys of the stops that were written."""
    return [key for key in cloud.objects if key.startswith("operations/stops/")]


def hold(cloud: Cloud) -> documents.Stop:
    return holding.hold(cloud.target(), "a bad release", "thandi", close=True)


def test_events_wait_and_are_taken_up_once(cloud: Cloud) -> None:
    before = as_it_was(cloud)
    stop = hold(cloud)
    assert {item.name for item in stop.rules} == {"observations", "also-observations"}
    assert {item.name for item in stop.timers} == {"hourly", "routine", "evening"}
    rules, schedules, stages = as_it_was(cloud)
    limits = {name: item["methodSettings"]["*/*"]["throttlingRateLimit"] for name, item in stages.items()}
    assert limits == {"ours-1": 0, "ours-2": 0, "somebodys": 200}
    assert schedules["routine"] == {**before[1]["routine"], "State": "DISABLED"}
    assert (rules["hourly"]["State"], rules["deliver"]["State"]) == ("DISABLED", "ENABLED")
    untouched = ("off-before", "unfinished", "alarms", "off", "prod", "prod-timer", "deliver")
    assert {name: rules[name] for name in untouched} == {name: before[0][name] for name in untouched}
    mine = [item["Arn"] for item in cloud.rules["observations"]["Targets"]]
    assert mine == [f"{QUEUE}ona-holding-dev"]
    ids = [cloud.comes("aws.s3") for _ in range(25)]
    assert all(cloud.ran_for(event) == [f"{STATES}ona-ooda-prod"] for event in ids)  # prod goes on
    cloud.sleep(600)  # the routine's time passes; that of the evening does not
    progress = holding.release(cloud.target())
    assert as_it_was(cloud) == before
    assert (progress.came, progress.started, progress.repeated, progress.left) == (50, 50, 0, [])
    ours = [OODA["Arn"], UPLOAD["Arn"], f"{STATES}ona-ooda-prod"]
    assert all(sorted(cloud.ran_for(event)) == sorted(ours) for event in ids)
    assert cloud.messages == []
    assert [event for _, event in cloud.invoked] == [{"task": "x"}]  # the function's timer, once
    routines = [item for item in cloud.executions if "daily-routine" in item["stateMachineArn"]]
    assert [json.loads(item["input"]) for item in routines] == [{"kind": "health"}]
    assert documents.current(cloud.target()) is None


def test_a_stop_while_stopped_is_the_same_stop(cloud: Cloud) -> None:
    before = as_it_was(cloud)
    hold(cloud)
    stop = holding.hold(cloud.target(), "and maintenance", "sipho")
    assert [item.by for item in stop.reasons] == ["thandi", "sipho"]
    assert len(stops(cloud)) == 1
    event = cloud.comes("aws.s3")
    holding.release(cloud.target())
    assert as_it_was(cloud) == before
    assert len(cloud.ran_for(event)) == 3
    assert holding.release(cloud.target()).came == 0  # a second resume finds nothing
    hold(cloud)
    assert len(stops(cloud)) == 2
    holding.release(cloud.target())
    assert as_it_was(cloud) == before


def test_the_same_event_twice_starts_once(cloud: Cloud) -> None:
    """EventBridge gives an event at least once."""
    hold(cloud)
    event = {"id": "twice", "source": "aws.s3", "detail": {}}
    cloud.delivered(event)
    cloud.delivered(event)
    other = {**event, "id": "another"}  # of the same content: another event
    cloud.delivered(other)
    progress = holding.release(cloud.target())
    assert (progress.came, progress.repeated) == (6, 2)
    assert cloud.ran_for("twice").count(OODA["Arn"]) == 1
    assert cloud.ran_for("another").count(OODA["Arn"]) == 1


def test_what_a_deployment_changed_meanwhile_stays(cloud: Cloud) -> None:
    """It points a rule at a new alias, brings a rule, and takes one away."""
    hold(cloud)
    event = cloud.comes("aws.s3")
    newer = {**OODA, "Arn": f"{STATES}ona-ooda-dev:newer"}
    cloud.rules["observations"]["Targets"].append(newer)
    del cloud.rules["also-observations"]
    cloud.rule("brought", UPLOAD, Sources=["aws.s3"], EventPattern="{}")
    progress = holding.release(cloud.target())
    assert cloud.rules["observations"]["Targets"] == [newer]
    assert progress.left == []
    assert sorted(cloud.ran_for(event)) == sorted([newer["Arn"], UPLOAD["Arn"], f"{STATES}ona-ooda-prod"])


def test_what_cannot_be_held_is_refused_before_anything_changes(cloud: Cloud) -> None:
    before = as_it_was(cloud)
    rewritten = {**OODA, "Id": "Second", "InputTransformer": {"InputTemplate": '{"a": 1}'}}
    cloud.rule("rewritten", rewritten, Sources=["aws.s3"], EventPattern="{}")
    with pytest.raises(OpsError, match="rule rewritten: target Second"):
        hold(cloud)
    cloud.rules["rewritten"]["Targets"] = [{**LETTERS, "Id": str(place)} for place in range(4)] + [OODA]
    with pytest.raises(OpsError, match="5 targets"):
        hold(cloud)
    del cloud.rules["rewritten"]
    assert as_it_was(cloud) == before
    assert stops(cloud) == []


def test_a_constant_input_is_given_and_a_foreign_message_is_left(cloud: Cloud) -> None:
    cloud.rules["also-observations"]["Targets"][0]["Input"] = '{"constant": true}'
    hold(cloud)
    cloud.comes("aws.s3")
    cloud.sent("not ours")
    progress = holding.release(cloud.target())
    assert ["not ours" in text for text in progress.left] == [True]
    assert len(cloud.messages) == 1
    uploads = [item for item in cloud.executions if "forecast-upload" in item["stateMachineArn"]]
    assert [item["input"] for item in uploads] == ['{"constant": true}']


def writes_of(cloud: Cloud, command: Callable[[], Any]) -> int:
    """How many writes a command makes."""
    count = 0

    def one_more(_: str) -> None:
        nonlocal count
        count += 1

    cloud.after_write = one_more
    command()
    cloud.after_write = lambda _: None
    return count


def killed_after(cloud: Cloud, number: int, command: Callable[[], Any], ids: list[str]) -> None:
    """Run a command, kill it after so many writes; after each write an event comes."""
    left = number

    def write(name: str) -> None:
        nonlocal left
        if name not in ("start_execution", "invoke"):
            ids.append(cloud.comes("aws.s3"))
        left -= 1
        if left == 0:
            raise Killed

    cloud.after_write = write
    try:
        command()
    except Killed:
        pass
    finally:
        cloud.after_write = lambda _: None


def test_killed_after_any_write_nothing_is_lost_and_nothing_twice(cloud: Cloud) -> None:
    pristine = copy.deepcopy(cloud.__dict__)
    writes = writes_of(cloud, lambda: hold(cloud))
    for _ in range(12):
        cloud.comes("aws.s3")
    more = writes_of(cloud, lambda: holding.release(cloud.target()))
    assert (writes, more) > (8, 30)
    for stopping in range(1, writes + 1):
        _restore(cloud, pristine)
        check(cloud, stopping, more // 2)
    for releasing in range(1, more + 1):
        _restore(cloud, pristine)
        check(cloud, writes, releasing)


def _restore(cloud: Cloud, pristine: dict[str, Any]) -> None:
    cloud.__dict__.update(copy.deepcopy(pristine))


def check(cloud: Cloud, stopping: int, releasing: int) -> None:
    before, ids = as_it_was(cloud), [cloud.comes("aws.s3")]
    killed_after(cloud, stopping, lambda: hold(cloud), ids)
    ids.append(cloud.comes("aws.s3"))
    hold(cloud)
    ids += [cloud.comes("aws.s3") for _ in range(12)]
    killed_after(cloud, releasing, lambda: holding.release(cloud.target()), ids)
    ids.append(cloud.comes("aws.s3"))
    holding.release(cloud.target())
    ids.append(cloud.comes("aws.s3"))
    told = f"stop killed after write {stopping}, release after write {releasing}"
    assert as_it_was(cloud) == before, told
    assert cloud.messages == [], told
    wanted = sorted([OODA["Arn"], UPLOAD["Arn"], f"{STATES}ona-ooda-prod"])
    wrong = {event: cloud.ran_for(event) for event in ids if sorted(cloud.ran_for(event)) != wanted}
    assert not wrong, told
    assert documents.current(cloud.target()) is None, told
    kept = documents.newest(cloud.target())
    assert kept is not None
    assert kept.stop.came == cloud.queued, told


def test_a_resume_that_was_broken_off_can_be_stopped(cloud: Cloud) -> None:
    """Whatever it had put back waits again, and is taken up once by the next resume."""
    pristine = copy.deepcopy(cloud.__dict__)
    hold(cloud)
    more = writes_of(cloud, lambda: holding.release(cloud.target()))
    for number in range(1, more + 1):
        _restore(cloud, pristine)
        before, ids = as_it_was(cloud), [cloud.comes("aws.s3")]
        hold(cloud)
        ids.append(cloud.comes("aws.s3"))
        killed_after(cloud, number, lambda: holding.release(cloud.target()), ids)
        hold(cloud)
        waiting = cloud.comes("aws.s3")
        assert cloud.ran_for(waiting) == [f"{STATES}ona-ooda-prod"], number
        holding.release(cloud.target())
        assert as_it_was(cloud) == before, number
        wanted = sorted([OODA["Arn"], UPLOAD["Arn"], f"{STATES}ona-ooda-prod"])
        wrong = {one: cloud.ran_for(one) for one in [*ids, waiting] if sorted(cloud.ran_for(one)) != wanted}
        assert not wrong, (number, wrong)


def test_two_who_stop_and_resume_at_once_lose_nothing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them works at any moment; the other is told to give the command again, and does."""
    monkeypatch.setattr(turn, "lives", lambda _: True)
    pristine = copy.deepcopy(cloud.__dict__)

    def resume(cloud: Cloud) -> Any:
        return holding.release(cloud.target())

    for first in (hold, resume):
        for second in (hold, resume):
            number = 0
            while True:
                number += 1
                _restore(cloud, pristine)
                if first is resume:
                    hold(cloud)
                if not both(cloud, number, partial(first, cloud), partial(second, cloud)):
                    break
            assert number > 8, "there was a moment between any two writes"


def both(cloud: Cloud, number: int, first: Callable[[], Any], second: Callable[[], Any]) -> bool:
    """Give one command, and the other after so many writes of it; whether there was such a moment."""
    ids, refused = [cloud.comes("aws.s3")], list[str]()

    def give(command: Callable[[], Any]) -> None:
        try:
            command()
        except OpsError as error:
            refused.append(str(error))

    left = number

    def write(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            operator = threading.Thread(target=give, args=[second])
            operator.start()
            operator.join()
            ids.append(cloud.comes("aws.s3"))

    cloud.after_write = write
    first()  # it was there first, and is never refused
    cloud.after_write = lambda _: None
    if left > 0:
        return False
    assert len(refused) <= 1
    assert all("give the command again" in text for text in refused), refused
    if refused:
        second()
    ids.append(cloud.comes("aws.s3"))
    holding.release(cloud.target())
    ids.append(cloud.comes("aws.s3"))
    assert cloud.rules["observations"]["Targets"] == [OODA], number
    assert cloud.rules["also-observations"]["Targets"] == [UPLOAD], number
    assert {rule["State"] for name, rule in cloud.rules.items() if "off" not in name} == {"ENABLED"}
    wanted = sorted([OODA["Arn"], UPLOAD["Arn"], f"{STATES}ona-ooda-prod"])
    assert all(sorted(cloud.ran_for(event)) == wanted for event in ids), number
    assert documents.current(cloud.target()) is None
    return True


def test_a_turn_ends_with_its_command_and_with_its_time(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "lives", lambda _: True)
    killed_after(cloud, 3, lambda: hold(cloud), [])
    with pytest.raises(OpsError, match=r"`ona stop` of thandi is at work just now"):
        holding.release(cloud.target())
    monkeypatch.setattr(turn, "machine", lambda: "another")
    monkeypatch.setattr(turn, "lives", lambda _: False)  # of the process of a machine that is not ours
    with pytest.raises(OpsError, match="been killed, after"):
        holding.release(cloud.target())
    later = turn.utc_now() + timedelta(seconds=turn.LEASE_S + 1)
    monkeypatch.setattr(turn, "utc_now", lambda: later)
    holding.release(cloud.target())
    assert documents.current(cloud.target()) is None
    cloud.objects["operations/turn.json"] = b"damaged"
    hold(cloud)
    assert documents.current(cloud.target()) is not None
