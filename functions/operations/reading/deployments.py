"""Deployments, as their records say: `operations/deployments/<day>/<id>.json` in the output bucket.

`ona up`, `ona deploy run` and `ona deploy rollback` write a record before they change anything, and once
more when they end (ops/deployment/records.py). A record without an end is of a command that works just now,
or of one that was killed: the stacks say which, and where no stack changes, its age.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime

from ona.documents.base import Document
from ona.runtime.errors import OnaError
from ona.runtime.words import counted
from operations.layout import DEPLOYMENT
from operations.reading.finding import Client
from operations.reading.inventory import GOOD, Inventory

Outcome = Literal["under way", "succeeded", "failed", "cut short"]
LOOKED_AT = 50
"""So many of the newest records are read; those of all releases that
`ona deploy prune` leaves, and more (ours)."""
_SLACK = timedelta(seconds=1)
"""CloudFormation's times may have whole seconds; a record has the moment."""
PATIENCE = {"deployment": timedelta(minutes=60), "rollback": timedelta(minutes=5)}
"""So long a command without an end may be at work although no stack changes (ours): a deployment builds,
packages and uploads before CloudFormation begins; a way back moves aliases."""
FEW = 3
"""So many functions are named; of more their number is told."""


class Change(Document):
    """One parameter of the root's stack that has another value than before."""

    name: str
    before: str
    after: str


class Record(Document):
    """One deployment, or one way back."""

    deployment_id: str
    version: str = "1"
    kind: Literal["deployment", "rollback"]
    environment: str
    stack: str
    before: str
    """The release that was live before; empty for none, for an unnamed one and for several."""
    release: str
    """The release that was deployed; of a way back, that which what moved is of now; empty for several."""
    by: str
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    """None until the command wrote how it ended."""
    outcome: Outcome
    reason: str = ""
    """Why it failed, or what went back."""
    moved: list[str] = []
    """Of a way back that was not of all: the functions and workflows that went; `before` and `release` are
    theirs alone."""
    was: dict[str, list[str]] = {}
    """What was live before: the releases, each with its functions. Of a way back of one, that one alone."""
    live: dict[str, list[str]] = {}
    """The same after it."""
    changes: list[Change] = []

    @property
    def way(self) -> str:
        """From which release to which, in words; one that failed names where it was to go."""
        whole = self.kind == "rollback" or self.outcome == "succeeded"
        there = (in_words(self.live) if whole else "") or self.release or "unnamed"
        return f"{in_words(self.was) or self.before or 'nothing known'} → {there}"


def shares(releases: Mapping[str, str]) -> dict[str, list[str]]:
    """The releases of things by name, that of most things first.

    >>> shares({"detect": "b", "order": "a", "deliver": "a"})
    {'a': ['deliver', 'order'], 'b': ['detect']}
    """
    found: dict[str, list[str]] = {}
    for name, release in sorted(releases.items()):
        found.setdefault(release, []).append(name)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def one_of(there: Mapping[str, Sequence[str]]) -> str:
    """The only release; empty for none and for several.

    >>> one_of({"a": ["order"]}), one_of({"a": ["order"], "b": ["detect"]})
    ('a', '')
    """
    return next(iter(there)) if len(there) == 1 else ""


def in_words(there: Mapping[str, Sequence[str]]) -> str:
    """Releases for a person, where there are several each with its functions; empty for none.

    >>> in_words({"a": ["order"]})
    'a'
    >>> in_words({"a": ["deliver", "detect", "order", "plan"], "": ["ooda"]})
    'a (4 functions) and unnamed (ooda)'
    """
    if len(there) < 2:
        return next(iter(there), "") or ("unnamed" if there else "")
    told = []
    for release, names in there.items():
        which = ", ".join(names) if len(names) <= FEW else counted(len(names), "function")
        told.append(f"{release or 'unnamed'} ({which})")
    return f"{', '.join(told[:-1])} and {told[-1]}"


