"""Do files again: which ones, and a run that a kill does not make to do any of them twice.

The files are written down before the first is started (`operations/reprocesses/<id>.json`). An execution's
name is made of that id and the file's: the same command, given again after a kill, goes on with the list.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pydantic import AwareDatetime

from ona.documents.base import Document
from ona.runtime.clock import utc_now
from ona.runtime.identity import digest, file_id
from operations.config.emergency import emergency
from operations.layout import REPROCESS
from ops.accounting import FileAccount
from ops.emergency import documents
from ops.target import OpsError, Target, start

NAME = "again-"
"""With what the names of executions begin that do a file again."""
_LOOK_S, _LOOK_EMBEDDED_S = 5.0, 0.3
"""Seconds between two looks at what runs (ours)."""
_NOT_AGAIN = ("running", "held", "ignored", "dismissed", "replaced")
"""States of files that are not done again: they are on their way, or nothing is made of them."""
Tell = Callable[[str], None]


class File(Document):
    """One version of one file."""

    key: str
    version_id: str
    size: int


class Reprocess(Document):
    """Files that are done again."""

    reprocess_id: str
    version: str = "1"
    what: str
    """What was asked for, in words; the same words go on with the same list while it has not ended."""
    by: str
    at: AwareDatetime
    state: Literal["running", "ended"] = "running"
    ended_at: AwareDatetime | None = None
    files: list[File]
    ends: dict[str, int] = {}
    """How many executions ended how."""


@dataclass(frozen=True)
class Plan:
    """What would be done again."""

    what: str
    files: list[FileAccount]
    goes_on: Reprocess | None = None
    """A run of the same words that did not end; its list is what will be done."""


def came_between(files: Iterable[FileAccount], since: datetime, until: datetime) -> list[FileAccount]:
    """The newest version of each file, where it came from `since` to before `until`."""
    return [item for item in _newest(files) if item.at is not None and since <= item.at < until]


def of_asset(
    target: Target, files: Iterable[FileAccount], asset_id: str, first: date, last: date
) -> list[FileAccount]:
    """The newest version of each file that had readings of an asset on these days, by its detections.

    A detection lies under the file's first day; a file of several days is found by that day.
    """
    wanted = _files_with(target, asset_id, first, last)
    keys = {item.key for item in files if _id(target, item.key, item.version_id) in wanted}
    return [item for item in _newest(files) if item.key in keys]


def _newest(files: Iterable[FileAccount]) -> list[FileAccount]:
    """The last version of each key, without those that are not done again; the oldest came first."""
    newest = {item.key: item for item in files}
    return [item for item in newest.values() if item.state not in _NOT_AGAIN]


def _id(target: Target, key: str, version_id: str) -> str:
    return file_id(target.input_bucket, key, version_id)


class _Detection(Document):
    """A detection, as far as it is read here; the loop writes more into it."""

    model_config = {**Document.model_config, "extra": "ignore"}
    source: dict[str, Any]
    assets: list[dict[str, Any]]


def _files_with(target: Target, asset_id: str, first: date, last: date) -> set[str]:
    s3, bucket, found = target.client("s3"), target.output_bucket, set()
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="detections/")
    for entry in (entry for page in pages for entry in page.get("Contents", [])):
        day = _day_of(entry["Key"])
        if day is None or not first <= day <= last:
            continue
        body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        made: _Detection = _Detection.read(json.loads(body), entry["Key"])
        if any(item.get("asset_id") == asset_id for item in made.assets):
            source = made.source
            found.add(file_id(source["bucket"], source["key"], source.get("version_id") or ""))
    return found


def _day_of(key: str) -> date | None:
    """The day of a detection's key.

    >>> _day_of("detections/2025/01/15/det-1.json"), _day_of("detections/readme")
    (datetime.date(2025, 1, 15), None)
    """
    try:
        return date(*map(int, key.split("/")[1:4]))
    except (ValueError, TypeError):
        return None


def planned(target: Target, what: str, files: Sequence[FileAccount]) -> Plan:
    """What these words would do now: the list of a run that did not end, else these files."""
    last = _last(target)
    if last is not None and last.state == "running" and last.what == what:
        of = {(item.key, item.version_id) for item in last.files}
        return Plan(what, [item for item in files if (item.key, item.version_id) in of], last)
    return Plan(what, list(files))


def run(target: Target, plan: Plan, by: str, tell: Tell) -> Counter[str]:
    """Do the files of a plan again, some at a time; how many executions ended how.

    Raises OpsError while the platform is stopped.
    """
    if stop := documents.current(target):
        raise OpsError(f"the platform is {stop.in_words}; `ona resume` first")
    work = plan.goes_on or _begun(target, plan, by)
    ends = follow(target, [_Start(target, work.reprocess_id, item) for item in work.files], tell)
    _write(target, work.model_copy(update={"state": "ended", "ended_at": utc_now(), "ends": dict(ends)}))
    return ends


def _begun(target: Target, plan: Plan, by: str) -> Reprocess:
    """Write down what will be done, before the first is started."""
    now = utc_now()
    files = [File(key=item.key, version_id=item.version_id, size=item.size) for item in plan.files]
    name = f"{now:%Y%m%dT%H%M%S}-{digest(plan.what, by, now.isoformat(), length=6)}"
    work = Reprocess(reprocess_id=name, what=plan.what, by=by, at=now, files=files)
    _write(target, work)
    return work


def _write(target: Target, work: Reprocess) -> None:
    target.client("s3").put_object(
        Bucket=target.output_bucket,
        Key=REPROCESS.build(reprocess_id=work.reprocess_id),
        Body=json.dumps(work.document(), indent=1).encode(),
        ContentType="application/json",
    )


def _last(target: Target) -> Reprocess | None:
    s3, bucket = target.client("s3"), target.output_bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=REPROCESS.prefix())
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    ours = [key for key in keys if REPROCESS.parse(key)]
    if not ours:
        return None
    body = s3.get_object(Bucket=bucket, Key=max(ours))["Body"].read()
    found: Reprocess = Reprocess.read(json.loads(body), max(ours))
    return found


@dataclass(frozen=True)
class _Start:
    """Starts one file again; the ARN of what does it, also where that was started before."""

    target: Target
    reprocess_id: str
    file: File

    def __call__(self) -> str:
        states = self.target.client("stepfunctions")
        machine = self.target.machine_of(self.file.key)
        made_of = _id(self.target, self.file.key, self.file.version_id)
        name = f"{NAME}{self.reprocess_id}-{made_of}"
        event = FileAccount(self.file.key, self.file.version_id, self.file.size, "done").event(
            self.target.input_bucket
        )
        with suppress(states.exceptions.ExecutionAlreadyExists):
            start(states, machine, name=name, input=json.dumps(event))
        base = ":".join(machine.split(":")[:7])
        return f"{base.replace(':stateMachine:', ':execution:')}:{name}"


def follow(target: Target, starts: Sequence[Callable[[], str]], tell: Tell) -> Counter[str]:
    """Start work, some of it at once, and follow each to its end; how many ended how."""
    states, ends = target.client("stepfunctions"), Counter[str]()
    waiting, running = list(starts)[::-1], set[str]()
    begun, told = time.monotonic(), 0.0
    while waiting or running:
        while waiting and len(running) < emergency().again_at_once:
            running.add(waiting.pop()())
        for arn in sorted(running):
            status = str(states.describe_execution(executionArn=arn)["status"])
            if status != "RUNNING":
                ends[status] += 1
                running.discard(arn)
        if time.monotonic() - told >= 1 or not (waiting or running):
            told = time.monotonic()
            tell(_progress(sum(ends.values()), len(starts), told - begun))
        if running:
            time.sleep(_LOOK_EMBEDDED_S if target.embedded else _LOOK_S)
    return ends


def _progress(done: int, of: int, seconds: float) -> str:
    """How far it is, and how long the rest takes at this pace.

    >>> _progress(3, 12, 30), _progress(0, 12, 1), _progress(12, 12, 90)
    ('3 of 12 done, about 90 s left', '0 of 12 done', '12 of 12 done')
    """
    left = f", about {seconds / done * (of - done):.0f} s left" if 0 < done < of else ""
    return f"{done} of {of} done{left}"
