"""The one shape of every answer: `{success, data, metadata, errors}`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from ona.clock import iso

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
