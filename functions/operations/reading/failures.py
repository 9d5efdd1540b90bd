"""Executions that failed: when, on which file, why, whether that is mended, and what was lost meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from pydantic import Field

from ona.documents.base import Document
from ona.runtime import letters
from ona.runtime.clock import parse
from ona.runtime.identity import file_id
from ona.runtime.sentences import in_words
from ona.runtime.words import at_a_word
from ona.store.layout import OUTCOME
from operations.reading.records import FAILED, REFUSED, Outcome, Records
from operations.reading.window import Window

MOST_TRIED = 50
"""So many executions that succeeded after a failure are asked for their input, the oldest (ours): a timer's
next one comes within a day, the weekly routine's within a week."""
MOST_DESCRIBED = 50
"""So many failed executions are asked for their file and reason, the newest (ours)."""
_REASON_LETTERS = 160
"""So much of a reason is kept (ours)."""


class Failure(Document):
    """One execution that failed. Times are UTC."""

    workflow: str
    execution: str = Field(description="its name")
    began_at: datetime
    at: datetime = Field(description="when it failed")
    looked_at: bool = Field(True, description="whether its file and reason were asked for")
    key: str = Field("", description="the file that it worked on; empty where it was none")
    why: str = Field("", description="error and reason; empty where nobody asked")
    mended_at: datetime | None = Field(
        None, description="when its file was done, or put aside; or its next one was"
    )
    how: str = Field("", description="what came of it then")
    usd_per_day: float = Field(0.0, description="what the causes lose that the file told of then")

    @property
    def late_usd(self) -> float:
        """What these causes lost from when the execution began until the file was done, USD."""
        late = (self.mended_at - self.began_at) / timedelta(days=1) if self.mended_at else 0.0
        return self.usd_per_day * max(late, 0.0)

    @property
    def in_words(self) -> str:
        """Execution, file, time and reason in one line, and how it ended."""
        of = " of ".join(filter(None, (self.execution, self.key)))
        why = f" ({self.why})" if self.why else ""
        end = ""
        if self.mended_at:
            day = "" if self.mended_at.date() == self.at.date() else f"{self.mended_at:%Y-%m-%d} "
            end = f", {self.how} at {day}{self.mended_at:%H:%M} UTC"
        return f"{of} at {self.at:%H:%M} UTC{why}{end}"


def failures(
    records: Records, machines: Iterable[str], window: Window, outcomes: Sequence[Outcome]
) -> list[Failure]:
    """What failed in a window, the newest first. `machines`: the workflows' ARNs; `outcomes`: of the
    window's files. Raises botocore's errors.

    The newest are listed first by Step Functions; one may take as long as it may, so all that are kept (90
    days) are looked at.
    """
    states = records.client("stepfunctions")
    pages = states.get_paginator("list_executions").paginate
    ended: list[tuple[datetime, str, dict[str, Any]]] = [
        (one["stopDate"], arn, one)
        for arn in machines
        for status in FAILED
        for page in pages(stateMachineArn=arn, statusFilter=status)
        for one in page["executions"]
        if window.holds(one.get("stopDate"))
    ]
    ended.sort(key=lambda item: item[0], reverse=True)
    again = _Again(states, ended[-1][0]) if ended else None
    found = []
    for place, (at, machine, one) in enumerate(ended):
        failure = Failure(
            workflow=machine.rpartition(":")[2],
            execution=str(one["executionArn"]).rpartition(":")[2],
            began_at=one["startDate"].astimezone(UTC),
            at=at.astimezone(UTC),
            looked_at=place < MOST_DESCRIBED,
        )
        if failure.looked_at:
            described = states.describe_execution(executionArn=one["executionArn"])
            failure = _mended(records, failure, described, outcomes)
            if again and not failure.key:
                failure = again.done(failure, machine, described)
        found.append(failure)
    return found


def _mended(
    records: Records, failure: Failure, described: dict[str, Any], outcomes: Sequence[Outcome]
) -> Failure:
    """A failure with its file, its reason, and what became of the file since."""
    error, cause = str(described.get("error") or ""), in_words(str(described.get("cause") or ""))
    why = at_a_word(": ".join(filter(None, (error, " ".join(cause.split())))), _REASON_LETTERS)
    bucket, key, version = letters.source_of(json.loads(described.get("input") or "{}"))
    failure = failure.model_copy(update={"key": key, "why": why})
    outcome = (
        records.document(OUTCOME.build(file_id=file_id(bucket, key, version)), Outcome) if key else None
    )
    if outcome is None:
        return _replaced(failure, outcomes)
    if outcome.dismissed_at:
        return failure.model_copy(update={"mended_at": parse(outcome.dismissed_at), "how": "dismissed"})
    if outcome.at < failure.at:
        return failure  # it was done before, and failed when it was read once more
    causes = {cause.finding_key: cause for one in records.diagnoses([outcome]) for cause in one.findings}
    usd = sum(cause.energy_at_risk.daily_loss_usd for cause in causes.values())
    how = "refused" if outcome.outcome == REFUSED else "mended"
    return failure.model_copy(update={"mended_at": outcome.at, "how": how, "usd_per_day": round(usd, 4)})


class _Again:
    """Executions without a file that a later one of the same workflow and input did again.

    A timer starts each execution with the same input, so its next one that succeeds ends the failure. A
    redrive makes the failed execution itself go on; then it is none that failed (AWS Step Functions
    Developer Guide, "Restarting state machine executions with redrive").
    """

    def __init__(self, states: Any, since: datetime) -> None:
        """`since`: no failure that is asked for is older."""
        self._states, self._since = states, since
        self._succeeded: dict[str, list[dict[str, Any]]] = {}
        self._inputs: dict[str, Any] = {}

    def done(self, failure: Failure, machine: str, described: dict[str, Any]) -> Failure:
        """A failure with when it was done again; as it is, where nothing did. `machine`: the workflow's
        ARN."""
        wanted = json.loads(described.get("input") or "{}")
        if not isinstance(wanted, dict) or "detail-type" in wanted:
            return failure  # of an event: it has an id of its own, so no other execution has this input
        later = [one for one in self._list(machine) if one["startDate"] >= failure.at]
        for one in later[:MOST_TRIED]:
            if self._input(one["executionArn"]) == wanted:
                at = one["stopDate"].astimezone(UTC)
                return failure.model_copy(update={"mended_at": at, "how": "its next one succeeded"})
        return failure

    def _list(self, machine: str) -> list[dict[str, Any]]:
        """A workflow's executions that succeeded, the oldest first."""
        if machine not in self._succeeded:
            pages = self._states.get_paginator("list_executions").paginate
            each = (
                one
                for page in pages(stateMachineArn=machine, statusFilter="SUCCEEDED")
                for one in page["executions"]
            )
            newest_first = takewhile(lambda one: one["startDate"] >= self._since, each)
            self._succeeded[machine] = list(newest_first)[::-1]
        return self._succeeded[machine]

    def _input(self, execution: str) -> Any:
        if execution not in self._inputs:
            described = self._states.describe_execution(executionArn=execution)
            self._inputs[execution] = json.loads(described.get("input") or "{}")
        return self._inputs[execution]


def _replaced(failure: Failure, outcomes: Sequence[Outcome]) -> Failure:
    """A failure whose file was put once more, as a newer version, and done since."""
    newer = [
        one.at
        for one in outcomes
        if one.source.key == failure.key and one.at > failure.at and one.outcome != REFUSED
    ]
    return failure.model_copy(update={"mended_at": min(newer), "how": "replaced"}) if newer else failure
