"""A stop of the platform as a document: `operations/stops/<stop id>.json` in the output bucket.

It is written before anything is changed, and holds what is needed to undo the stop. At most one stop is
open. Its number is one more than the last one's, and S3 takes the key once: two people who stop at the
same moment get one stop.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from botocore.exceptions import ClientError
from pydantic import AwareDatetime, Field

from ona.documents.base import Document
from operations.layout import STOP
from ops.target import OpsError, Target

_DIGITS = 6
_WRITTEN_BY_OTHERS = ("PreconditionFailed", "ConditionalRequestConflict")


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
    def in_words(self) -> str:
        """Since when, by whom and why."""
        first = self.reasons[0]
        return f"stopped since {first.at:%Y-%m-%d %H:%M} UTC by {first.by}: {first.why}"


class Kept:
    """A stop and its version in S3: who writes it must have read the last one."""

    def __init__(self, target: Target, stop: Stop, etag: str = "") -> None:
        self._target, self.stop, self._etag = target, stop, etag

    def write(self, **changes: Any) -> Stop:
        """Change fields and write the whole. Raises OpsError when somebody else has written meanwhile."""
        self.stop = self.stop.model_copy(update=changes)
        condition = {"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}
        body = json.dumps(self.stop.document(), indent=2).encode()
        key = STOP.build(stop_id=self.stop.stop_id)
        try:
            answer = self._target.client("s3").put_object(
                Bucket=self._target.output_bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _WRITTEN_BY_OTHERS:
                raise
            raise OpsError(
                f"{key}: somebody else stops or resumes the platform just now; give the command again"
            ) from error
        self._etag = str(answer["ETag"])
        return self.stop


def newest(target: Target) -> Kept | None:
    """The last stop, open or ended; None where there was none. Raises InvalidPayload."""
    s3, bucket = target.client("s3"), target.output_bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=STOP.prefix())
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    ours = [key for key in keys if STOP.parse(key)]
    if not ours:
        return None
    answer = s3.get_object(Bucket=bucket, Key=max(ours))
    stop: Stop = Stop.read(json.loads(answer["Body"].read()), max(ours))
    return Kept(target, stop, str(answer["ETag"]))


def current(target: Target) -> Stop | None:
    """The stop that the platform is in; None while it runs."""
    kept = newest(target)
    return kept.stop if kept and kept.stop.state != "ended" else None


def opened(target: Target, reason: Reason) -> Kept:
    """The open stop, with one more reason; else a new one, not yet written."""
    kept = newest(target)
    if kept and kept.stop.state != "ended":
        known = {(item.by, item.why) for item in kept.stop.reasons}
        if (reason.by, reason.why) not in known:
            kept.stop = kept.stop.model_copy(update={"reasons": [*kept.stop.reasons, reason]})
        return kept
    number = int(kept.stop.stop_id) + 1 if kept else 1
    stop = Stop(stop_id=f"{number:0{_DIGITS}}", environment=target.outputs["Environment"], reasons=[reason])
    return Kept(target, stop)
