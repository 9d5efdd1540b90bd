"""The envelope that every answer of every API has, and the refusals.

>>> moment = datetime.fromisoformat("2025-06-10T08:00:00Z")
>>> success({"status": "ok"}, "request-1", moment)["metadata"]
{'request_id': 'request-1', 'timestamp': '2025-06-10T08:00:00Z', 'version': 'v1.0'}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import Field

from ona.documents.base import Document
from ona.runtime.clock import iso

VERSION = "v1.0"
"""The version of the envelope (contract)."""
JSON = "application/json"
"""The content type of every answer."""


class ProblemJson(TypedDict):
    """A `Problem` in its JSON form. `retry_after`: seconds."""

    code: str
    message: str
    field: NotRequired[str]
    details: NotRequired[str]
    retry_after: NotRequired[int]


class ApiError(Exception):
    """An answer that is no success: an HTTP status, a code of `Problem`, and a sentence.

    `field` names the wrong part of the request, `retry_after` is in seconds.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str = "",
        details: str = "",
        retry_after: int = 0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: ProblemJson = {"code": code, "message": message}
        if field:
            self.error["field"] = field
        if details:
            self.error["details"] = details
        if retry_after:
            self.error["retry_after"] = retry_after


def _metadata(request_id: str, now: datetime) -> dict[str, str]:
    return {"request_id": request_id, "timestamp": iso(now), "version": VERSION}


def success(data: Any, request_id: str, now: datetime) -> dict[str, Any]:
    """The body of a success."""
    return {"success": True, "data": data, "metadata": _metadata(request_id, now), "errors": []}


def failure(errors: list[ProblemJson], status: int, request_id: str, now: datetime) -> Response[str]:
    """A refusal as an HTTP answer; `Retry-After` is the longest `retry_after` of its errors, seconds."""
    body = {"success": False, "data": None, "metadata": _metadata(request_id, now), "errors": errors}
    waits = [error["retry_after"] for error in errors if "retry_after" in error]
    headers = {"Retry-After": str(max(waits))} if waits else {}
    return Response(status_code=status, content_type=JSON, body=json.dumps(body), headers=headers)


DataT = TypeVar("DataT")


class Metadata(Document):
    """What an answer says about itself."""

    request_id: str
    timestamp: datetime
    version: str


class Problem(Document):
    """One thing that is wrong with a request; `retry_after` is in seconds."""

    code: Literal[
        "VALIDATION_ERROR",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "CONFLICT",
        "UNSUPPORTED_MEDIA_TYPE",
        "QUOTA_EXCEEDED",
        "UNAVAILABLE",
        "MAINTENANCE",
        "INTERNAL_ERROR",
    ]
    message: str
    field: str | None = None
    details: str | None = None
    retry_after: int | None = None


class Envelope(Document, Generic[DataT]):
    """Every answer."""

    success: bool
    data: DataT
    metadata: Metadata
    errors: list[Problem]


class RefusalMetadata(Document):
    """What a refusal says about itself."""

    request_id: str
    timestamp: datetime | None = Field(description="UTC; none where API Gateway itself refused")
    version: str


class Refusal(Document):
    """Every answer that is no success."""

    success: Literal[False]
    data: None
    metadata: RefusalMetadata
    errors: list[Problem]


def refusals(status: int, text: str) -> dict[int, OpenAPIResponse]:
    """A route's answers with one status, for the OpenAPI document."""
    return {status: {"description": text, "content": {JSON: {"model": Refusal}}}}


REFUSALS = {
    400: "Something in the request is wrong; `errors` says what and where",
    401: "No API key, or one that is not known",
    403: "Another customer's data, or credentials that may not call this",
    404: "No such thing of yours, or nothing to tell yet",
    409: "Somebody else was faster, or the thing is not in a state for this",
    413: "The body is larger than 10 MB",
    415: "`Content-Type` says that the body is no `application/json` in UTF-8",
    429: "More requests this hour than the tier has; `Retry-After` says when to come back",
    500: "Our fault; quote the request's id",
    503: "A service behind the API is busy; try again",
    504: "No answer within 29 s",
}
"""What a refusal means, by its HTTP status."""
_EVERYBODY, _CALLERS, _BODIES = (429, 500, 504), (401, 403, 503), (400, 413, 415)
"""Statuses that any route may answer, any route with credentials, any route with a body."""


def answers_of(
    method: str, model: Any, refuses: Sequence[int], open_to_all: bool
) -> dict[int, OpenAPIResponse]:
    """A route's answers for the OpenAPI document: its success as `model`, and each status it may refuse
    with. `refuses`: statuses beside those that follow from its method and its credentials."""
    statuses = {*_EVERYBODY, *(() if open_to_all else _CALLERS), *refuses}
    if method in ("POST", "PATCH"):
        statuses.update(_BODIES)
    answers: dict[int, OpenAPIResponse] = {
        200: {"description": "Done", "content": {JSON: {"model": model}}}
    }
    for status in sorted(statuses):
        answers |= refusals(status, REFUSALS[status])
    return answers
