"""The executions that run while the platform is stopped: wait for them, or stop them and take them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ona.runtime.words import counted
from operations.reading.inventory import Inventory
from operations.reading.stops import Stopped
from ops import deadletters
from ops.emergency import documents, drain, rules
from ops.emergency.documents import Kept
from ops.messages import DeadLetter
from ops.target import OpsError, Target, start

ERROR = "Ona.Stopped"
"""The error of an execution that `ona stop --now` stopped."""
_LOOK_S, _LOOK_EMBEDDED_S = 5.0, 0.2
"""Seconds between two looks at what runs (ours)."""
_LETTERS_S = 20.0
"""Seconds to wait for the dead letters of executions that were stopped (ours)."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """An execution that runs."""

    arn: str
    machine: str
    started: datetime

    @property
    def name(self) -> str:
        """Its name, as `ona explain` takes it."""
        return self.arn.rpartition(":")[2]


def machines_of(holds: Inventory, goes_on: Collection[str]) -> list[str]:
    """The platform's state machines, without those that a stop leaves alone."""
    found = holds.of("AWS::StepFunctions::StateMachine")
    return [arn for arn in found if rules.named(arn) not in goes_on]


def running(target: Target, machines: Collection[str]) -> list[Running]:
    """What runs of these machines, the oldest first."""
    states = target.client("stepfunctions")
    found = [
        Running(item["executionArn"], machine, item["startDate"])
        for machine in machines
        for page in states.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING"
        )
        for item in page["executions"]
    ]
    return sorted(found, key=lambda item: item.started)


def wait(target: Target, machines: Collection[str], patience_s: float, tell: Tell) -> list[Running]:
    """Wait until nothing runs, for so many seconds at most; what still runs."""
    end, told = time.monotonic() + patience_s, -1
    while left := running(target, machines):
        if len(left) != told:
            told = len(left)
            verb = "runs" if told == 1 else "run"
            tell(f"{counted(told, 'execution')} still {verb}; what runs goes on to its end")
        if time.monotonic() >= end:
            break
        time.sleep(_LOOK_EMBEDDED_S if target.embedded else _LOOK_S)
    return left


def stop_all(target: Target, left: Collection[Running], why: str) -> int:
    """Stop executions; how many. The open stop keeps their names first, so that a resume takes them up."""
    kept = documents.newest(target)
    if kept is None or kept.stop.state == "ended":
        raise OpsError("the platform is not stopped; nothing was stopped")
    known = {item.arn for item in kept.stop.executions}
    fresh = [Stopped(arn=item.arn) for item in left if item.arn not in known]
    kept.write(executions=[*kept.stop.executions, *fresh])
    states, stopped = target.client("stepfunctions"), 0
    for item in left:
        cause = f"{why}; `ona resume` takes it up again"
        try:
            states.stop_execution(executionArn=item.arn, error=ERROR, cause=cause[:32_768])
        except states.exceptions.ValidationException:
            continue  # it ended by itself just now
        stopped += 1
    return stopped


def take_up_all(target: Target, kept: Kept, tell: Tell) -> int:
    """Take up what was stopped in the middle, and take its dead letters away; how many were taken up."""
    states, taken = target.client("stepfunctions"), 0
    for place, item in enumerate(kept.stop.executions):
        if item.taken_up:
            continue
        described = states.describe_execution(executionArn=item.arn)
        stopped = described["status"] == "ABORTED" and described.get("error") == ERROR
        arn = again(target, described) if stopped else item.arn
        all_of_them = [*kept.stop.executions]
        all_of_them[place] = item.model_copy(update={"taken_up": arn})
        kept.write(executions=all_of_them)
        taken += stopped
    if taken:
        tell(f"{counted(taken, 'execution')} that had been stopped taken up again")
        without_letters(target, {item.arn for item in kept.stop.executions})
    return taken


def again(target: Target, described: dict[str, Any]) -> str:
    """Take up an execution that ended badly; the ARN of what runs now.

    On AWS it goes on at the step where it ended (RedriveExecution, for 14 days after its end). Where that
    is not possible, and in the embedded cloud, it starts anew with the same input, by the alias: with the
    version that is live now. The same execution is started anew once: its name is made of the old one's.
    """
    states, arn = target.client("stepfunctions"), str(described["executionArn"])
    if not target.embedded:
        try:
            states.redrive_execution(executionArn=arn, clientToken=arn.rpartition(":")[2][:64])
        except states.exceptions.ExecutionNotRedrivable:
            pass
        else:
            return arn
    machine = ":".join(str(described["stateMachineArn"]).split(":")[:7])  # a version's has one part more
    begun = drain.execution_of(machine, f"again#{arn}")
    with suppress(states.exceptions.ExecutionAlreadyExists):
        start(states, machine, name=begun.rpartition(":")[2], input=str(described.get("input") or "{}"))
    return begun


def without_letters(target: Target, executions: Collection[str], wait_s: float = _LETTERS_S) -> None:
    """Take away the dead letters of executions that were taken up; the others stay.

    A letter of what was stopped comes by an event, and may be on its way: it is waited for.
    """
    end, left = time.monotonic() + wait_s, set(executions)
    while left:
        messages = deadletters.receive(target)
        mine = [item for item in messages if item.body.get("execution") in executions]
        for letter in mine:
            url = target.outputs[deadletters.WORKFLOWS]
            target.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
            left.discard(str(letter.body["execution"]))
        deadletters.put_back(target, list(_others(messages, mine)), deadletters.WORKFLOWS)
        if time.monotonic() >= end:
            return
        time.sleep(_LOOK_EMBEDDED_S if target.embedded else _LOOK_S)


def _others(messages: list[DeadLetter], mine: list[DeadLetter]) -> Iterator[DeadLetter]:
    gone = {item.message_id for item in mine}
    return (item for item in messages if item.message_id not in gone)
