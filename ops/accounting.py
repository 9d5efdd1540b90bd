"""Every file that was put is accounted for: done, quarantined, in the dead-letter queue, running, or lost.

What failed is *replaced* once a newer version under the same key is done, and *dismissed* once a person
removed its letter. Both are counted, and no work for anybody.

While the platform is stopped, what comes is *held*: its event waits for `ona resume`.

A file is told as lost only after two looks that found nothing of it, and while nobody else holds a message
of the dead-letter queue: what another command reads just now, nobody else sees. It is *unknown* then.

A file is one version of one object under `observations/`, `historical/`, `nowcast/`, or an hourly table
under `training/`. Its file id is the one that the state machine computes. The state machine writes the
file's outcome under that id, to `outcomes/<file id>.json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import ConfigDict

from ona.documents.base import Document
from ona.runtime import letters
from ona.runtime.errors import InvalidPayload
from ona.runtime.identity import file_id
from ona.store.layout import OUTCOME
from ona.store.unreadable import LONGEST_REASON, Unreadable, readable
from ops import deadletters, messages, plain
from ops.emergency import documents
from ops.target import PREFIXES, Target, is_taken

EVENT_DELAY_EMBEDDED = timedelta(seconds=5)
EVENT_DELAY_AWS = timedelta(minutes=3)
"""How long a file may wait for its event (ours); only an older one is called lost."""

State = Literal[
    "done",
    "quarantined",
    "dead letter",
    "running",
    "held",
    "unknown",
    "lost",
    "replaced",
    "dismissed",
    "ignored",
]
OPEN: tuple[State, ...] = ("unknown", "held", "lost", "dead letter", "running")
"""States of files of which nobody can say yet what becomes of them."""
_REPLACEABLE = ("quarantined", "dead letter", "lost")
"""States that a newer version ends. *Lost* is one: a failed version without its letter has no trace."""


@dataclass(frozen=True)
class FileAccount:
    """One file and what became of it."""

    key: str
    version_id: str
    size: int
    state: State
    detail: str = ""
    outcome: Outcome | None = None
    remedy: str = ""
    """What a person can do about a quarantined file."""
    at: datetime | None = None
    """When it came."""

    def event(self, bucket: str) -> dict[str, Any]:
        """The event that S3 sent for the file, with the fields that the workflows read."""
        described: dict[str, Any] = {"key": self.key, "size": self.size}
        if self.version_id:
            described["version-id"] = self.version_id
        return {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": bucket}, "object": described},
        }


def source_of(event: Any) -> tuple[str, str]:
    """Key and version id of the object in an S3 event; empty texts when it is no S3 event.

    >>> source_of({"detail": {"bucket": {"name": "in"}, "object": {"key": "observations/x.csv"}}})
    ('observations/x.csv', '')
    """
    return letters.source_of(event)[1:]


def _versions(target: Target) -> list[dict[str, Any]]:
    """All versions of all files that start a workflow, as boto3's entries."""
    pages = target.client("s3").get_paginator("list_object_versions")
    return [
        version
        for prefix in PREFIXES
        for page in pages.paginate(Bucket=target.input_bucket, Prefix=prefix)
        for version in page.get("Versions", [])
        if prefix != "training/" or "/hourly/" in version["Key"]
    ]


class Rejection(Document):
    """Why a file was not accepted, as far as it is told here."""

    model_config = ConfigDict(extra="ignore")
    reason: str
    message: str
    remedy: str = ""


class Outcome(Document):
    """What came of a file, as far as accounting reads it; a workflow writes more into it. What the loop
    says of jobs (`unschedulable`, `schedule`, `orders`) is read in `ops.unattended`."""

    model_config = ConfigDict(extra="ignore")
    outcome: str
    rejection: Rejection | None = None
    dismissed_at: str = ""
    """When a person removed the file's letter; written by `ops.dismissal`."""
    unschedulable: Any = 0
    schedule: Any = None
    orders: Any = None
    not_judged: str = ""
    """Assets of the file that nothing could be compared with, and why, in words."""
    event_log: str = ""
    """What came of an event log, in words."""
    suspected: str = ""
    """Small losses that are suspected: nothing is booked, nobody is sent; in words."""
    over: str = ""
    """Faults that began and ended within the file; in words."""

    @property
    def told(self) -> tuple[State, str]:
        """State and detail of the file."""
        if self.dismissed_at:
            return "dismissed", f"its letter was removed at {self.dismissed_at}"
        if self.outcome == "quarantined":
            why = self.rejection
            return "quarantined", f"{why.reason}: {why.message}" if why else ""
        if self.outcome == "repeated":
            return "ignored", "its upload id had brought a file before; a corrected file needs a new one"
        told = (in_words(self.outcome, [self.over]), self.event_log, self.not_judged, self.suspected)
        return "done", "; ".join(filter(None, told))

    @property
    def remedy(self) -> str:
        """What a person can do about the file; empty where nobody needs to."""
        return plain.to_mend(self.rejection.remedy) if self.rejection and not self.dismissed_at else ""


def in_words(outcome: str, of_it: Sequence[str]) -> str:
    """An outcome with what there is of it.

    >>> in_words("found", ["1 ordered", "2 deferred", ""]), in_words("nothing_found", [])
    ('found: 1 ordered, 2 deferred', 'nothing found')
    """
    numbers = ", ".join(filter(None, of_it))
    return ": ".join(filter(None, (outcome.replace("_", " "), numbers)))


