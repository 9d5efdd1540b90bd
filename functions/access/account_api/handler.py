"""AccountApi: API Gateway's requests to `/quota/usage` and `/health`."""

from __future__ import annotations

from typing import Any

from access.account_api.api import app
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """API Gateway's request in, its answer out. An error becomes an answer too, never an exception."""
    answer: dict[str, Any] = app.resolve(event, context)
    return answer
