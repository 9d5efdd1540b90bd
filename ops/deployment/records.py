"""What each deployment did, as a document: `operations/deployments/<day>/<id>.json` in the output bucket.

`ona deploy run`, `ona up` and `ona deploy rollback` write it before they change anything, and again when
they end, also when they fail; then they tell the bus (docs/events.md, Deployment Finished). No secret is
kept: of a parameter that may hold one, only that it is another than before. What a record says, and how it
is read: operations/reading/deployments.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from local import deploy
from ona.runtime.clock import iso, utc_now
from ona.runtime.identity import digest
from ona.runtime.redaction import GONE, redacted
from operations.layout import DEPLOYMENT
from operations.reading import inventory, released
from operations.reading.deployments import NOBODY, Book, Change, Record, newest, shares
from operations.reading.inventory import Inventory
from ops import bus
from ops.target import Target

_WITH_PATH = re.compile(r"https?://[^/,\s]+/.+")
"""An address with a path: many services put the key of their integration there."""


def standing(target: Target) -> dict[str, str]:
    """The parameters with which the platform is deployed now; none where it is not."""
    there = deploy.find(target.client("cloudformation"), target.stack)
    return deploy.parameters_of(there) if there else {}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What changed, by name; the release has a field of its own.

    >>> changes({"ApiRate": "100"}, {"ApiRate": "200"})[0].document()
    {'name': 'ApiRate', 'before': '100', 'after': '200'}
    >>> changes({}, {"AlertEndpoint": "https://events.example.com/integration/k3y"})[0].after
    '[redacted]'
    """
    names = sorted(name for name in after if after[name] != before.get(name, "") and name != deploy.RELEASE)
    return [
        Change(name=name, before=_shown(name, before.get(name, "")), after=_shown(name, after[name]))
        for name in names
    ]


def _shown(name: str, value: str) -> str:
    """A value without what may be a secret, or says how to reach a person."""
    if not value or _WITH_PATH.search(value):
        return GONE if value else ""
    return str(redacted({name: value})[name])


def keep(target: Target, record: Record) -> str:
    """Write a record; empty, or why it was not possible."""
    key = DEPLOYMENT.build(day=record.began_at.date(), deployment_id=record.deployment_id)
    try:
        target.client("s3").put_object(
            Bucket=target.output_bucket,
            Key=key,
            Body=json.dumps(record.document(), indent=1).encode(),
            ContentType="application/json",
        )
    except Exception as error:
        return f"the deployment is not on record: {' '.join(str(error).split())}"
    return ""


def write(target: Target, record: Record) -> str:
    """Keep a record that ended and tell the bus; empty, or why one of both was not possible."""
    if why := keep(target, record):
        return why
    key = DEPLOYMENT.build(day=record.began_at.date(), deployment_id=record.deployment_id)
    told = {"outcome": record.outcome, "release": record.release, "before": record.before}
    pointer = {"bucket": target.output_bucket, "key": key}
    return bus.tell(
        target,
        "Deployment Finished",
        record.deployment_id,
        deployment_id=record.deployment_id,
        kind=record.kind,
        by=record.by,
        began=iso(record.began_at),
        reason=record.reason,
        moved=record.moved,
        document=pointer,
        **told,
    )


def begun(kind: Literal["deployment", "rollback"], target: Target, began: datetime, **given: Any) -> Record:
    """A record of what begins; its id says when it began, and sorts by it."""
    name = f"{began:%Y%m%dT%H%M%S}-{digest(kind, target.stack, began.isoformat(), length=6)}"
    environment = target.stack.rpartition("-")[2]
    return Record(
        deployment_id=name,
        kind=kind,
        environment=environment,
        stack=target.stack,
        began_at=began,
        outcome="under way",
        **given,
    )


def ended(record: Record, **given: Any) -> Record:
    """A record that ends now, with its outcome."""
    return record.model_copy(update={"ended_at": utc_now(), **given})


def made(kind: Literal["deployment", "rollback"], target: Target, began: datetime, **given: Any) -> Record:
    """A record that ends now, of what was not on record before."""
    end = {name: given.pop(name) for name in ("outcome",)}
    return ended(begun(kind, target, began, **given), **end)


def close_left(target: Target, found: Inventory, book: Book) -> None:
    """Close the records that killed commands left open, once the next deployment begins.

    On the embedded cloud whoever deploys holds the home's lock, so none of them can be under way.
    """
    nobody = NOBODY if target.embedded is not None else None
    for record, outcome in book.judged(found, utc_now(), nobody):
        if record.outcome == "under way" != outcome:
            reason = "it never said how it ended; the next deployment closed its record"
            keep(target, ended(record, outcome=outcome, reason=reason))


def live(target: Target) -> dict[str, list[str]]:
    """The releases that are live, each with its functions; none where nothing is deployed."""
    try:
        found = inventory.read(target.client, target.stack)
    except inventory.NotDeployed:
        return {}
    return shares(released.live(target.client, found))


def book(target: Target) -> Book:
    """The newest records. Raises botocore's errors, and OpsError where nothing is deployed."""
    return newest(target.client, target.output_bucket)