def outcomes(target: Target, bad: list[Unreadable] | None = None) -> dict[str, Outcome]:
    """The outcome of each file that a workflow has finished, by file id. An object under `outcomes/` that
    is none is put aside."""
    s3, bucket = target.client("s3"), target.output_bucket

    def read(key: str) -> tuple[str, Outcome]:
        fields = OUTCOME.parse(key)
        if fields is None:
            raise InvalidPayload("its key is not that of an outcome")
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        outcome: Outcome = Outcome.read(json.loads(body), key)
        return fields["file_id"], outcome

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=OUTCOME.prefix())
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return dict(readable(((f"s3://{bucket}/{key}", key) for key in keys), read, bad))


def _running(target: Target) -> set[tuple[str, str]]:
    """Key and version id of each file whose execution runs."""
    states = target.client("stepfunctions")
    running = set()
    for machine in sorted({target.machines[name] for name in PREFIXES.values()}):
        pages = states.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING"
        )
        for page in pages:
            for item in page["executions"]:
                described = states.describe_execution(executionArn=item["executionArn"])
                running.add(source_of(json.loads(described.get("input") or "{}")))
    return running


@dataclass(frozen=True)
class Accounts:
    """What became of every file, in order of arrival."""

    files: list[FileAccount]
    hidden: int = 0
    """Messages of the dead-letter queue that another command reads just now."""
    letters: list[messages.DeadLetter] = field(default_factory=list)
    """The letters that were seen in it."""

    @property
    def replaced(self) -> set[tuple[str, str]]:
        """Key and version id of each file whose newer version is done."""
        return {(item.key, item.version_id) for item in self.files if item.state == "replaced"}


def account(target: Target, bad: list[Unreadable] | None = None) -> list[FileAccount]:
    """What became of every file, in order of arrival; as `read`."""
    return read(target, bad).files


def read(target: Target, bad: list[Unreadable] | None = None) -> Accounts:
    """What became of every file. Outcomes and messages that nobody can read are put aside, into `bad`.

    A redrive takes a letter out of the queue after its work was started: who had looked for running work
    before, and for letters afterwards, saw neither. So a file that seems lost is looked for once more.
    """
    unreadable: list[Unreadable] = []
    accounts = _read(target, unreadable)
    if any(item.state == "lost" for item in accounts.files):
        unreadable.clear()
        accounts = _read(target, unreadable)
    if bad is not None:
        bad += unreadable
    return accounts


def _read(target: Target, bad: list[Unreadable]) -> Accounts:
    running = _running(target)  # first: a file whose execution ends meanwhile has an outcome below
    seen = deadletters.look(target)
    bad += [
        Unreadable(f"dead-letter queue, message {letter.message_id}", letter.reason[:LONGEST_REASON])
        for letter in seen.letters
        if letter.kind == messages.FOREIGN
    ]
    failed = {
        source_of(letter.body.get("input")): letter
        for letter in seen.letters
        if letter.kind != messages.FOREIGN
    }
    outcome_of = outcomes(target, bad)
    delay = EVENT_DELAY_EMBEDDED if target.embedded else EVENT_DELAY_AWS
    fresh, stop = datetime.now(UTC) - delay, documents.current(target)
    accounts = []
    # S3 lists the newest version of a key first, and its times are whole seconds
    oldest_first = reversed(_versions(target))
    for version in sorted(oldest_first, key=lambda item: (item["LastModified"], item["Key"])):
        key, version_id = version["Key"], version.get("VersionId") or ""
        version_id = "" if version_id == "null" else version_id
        letter = failed.get((key, version_id))
        outcome = outcome_of.get(file_id(target.input_bucket, key, version_id))
        state: State
        detail = remedy = ""
        if (key, version_id) in running:
            state = "running"
        elif letter is not None and letter.kind != "quarantine":
            state, detail = "dead letter", f"{letter.body.get('state')}: {letter.body.get('error')}"
        elif outcome:
            (state, detail), remedy = outcome.told, outcome.remedy
        elif letter is not None:  # its execution ended between the letter and the outcome
            state, detail, remedy = "quarantined", letter.reason, plain.to_mend(letter.remedy)
        elif not is_taken(key):
            state, detail = "ignored", "no rule takes it: a file's name ends in .csv or .CSV"
        elif stop and version["LastModified"] > stop.at - delay:
            state, detail = "held", f"its event waits: the platform is {stop.in_words}"
        elif version["LastModified"] > fresh:
            state, detail = "running", "put just now; its event is on the way"
        elif seen.hidden:
            state, detail = "unknown", deadletters.told_hidden(seen.hidden)
        else:
            state, detail = "lost", "no outcome, no dead letter, and no execution runs"
        told = (state, detail, outcome, remedy, version["LastModified"])
        accounts.append(FileAccount(key, version_id, version["Size"], *told))
    return Accounts(_with_replaced(accounts), seen.hidden, seen.letters)


def _with_replaced(accounts: list[FileAccount]) -> list[FileAccount]:
    """The same files, oldest version first; what failed before a version of the same key that is done is
    replaced.

    >>> states = ("quarantined", "running", "done", "quarantined")
    >>> files = [FileAccount("a", str(place), 1, state) for place, state in enumerate(states)]
    >>> [item.state for item in _with_replaced(files)]
    ['replaced', 'running', 'done', 'quarantined']
    """
    done: set[str] = set()
    told = []
    for item in reversed(accounts):
        if item.state == "done":
            done.add(item.key)
        elif item.state in _REPLACEABLE and item.key in done:
            item = replace(item, state="replaced", detail="a newer version of it is done", remedy="")
        told.append(item)
    return told[::-1]


def totals(accounts: list[FileAccount]) -> Counter[str]:
    """How many files are in each state."""
    return Counter(item.state for item in accounts)