@dataclass(frozen=True)
class Deployer:
    """Who deploys now, where that is known for certain: one command at a time has the embedded cloud's
    lock. `since`: when it took it; None: nobody deploys. An account has no such lock."""

    since: datetime | None = None

    def gave(self, record: Record) -> bool:
        """Whether a record is of this command; one that began before it is of an earlier one."""
        return self.since is not None and record.began_at >= self.since - _SLACK


NOBODY = Deployer()


@dataclass(frozen=True)
class Book:
    """The newest records, the newest first, and how many cannot be read."""

    records: tuple[Record, ...]
    unreadable: int = 0

    def judged(
        self, found: Inventory, now: datetime, deployer: Deployer | None = None
    ) -> Iterator[tuple[Record, Outcome]]:
        """Each record with how it ended, as far as the stacks and its age tell where it does not say so
        itself. `now` is UTC; `deployer`: who deploys, where that is known."""
        later: datetime | None = None
        for record in self.records:
            yield record, _judged(record, found, now, later, deployer)
            if record.kind == "deployment":
                later = record.began_at

    def backs(self, since: datetime | None) -> list[Record]:
        """The ways back that succeeded after a moment."""
        return [
            one
            for one in self.records
            if (one.kind, one.outcome) == ("rollback", "succeeded")
            and one.ended_at is not None
            and (since is None or one.ended_at > since)
        ]

    def home(self, found: Inventory, now: datetime) -> str:
        """The release from which the newest deployment began, where it has not ended; else empty."""
        for record, outcome in self.judged(found, now):
            if record.kind == "deployment":
                return record.before if outcome in ("under way", "cut short") else ""
        return ""

    def refused(self, found: Inventory, now: datetime, deployer: Deployer | None = None) -> dict[str, str]:
        """The releases that were never deployed whole, each with why: refused, cut short or under way."""
        whole: set[str] = set()
        others: dict[str, str] = {}
        for record, outcome in self.judged(found, now, deployer):
            if record.kind == "deployment" and outcome == "succeeded":
                whole.add(record.release)
            elif record.kind == "deployment":
                others.setdefault(record.release, "refused" if outcome == "failed" else outcome)
        return {release: why for release, why in others.items() if release and release not in whole}


def _judged(
    record: Record, found: Inventory, now: datetime, later: datetime | None, deployer: Deployer | None
) -> Outcome:
    """How a record's deployment ended. `later`: when the next one began.

    CloudFormation goes on without the command that asked it, so on AWS the root's stack tells the end of a
    deployment whose command was killed. The embedded cloud's stacks are deployed by the command itself, the
    root's the last; who has its lock is at work, whatever the stacks do.
    """
    if record.outcome != "under way":
        return record.outcome
    known = deployer if record.kind == "deployment" else None
    if not later and (known.gave(record) if known else changing(found)):
        return "under way"
    changed = found.changed
    of_this = changed is not None and changed >= record.began_at - _SLACK and (not later or changed < later)
    if record.kind == "deployment" and of_this:
        return "succeeded" if found.stacks[found.root] in GOOD else "failed"
    if not later and known is None and now < until(record):
        return "under way"
    return "cut short"


def changing(found: Inventory) -> bool:
    """Whether a stack changes just now."""
    return any(status.endswith("IN_PROGRESS") for status in found.stacks.values())


def until(record: Record) -> datetime:
    """When a command counts as killed that has not ended, and whose stacks are at rest."""
    return record.began_at + PATIENCE[record.kind]


def newest(client: Client, bucket: str, most: int = LOOKED_AT) -> Book:
    """The newest records. Raises botocore's errors."""
    s3 = client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DEPLOYMENT.prefix())
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    found: list[Record] = []
    unreadable = 0
    for key in sorted(filter(DEPLOYMENT.parse, keys), reverse=True)[:most]:
        try:
            found.append(Record.read(_read(s3, bucket, key), key))
        except (ValueError, OnaError):
            unreadable += 1
    return Book(tuple(found), unreadable)


def _read(s3: Any, bucket: str, key: str) -> Any:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
