"""What each deployment did, as a document: `operations/deployments/<day>/<id>.json` in the output bucket.

`ona deploy run`, `ona up` and `ona deploy rollback` write it when they end, also when they fail, and tell
the bus (docs/events.md, Deployment Finished). No secret is kept: of a parameter that may hold
one, only that it is another than before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime

from local import deploy
from ona.documents.base import Document
from ona.runtime.clock import iso, utc_now
from ona.runtime.errors import OnaError
from ona.runtime.identity import digest
from ona.runtime.redaction import GONE, redacted
from operations.layout import DEPLOYMENT
from ops import bus
from ops.target import Target

LOOKED_AT = 50
"""So many records are read for releases that were refused; as many releases as `ona deploy prune` leaves,
and more (ours)."""
_WITH_PATH = re.compile(r"https?://[^/,\s]+/.+")
"""An address with a path: many services put the key of their integration there."""


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
    """The release that was deployed last; empty where there was none, or nobody named it."""
    release: str
    """The release that was deployed; of a way back, that which what moved is of now; empty for several."""
    by: str
    began_at: AwareDatetime
    ended_at: AwareDatetime
    outcome: Literal["succeeded", "failed"]
    reason: str = ""
    """Why it failed, or what went back."""
    moved: list[str] = []
    """Of a way back that was not of all: the functions and workflows that went; `before` and `release` are
    theirs alone."""
    changes: list[Change] = []


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


def write(target: Target, record: Record) -> str:
    """Keep a record and tell the bus; empty, or why one of both was not possible."""
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


def made(kind: Literal["deployment", "rollback"], target: Target, began: datetime, **given: Any) -> Record:
    """A record that ends now; its id says when it began, and sorts by it."""
    name = f"{began:%Y%m%dT%H%M%S}-{digest(kind, target.stack, began.isoformat(), length=6)}"
    environment = target.stack.rpartition("-")[2]
    return Record(
        deployment_id=name,
        kind=kind,
        environment=environment,
        stack=target.stack,
        began_at=began,
        ended_at=utc_now(),
        **given,
    )


def refused(target: Target) -> set[str]:
    """The releases whose deployment failed and that were never deployed, by the newest records."""
    found = [record for record in newest(target, LOOKED_AT)[0] if record.kind == "deployment"]
    ended = {
        outcome: {record.release for record in found if record.outcome == outcome and record.release}
        for outcome in ("failed", "succeeded")
    }
    return ended["failed"] - ended["succeeded"]


def newest(target: Target, most: int) -> tuple[list[Record], int]:
    """The newest records, the newest first, and how many cannot be read."""
    s3, bucket = target.client("s3"), target.output_bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DEPLOYMENT.prefix())
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    found, unreadable = [], 0
    for key in sorted(filter(DEPLOYMENT.parse, keys), reverse=True)[:most]:
        try:
            found.append(Record.read(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()), key))
        except (ValueError, OnaError):
            unreadable += 1
    return found, unreadable
