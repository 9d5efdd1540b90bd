"""One envelope for every answer of every API, and refusals."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from ona.documents.base import Document
from ona.runtime.clock import iso

VERSION = "v1.0"


JSON = "application/json"


class ApiError(Exception):
    """An answer that is no success: HTTP status, code, sentence, and what helps to mend it."""

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
        self.error: dict[str, Any] = {"code": code, "message": message}
        if field:
            self.error["field"] = field
        if details:
            self.error["details"] = details
        if retry_after:
            self.error["retry_after"] = retry_after


def _metadata(request_id: str, now: datetime) -> dict[str, str]:
    return {"request_id": request_id, "timestamp": iso(now), "version": VERSION}


def success(data: Any, request_id: str, now: datetime) -> dict[str, Any]:
    """A success's body."""
    return {"success": True, "data": data, "metadata": _metadata(request_id, now), "errors": []}


def failure(errors: list[dict[str, Any]], status: int, request_id: str, now: datetime) -> Response[str]:
    """A refusal, as API Gateway takes it."""
    body = {"success": False, "data": None, "metadata": _metadata(request_id, now), "errors": errors}
    waits = [error["retry_after"] for error in errors if "retry_after" in error]
    headers = {"Retry-After": str(max(waits))} if waits else {}
    return Response(status_code=status, content_type=JSON, body=json.dumps(body), headers=headers)


DataT = TypeVar("DataT")


class Metadata(Document):
    """Of the answer itself."""

    request_id: str
    timestamp: datetime
    version: str


class Problem(Document):
    """One thing that was wrong."""

    code: Literal[
        "VALIDATION_ERROR", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "QUOTA_EXCEEDED",
        "UNAVAILABLE", "INTERNAL_ERROR",
    ]  # fmt: skip
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


class Refusal(Document):
    """Every answer that is no success."""

    success: Literal[False]
    data: None
    metadata: Metadata
    errors: list[Problem]


def refusals(status: int, text: str) -> dict[int, OpenAPIResponse]:
    """A route's answers with one status, for the OpenAPI document."""
    return {status: {"description": text, "content": {JSON: {"model": Refusal}}}}


REFUSALS: dict[int, OpenAPIResponse] = {
    **refusals(400, "Something in the request is wrong; `errors` says what and where"),
    **refusals(401, "No API key, or one that is not known"),
    **refusals(403, "Another customer's data"),
    **refusals(404, "No such thing of yours, or nothing to tell yet"),
    **refusals(429, "More requests this hour than the tier has; `Retry-After` says when to come back"),
    **refusals(503, "A service behind the API is busy; try again"),
}
