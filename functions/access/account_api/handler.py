"""AccountApi: API Gateway's requests to `/quota/usage` and `/health`."""

from __future__ import annotations

from typing import Any

from access.account_api.api import api
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """API Gateway's request in, its answer out. An error becomes an answer too, never an exception."""
    return api.resolve(event, context)
