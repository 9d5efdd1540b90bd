"""The APIs in maintenance mode: every path and method is answered with 503, and when to come back."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response

from ona.api.envelope import ProblemJson, failure
from ona.runtime.clock import utc_now

MAINTENANCE_RETRY_S = 300
"""After how many seconds a caller may try again while the platform is being maintained (ours)."""
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""What API Gateway passes on for a route of any method (API Gateway Developer Guide)."""
EVERYWHERE = "(.+)"
"""The resolver's pattern of any path; with a group, so that it is tried after all others."""


class Shut:
    """What answers in maintenance mode: 503, but for a browser's preflight."""

    def __init__(self, cors: CORSConfig) -> None:
        self._app = APIGatewayRestResolver(cors=cors)
        methods = [name for name in METHODS if name != "OPTIONS"]
        self._app.route(EVERYWHERE, method=methods)(self._refused)

    def resolve(self, event: Any, context: Any) -> dict[str, Any]:
        """API Gateway's request in, its answer out."""
        answer: dict[str, Any] = self._app.resolve(event, context)
        return answer

    def _refused(self) -> Response[str]:
        problem: ProblemJson = {
            "code": "MAINTENANCE",
            "message": "The platform is being maintained; what was sent before is not lost",
            "retry_after": MAINTENANCE_RETRY_S,
        }
        request = str(self._app.current_event.request_context.request_id)
        return failure([problem], 503, request, utc_now())
