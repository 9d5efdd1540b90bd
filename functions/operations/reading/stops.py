"""A stop of the platform, as its document says: `operations/stops/<stop id>.json` in the output bucket.

`ona stop` and `ona resume` write it (ops/emergency/documents.py). Whoever looks at the platform reads here
that it is stopped: much that looks like trouble then is what somebody wanted.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from ona.documents.base import Document
from operations.layout import STOP
from operations.reading.finding import Client, Finding

CHECK = "stop"
MAINTENANCE = "maintenance_mode: "
"""How the reasons of a stop begin that maintenance mode made."""


class Rule(Document):
    """A rule of events whose targets wait."""

    name: str
    bus: str
    targets: list[dict[str, Any]]
    """The targets that were taken away, as EventBridge gave them."""


class Timer(Document):
    """A timer that was turned off: a rule with a schedule, or a schedule of EventBridge Scheduler."""

    kind: Literal["rule", "schedule"]
    name: str
    group: str = "default"
    """The rule's bus, or the schedule's group."""
    ran: bool = False
    """Whether it was run once after the stop."""


class Door(Document):
    """A stage of an API that was closed, and its limits before: requests a second, and at once."""

    api: str
    stage: str
    rate: float
    burst: int


class Stopped(Document):
    """An execution that was stopped in the middle, to be taken up again."""

    arn: str
    taken_up: str = ""
    """The ARN of the execution that took it up."""


class Reason(Document):
    """Who wanted the stop, when, and why."""

    by: str
    at: AwareDatetime
    why: str


class Stop(Document):
    """A stop of the platform."""

    stop_id: str
    version: str = "1"
    environment: str
    state: Literal["stopping", "stopped", "resuming", "ended"] = "stopping"
    reasons: list[Reason] = Field(min_length=1)
    """The first is who stopped it; the others stopped it while it was stopped."""
    resumed_at: AwareDatetime | None = None
    """When targets were put back, for the first time."""
    ended_at: AwareDatetime | None = None
    rules: list[Rule] = []
    timers: list[Timer] = []
    doors: list[Door] = []
    flag: bool = False
    """Whether the stop turned maintenance mode on, which closes the APIs."""
    executions: list[Stopped] = []
    came: int = 0
    """Events that came while it was stopped, as far as they were taken up."""
    repeated: int = 0
    """Of them, those whose work had begun already: nothing was started for them."""
    last: list[str] = []
    """The ids of the messages that were counted last; they may still lie in the queue."""

    @property
    def at(self) -> AwareDatetime:
        """When it began."""
        return self.reasons[0].at

    @property
    def closes(self) -> bool:
        """Whether the APIs are closed, too: by maintenance mode, or by their limits."""
        by_mode = any(reason.why.startswith(MAINTENANCE) for reason in self.reasons)
        return self.flag or by_mode or bool(self.doors)

    @property
    def in_words(self) -> str:
        """Since when, by whom and why."""
        first = self.reasons[0]
        return f"stopped since {first.at:%Y-%m-%d %H:%M} UTC by {first.by}: {first.why}"


def newest(client: Client, bucket: str) -> tuple[Stop, str] | None:
    """The last stop, open or ended, and its ETag; None where there was none. Raises InvalidPayload."""
    s3 = client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=STOP.prefix())
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    ours = [key for key in keys if STOP.parse(key)]
    if not ours:
        return None
    answer = s3.get_object(Bucket=bucket, Key=max(ours))
    stop: Stop = Stop.read(json.loads(answer["Body"].read()), max(ours))
    return stop, str(answer["ETag"])


def current(client: Client, bucket: str) -> Stop | None:
    """The stop that the platform is in; None while it runs. Raises InvalidPayload."""
    found = newest(client, bucket)
    return found[0] if found and found[0].state != "ended" else None


def finding(stop: Stop | None) -> Finding:
    """That the platform is stopped, or that it is not."""
    if stop is None:
        return Finding.ok(CHECK, "platform", "nothing is stopped")
    first = stop.reasons[0]
    closed = "; the APIs are closed" if stop.closes else ""
    return Finding.warning(CHECK, "platform", f"stopped by {first.by}: {first.why}{closed}", since=stop.at)
