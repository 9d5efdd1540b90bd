"""A stop of the platform as a document: `operations/stops/<stop id>.json` in the output bucket.

It is written before anything is changed, and holds what is needed to undo the stop. At most one stop is
open. Its number is one more than the last one's, and S3 takes the key once: two people who stop at the
same moment get one stop.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from ona.documents.base import Document
from ona.store.s3 import WRITTEN_BY_OTHERS
from operations.layout import STOP
from operations.reading import stops
from operations.reading.stops import Reason, Stop
from ops.target import OpsError, Target

_DIGITS = 6


def put(target: Target, key: str, document: Document, etag: str) -> str:
    """Write a document where nobody else has written since; its version. `etag`: the version that was read,
    empty where there was none. Raises OpsError where somebody has written."""
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    body = json.dumps(document.document(), indent=2).encode()
    try:
        answer = target.client("s3").put_object(
            Bucket=target.output_bucket, Key=key, Body=body, ContentType="application/json", **condition
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in WRITTEN_BY_OTHERS:
            raise
        raise OpsError(
            f"{key}: somebody else stops or resumes the platform just now; give the command again"
        ) from error
    return str(answer["ETag"])


class Kept:
    """A stop and its version in S3: who writes it must have read the last one."""

    def __init__(self, target: Target, stop: Stop, etag: str = "") -> None:
        self._target, self.stop, self._etag = target, stop, etag

    def write(self, **changes: Any) -> Stop:
        """Change fields and write the whole. Raises OpsError when somebody else has written meanwhile."""
        self.stop = self.stop.model_copy(update=changes)
        key = STOP.build(stop_id=self.stop.stop_id)
        self._etag = put(self._target, key, self.stop, self._etag)
        return self.stop


def newest(target: Target) -> Kept | None:
    """The last stop, open or ended; None where there was none. Raises InvalidPayload."""
    found = stops.newest(target.client, target.output_bucket)
    return Kept(target, *found) if found else None


def current(target: Target) -> Stop | None:
    """The stop that the platform is in; None while it runs."""
    return stops.current(target.client, target.output_bucket)


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
