"""An execution in words: what it worked on, how it ended, what took long. Its values, each shown once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ona.runtime.words import counted
from ops import explain

_LEAST = 60
"""Characters of JSON from which a value that was shown is named and not shown again (ours)."""
_LONGEST = 3
"""So many of the longest steps are named."""
_SHORTEST_S = 0.1
"""Seconds from which a step can be one of them."""
_ENDS = {
    "RUNNING": "still runs",
    "SUCCEEDED": "ended well",
    "FAILED": "failed",
    "TIMED_OUT": "ran into its time limit",
    "ABORTED": "was stopped by somebody",
    "PENDING_REDRIVE": "waits to be redriven",
}
"""What the status of an execution means."""


def summary(
    workflow: str, described: dict[str, Any], steps: Sequence[explain.Step], source: str, outcome: str
) -> list[str]:
    """What happened, in two sentences. `source`: the file that it worked on; `outcome`: in a few words."""
    status, stopped = described["status"], described.get("stopDate")
    took = f" after {(stopped - described['startDate']).total_seconds():.1f} s" if stopped else ""
    what = f"{workflow} of {source}" if source else workflow
    end = f"{what} {_ENDS.get(status, status)}{took}"
    if status == "SUCCEEDED" and outcome:
        end += f": {outcome}"
    elif described.get("error"):
        end += f"{_where(steps)}: {explain.failure(described)}"
    return [end, _steps_in_words(steps)] if steps else [end]


def _where(steps: Sequence[explain.Step]) -> str:
    failed = [step.name for step in steps if step.errors and step.kind != "Fail"]
    return f" in {failed[-1]}" if failed else ""


def _steps_in_words(steps: Sequence[explain.Step]) -> str:
    retries = sum(max(step.attempts - 1, 0) for step in steps)
    timed = [step for step in steps if (step.seconds or 0) >= _SHORTEST_S]
    timed.sort(key=lambda step: -(step.seconds or 0))
    longest = ", ".join(f"{step.name} {step.seconds:.1f} s" for step in timed[:_LONGEST])
    text = f"{counted(len(steps), 'step')}, {counted(retries, 'retry') if retries else 'no retry'}"
    return f"{text}; longest: {longest}" if longest else text


class Shown:
    """The values that were shown so far: each is shown where it comes first, and named after that.

    >>> shown = Shown()
    >>> event = {"bucket": "ona-dev-input-000000000000", "key": "observations/2025/01/15/INV-001.csv"}
    >>> shown.text(event, "Receive's input") == json.dumps(event)
    True
    >>> shown.text(event, "Receive's output")
    "as Receive's input"
    >>> shown.text({"event": event, "number": 1}, "Judge's input")
    '{"event": "(as Receive\\'s input)", "number": 1}'
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def text(self, value: Any, name: str) -> str:
        """A value as JSON; the parts that were shown before by the name that they had."""
        known = self._names.get(_json(value))
        if known:
            return known
        told = _json(self._without_known(value))
        for number, part in enumerate(_parts(value)):
            self._names.setdefault(part, f"in {name}" if number else f"as {name}")
        return told

    def _without_known(self, value: Any) -> Any:
        known = self._names.get(_json(value))
        if known:
            return f"({known})"
        if isinstance(value, dict):
            return {key: self._without_known(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._without_known(item) for item in value]
        return value


def _parts(value: Any) -> Iterator[str]:
    """The JSON of a value and of all that is in it, where it is long."""
    text = _json(value)
    if len(text) < _LEAST:
        return
    yield text
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from _parts(item)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
