"""S3: an event to EventBridge carries the object's `version-id`, as AWS's does for a versioned bucket."""

from __future__ import annotations

import json
import threading
from typing import Any

from local.hooks.base import private, replace

_version = threading.local()


def install() -> None:
    """Apply the hook."""
    from ministack.services import eventbridge, s3

    fire = private(s3, "_fire_s3_event")
    dispatch = private(eventbridge, "_dispatch_event")

    def remember(*arguments: Any, **named: Any) -> Any:
        _version.id = named.get("version_id")
        try:
            return fire(*arguments, **named)
        finally:
            _version.id = None

    def with_version(event: dict[str, Any], *rest: Any, **named: Any) -> Any:
        version = getattr(_version, "id", None)
        if version and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *rest, **named)

    replace(s3, "_fire_s3_event", remember)
    replace(eventbridge, "_dispatch_event", with_version)
