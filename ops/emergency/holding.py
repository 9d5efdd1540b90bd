"""Hold what starts work, and release it: events wait in a queue, timers are off.

Each step can be done twice: a stop or a release that was killed is given again, and ends the same.
The order is such that no event is lost. Some come twice for a moment, once to their target and once into
the queue; `ops.emergency.drain` starts nothing for those (docs/decisions/0052-stop-by-a-holding-queue.md).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from ona.runtime.clock import iso, utc_now
from ona.runtime.words import counted
from operations.config.emergency import emergency
from operations.layout import STOP
from operations.reading.stops import Door, Reason, Rule, Stop, Timer
from ops import bus
from ops.emergency import documents, doors, drain, rules, running, turn
from ops.emergency.documents import Kept
from ops.emergency.missed import missed
from ops.target import OpsError, Target, use_configs

Tell = Callable[[str], None]
T = TypeVar("T", Rule, Timer, Door)
_MESSAGE = '{"rule": "<aws.events.rule-name>", "event": <aws.events.event.json>}'
"""What a rule sends into the queue (Amazon EventBridge, "Input transformation": predefined variables)."""
_LONG = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400}
"""How often and how long EventBridge tries at most (Amazon EventBridge, "Retry policy")."""


_CHANGED_EMBEDDED_S = 0.2
"""Seconds until changed targets hold in the embedded cloud: an event may be under way to the old ones."""


@dataclass(frozen=True)
class Progress:
    """What a release did."""

    came: int
    """Events that had been held."""
    started: int
    """Executions and invocations that were started for them."""
    repeated: int
    """Events whose work had begun already."""
    left: list[str]
    """What could not be taken up, and why; it stays in the queue."""


def hold(
    target: Target,
    why: str,
    by: str,
    silent: bool = False,
    close: bool = False,
    tell: Tell = lambda _: None,
) -> Stop:
    """Keep all events that would start work, and turn the timers off; what runs goes on to its end.

    `silent`: also what goes on otherwise, as deliveries to people. `close`: the APIs, too. Given again, it
    also holds what a deployment has added since. The bus is told once. Raises OpsError, before anything is
    changed, when a rule cannot be held, and while somebody else stops or resumes.
    """
    with turn.taken(target, "stop", by):
        return _hold(target, Reason(by=by, at=utc_now(), why=why), silent, close, tell)


def _hold(target: Target, reason: Reason, silent: bool, close: bool, tell: Tell) -> Stop:
    use_configs()
    goes_on: Collection[str] = () if silent else emergency().goes_on
    holds = rules.deployed(target)
    queue = rules.queue_of(holds)
    found = rules.read_from(target, holds, goes_on)
    open_doors = doors.read(target, holds) if close else []
    kept = documents.opened(target, reason)
    kept.write(
        state="stopping",
        rules=_together(kept.stop.rules, found.events, lambda item: (item.bus, item.name)),
        timers=_together(kept.stop.timers, found.timers, lambda item: (item.kind, item.group, item.name)),
        doors=_together(kept.stop.doors, open_doors, lambda item: (item.api, item.stage)),
    )
    arn = target.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    for rule in found.events:
        _hold_rule(target, rule, str(arn["Attributes"]["QueueArn"]))
    for timer in found.timers:
        _turn(target, timer, on=False)
    doors.close(target, open_doors)
    first = kept.stop.reasons[0]
    _announce(target, "Platform Stopped", kept.stop, tell, by=first.by, why=first.why, since=iso(first.at))
    return kept.write(state="stopped")


def release(target: Target, tell: Tell = lambda _: None, by: str = "somebody") -> Progress:
    """Put back what `hold` took away, take up what came meanwhile, run once each timer that missed
    a time.

    Where nothing is stopped it only takes up what is left in the queue. `tell` is given lines of progress;
    `by`: who goes on, for the bus. Raises OpsError while somebody else stops or resumes.
    """
    with turn.taken(target, "resume", by):
        return _release(target, tell, by)


def _release(target: Target, tell: Tell, by: str) -> Progress:
    use_configs()
    queue = rules.queue_of(rules.deployed(target))
    kept = documents.newest(target)
    if kept is None or kept.stop.state == "ended":
        done = drain.drain(target, queue, kept.stop if kept else None, tell=tell)
        return Progress(done.came, done.came - done.repeated, done.repeated, done.left)
    kept.write(state="resuming", resumed_at=kept.stop.resumed_at or utc_now())
    for rule in kept.stop.rules:
        _release_rule(target, rule)
    for timer in kept.stop.timers:
        _turn(target, timer, on=True)
    doors.open_again(target, kept.stop.doors)
    back = f"{counted(len(kept.stop.rules), 'rule')} and {counted(len(kept.stop.timers), 'timer')}"
    tell(f"on again: {back}")
    time.sleep(_CHANGED_EMBEDDED_S if target.embedded else emergency().told_before_s)
    progress = _taken_up(target, queue, kept, tell)
    running.take_up_all(target, kept, tell)
    _run_timers(target, kept)
    counts = {"came": progress.came, "started": progress.started}
    _announce(target, "Platform Resumed", kept.stop, tell, by=by, since=iso(kept.stop.at), **counts)
    kept.write(state="ended", ended_at=utc_now())
    return progress


def _announce(target: Target, what: str, stop: Stop, say: Tell, **detail: Any) -> None:
    """Tell the bus; a stop or a release that is given again tells the same event."""
    pointer = {"bucket": target.output_bucket, "key": STOP.build(stop_id=stop.stop_id)}
    if why := bus.tell(target, what, stop.stop_id, stop_id=stop.stop_id, document=pointer, **detail):
        say(why)


def _taken_up(target: Target, queue: str, kept: Kept, tell: Tell) -> Progress:
    came, repeated = kept.stop.came, kept.stop.repeated

    def count(more: int, again: int, last: list[str]) -> None:
        kept.write(came=came + more, repeated=repeated + again, last=last)

    done = drain.drain(target, queue, kept.stop, count, tell, kept.stop.last)
    stop = kept.stop
    return Progress(stop.came, stop.came - stop.repeated, stop.repeated, done.left)


def _together(known: Iterable[T], now: Iterable[T], key: Callable[[T], Any]) -> list[T]:
    """What was recorded, with what is found now in its place: it is what must come back."""
    return list(({key(item): item for item in known} | {key(item): item for item in now}).values())


def _hold_rule(target: Target, rule: Rule, queue: str) -> None:
    """First the queue, then away with the targets: an event goes to both for a moment, never to none."""
    letters = next((item["DeadLetterConfig"] for item in rule.targets if "DeadLetterConfig" in item), None)
    holding = {
        "Id": rules.HOLDING,
        "Arn": queue,
        "InputTransformer": {"InputTemplate": _MESSAGE},
        "RetryPolicy": _LONG,
        **({"DeadLetterConfig": letters} if letters else {}),
    }
    _put(target, rule, [holding])
    _remove(target, rule, [item["Id"] for item in rule.targets])


def _release_rule(target: Target, rule: Rule) -> None:
    """The targets that are absent come back; what a deployment has put there since stays as it is."""
    there = {item["Id"] for item in rules.targets_of(target, rule.name, rule.bus)}
    if not there:
        return  # a deployment took the rule away, or replaced it
    absent = [item for item in rule.targets if item["Id"] not in there]
    if absent:
        _put(target, rule, absent)
    if rules.HOLDING in there:
        _remove(target, rule, [rules.HOLDING])


def _put(target: Target, rule: Rule, targets: list[dict[str, Any]]) -> None:
    events = target.client("events")
    answer = events.put_targets(Rule=rule.name, EventBusName=rule.bus, Targets=targets)
    _demand(rule, "put", answer)


def _remove(target: Target, rule: Rule, ids: list[str]) -> None:
    answer = target.client("events").remove_targets(Rule=rule.name, EventBusName=rule.bus, Ids=ids)
    _demand(rule, "removed", answer)


def _demand(rule: Rule, what: str, answer: dict[str, Any]) -> None:
    """Raises OpsError when EventBridge did a part only."""
    if answer.get("FailedEntryCount"):
        failed = "; ".join(str(entry.get("ErrorMessage")) for entry in answer["FailedEntries"])
        raise OpsError(f"rule {rule.name}: targets were not {what}: {failed}; give the command again")


def _turn(target: Target, timer: Timer, on: bool) -> None:
    """Turn a timer on or off; one that is gone stays gone."""
    if timer.kind == "rule":
        events = target.client("events")
        turn = events.enable_rule if on else events.disable_rule
        try:
            turn(Name=timer.name, EventBusName=timer.group)
        except events.exceptions.ResourceNotFoundException:
            return
        return
    scheduler = target.client("scheduler")
    try:
        item = scheduler.get_schedule(Name=timer.name, GroupName=timer.group)
    except scheduler.exceptions.ResourceNotFoundException:
        return
    told = {name: item[name] for name in _OF_SCHEDULE if item.get(name) is not None}
    scheduler.update_schedule(**told, State="ENABLED" if on else "DISABLED")


_OF_SCHEDULE = (
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "Target",
)
"""What UpdateSchedule takes; what is not given it sets to its default (its API reference)."""


def _run_timers(target: Target, kept: Kept) -> None:
    """Run each timer once that missed a time. Its tasks end the same when they are done twice."""
    since, until = kept.stop.at, kept.stop.resumed_at or utc_now()
    for place, timer in enumerate(kept.stop.timers):
        if timer.ran or not missed(*_expression(target, timer), since, until):
            continue
        for item in _targets_of(target, timer):
            event = item.get("Input") or json.dumps(_scheduled(target, timer))
            drain.start(target, item["Arn"], f"{kept.stop.stop_id}-{timer.name}-{item['Id']}", event)
        ran = [*kept.stop.timers]
        ran[place] = timer.model_copy(update={"ran": True})
        kept.write(timers=ran)


def _expression(target: Target, timer: Timer) -> tuple[str, str]:
    """When a timer goes off, and in which time zone; of one that is gone, nothing."""
    if timer.kind == "rule":
        events = target.client("events")
        try:
            rule = events.describe_rule(Name=timer.name, EventBusName=timer.group)
        except events.exceptions.ResourceNotFoundException:
            return "", ""
        return str(rule.get("ScheduleExpression") or ""), ""
    scheduler = target.client("scheduler")
    try:
        item = scheduler.get_schedule(Name=timer.name, GroupName=timer.group)
    except scheduler.exceptions.ResourceNotFoundException:
        return "", ""
    return str(item.get("ScheduleExpression") or ""), str(item.get("ScheduleExpressionTimezone") or "")


def _targets_of(target: Target, timer: Timer) -> list[dict[str, Any]]:
    if timer.kind == "rule":
        found = rules.targets_of(target, timer.name, timer.group)
    else:
        scheduler = target.client("scheduler")
        try:
            item = scheduler.get_schedule(Name=timer.name, GroupName=timer.group)
        except scheduler.exceptions.ResourceNotFoundException:
            return []
        found = [{"Id": "schedule", **item["Target"]}]
    return [item for item in found if rules.starts(item)]


def _scheduled(target: Target, timer: Timer) -> dict[str, Any]:
    """The event of a timer that has no input of its own, as far as functions read it."""
    return {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "time": f"{utc_now():%Y-%m-%dT%H:%M:%SZ}",
        "resources": [timer.name],
        "detail": {},
    }
