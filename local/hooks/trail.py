"""CloudTrail: since when a rule is off, and since when a function lets no call in.

ministack records every call or none, and a refused one like one that was done. Recorded here are those that
`ona ops health` asks for, at once (AWS: within 15 minutes); one that the service refuses has an errorCode,
one that a role does not allow is not kept. The history is empty after a start, and of changes by
CloudFormation. The names of events and of their parameters are AWS's: CloudTrail User Guide, "CloudTrail
record contents" (errorCode); AWS Lambda Developer Guide, "Logging AWS Lambda API calls".
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from typing import Any

from local.hooks.base import private, replace

_CONCURRENCY = re.compile(r"/2017-10-31/functions/([^/]+)/concurrency$")
_KEPT = {"DisableRule": "events", "EnableRule": "events", "PutRule": "events"}
"""Calls by their name in `X-Amz-Target`, and their service."""
_error: ContextVar[str] = ContextVar("ona_trail_error", default="")
"""The code of the error that the call at hand was answered with; empty for one that was done."""


def told(
    service: str, method: str, path: str, target: str, body: bytes
) -> tuple[str, dict[str, Any]] | None:
    """A call's name and parameters as CloudTrail has them; None where it is not kept.

    >>> told("events", "POST", "/", "AWSEvents.DisableRule", b'{"Name": "a"}')
    ('DisableRule', {'name': 'a'})
    >>> path = "/2017-10-31/functions/f/concurrency"
    >>> told("lambda", "PUT", path, "", b'{"ReservedConcurrentExecutions": 0}')
    ('PutFunctionConcurrency20171031', {'functionName': 'f', 'reservedConcurrentExecutions': 0})
    >>> told("events", "POST", "/", "AWSEvents.DescribeRule", b'{"Name": "a"}')
    """
    name = target.rpartition(".")[2]
    function = _CONCURRENCY.search(path) if (service, method) == ("lambda", "PUT") else None
    if _KEPT.get(name) != service and function is None:
        return None
    try:
        given = {key[:1].lower() + key[1:]: value for key, value in json.loads(body or b"{}").items()}
    except (ValueError, AttributeError):
        return None  # the service has refused it
    if function is None:
        return name, given
    return "PutFunctionConcurrency20171031", {"functionName": function[1], **given}


def refused(status: int, headers: dict[str, str]) -> str:
    """The code of an answer that is an error; empty for any other.

    >>> refused(400, {"x-amzn-errortype": "ResourceNotFoundException"}), refused(200, {})
    ('ResourceNotFoundException', '')
    >>> refused(500, {})
    'InternalFailure'
    """
    return "" if status < 400 else str(headers.get("x-amzn-errortype") or "InternalFailure")


def with_error(event: dict[str, Any], code: str) -> None:
    """Write into a recorded event that its call failed.

    >>> event = {"CloudTrailEvent": '{"eventName": "DisableRule"}'}
    >>> with_error(event, "ResourceNotFoundException"); event["CloudTrailEvent"]
    '{"eventName": "DisableRule", "errorCode": "ResourceNotFoundException"}'
    """
    event["CloudTrailEvent"] = json.dumps({**json.loads(event["CloudTrailEvent"]), "errorCode": code})


def install() -> None:
    """Apply the hooks. Raises HookBroken."""
    from ministack import app
    from ministack.services import cloudtrail

    record, key_of = private(cloudtrail, "record_event"), private(app, "extract_access_key_id")
    events, answered = private(cloudtrail, "_get_event_queue"), private(app, "fix_error_content_type")

    def noticed(service: str, status: int, headers: dict[str, str]) -> None:
        _error.set(refused(status, headers))
        answered(service, status, headers)

    def kept(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: Any,
        request_id: str, region: str,
    ) -> None:  # fmt: skip
        found = told(service, method, path, headers.get("x-amz-target", ""), body)
        if found is not None:
            who = key_of(headers, query) or "somebody"
            agent = headers.get("user-agent", "")
            record(service, found[0], who, who, [], region, request_id, agent, found[1], method)
            if code := _error.get():
                with_error(events()[-1], code)

    replace(app, "fix_error_content_type", noticed)
    replace(app, "_maybe_record_cloudtrail", kept)
