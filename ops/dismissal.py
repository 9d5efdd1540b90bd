"""A person removes a file's letter: nobody shall work on the file any more, and its outcome says so.

Without that, a quarantined file would stay in the list of `ona status` for good. One that failed has no
outcome: it would count as lost, and the next redrive would start it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ona.runtime.identity import file_id
from ona.runtime.letters import source_of
from ona.store.layout import OUTCOME
from ona.store.s3 import WRITTEN_BY_OTHERS
from ops.messages import QUARANTINE, DeadLetter
from ops.target import OpsError, Target


def dismiss(target: Target, letter: DeadLetter) -> str:
    """Write into the outcome of a letter's file that it is dismissed; returns the file's key, or an empty
    text where the letter is about no file, or its file is done.

    Raises OpsError when a workflow writes the outcome meanwhile.
    """
    bucket, key, version_id = source_of(letter.body.get("input"))
    if not key or bucket != target.input_bucket or letter.kind not in (QUARANTINE, "execution"):
        return ""
    place = {
        "Bucket": target.output_bucket,
        "Key": OUTCOME.build(file_id=file_id(bucket, key, version_id)),
    }
    at = datetime.now(UTC).isoformat(timespec="seconds")
    outcome, condition = _outcome(target, place)
    if outcome is None:
        source = {"bucket": bucket, "key": key, "version_id": version_id}
        outcome = {"outcome": "dismissed", "source": source, "at": at}
    elif outcome.get("outcome") != "quarantined":
        return ""
    body = json.dumps({**outcome, "dismissed_at": at})
    try:
        target.client("s3").put_object(**place, **condition, Body=body, ContentType="application/json")
    except ClientError as error:
        if error.response["Error"]["Code"] not in WRITTEN_BY_OTHERS:
            raise
        raise OpsError(f"{key}: its outcome was written just now; look again with `ona status`") from error
    return key


def _outcome(target: Target, place: dict[str, str]) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """A file's outcome, None where there is none, and the condition under which it may be written."""
    try:
        answer = target.client("s3").get_object(**place)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None, {"IfNoneMatch": "*"}
    try:
        outcome = json.loads(answer["Body"].read())
    except (ValueError, RecursionError):
        outcome = {}
    return outcome if isinstance(outcome, dict) else {}, {"IfMatch": answer["ETag"]}
