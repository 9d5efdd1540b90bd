"""What every route of every API shares: who calls, the caller's quota, refusals, CORS.

A function's API is one `Api`; its routes are declared with `@api.route(…)`, which counts each request.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from ona.api import callers
from ona.api.envelope import REFUSALS, ApiError, ProblemJson, failure, success
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import DependencyBusy
from ona.runtime.observability import count, logger

RouteT = TypeVar("RouteT", bound=Callable[..., Any])

CORS_SECONDS = 600
"""How long a browser may remember which origins are allowed (ours)."""
BUSY_RETRY_S = 5
"""After how many seconds a caller may try again when a service behind the API is busy (ours)."""
MOST_ERRORS = 20
"""So many wrong fields are named in one refusal (ours)."""


class Api:
    """The resolver of one function, with what all routes need.

    Reads the environment variables `CORS_ORIGINS` (separated by commas) and `CUSTOMERS_TABLE`.
    """

    def __init__(self) -> None:
        origins = [origin for origin in os.environ.get("CORS_ORIGINS", "").split(",") if origin]
        cors = CORSConfig(
            allow_origin=origins[0] if origins else "https://localhost",
            extra_origins=origins[1:],
            allow_headers=["X-API-Key", "Content-Type", "Authorization"],
            max_age=CORS_SECONDS,
        )
        self.app = APIGatewayRestResolver(cors=cors, enable_validation=True)
        self.app.exception_handler(RequestValidationError)(self._invalid)
        self.app.exception_handler(ApiError)(self._refused)
        self.app.exception_handler(DependencyBusy)(self._busy)
        self.app.exception_handler(Exception)(self._broken)
        self.app.not_found(self._no_route)

    def route(
        self,
        method: Literal["GET", "POST", "PATCH", "DELETE"],
        path: str,
        summary: str,
        tag: str,
        answers: dict[int, OpenAPIResponse] | None = None,
    ) -> Callable[[RouteT], RouteT]:
        """Decorate a route: each request counts against its caller's quota before the route runs.

        The OpenAPI document shows `summary`, `tag`, the refusals that all routes share, and `answers`.
        """
        decorate: Callable[[RouteT], RouteT] = self.app.route(
            path,
            method=method,
            summary=summary,
            tags=[tag],
            responses={**REFUSALS, **(answers or {})},
            middlewares=[self.counted],
        )
        return decorate

    @property
    def request_id(self) -> str:
        """API Gateway's id of the request; a new one where there is none."""
        return str(self.app.current_event.request_context.request_id or uuid.uuid4())

    @property
    def caller(self) -> callers.Caller:
        """The authenticated caller, once `counted` has run."""
        who: callers.Caller = self.app.context["caller"]
        return who

    def success(self, data: Any) -> Any:
        """The body of a success."""
        return success(data, self.request_id, utc_now())

    def counted(self, app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        """Middleware: count the request against the caller's quota before the route runs.

        Raises ApiError: 401 for an unknown caller, 429 when the hour's quota is used up.
        """
        who = self._authenticated()
        usage = callers.counted(aws.environment("CUSTOMERS_TABLE"), who, utc_now())
        app.context.update(caller=who, usage=usage)
        logger.append_keys(customer_id=who.customer_id)
        if usage.exceeded:
            count("QuotaExceeded", 1)
            wait = max(1, int((usage.reset - utc_now()).total_seconds()) + 1)
            raise ApiError(
                429,
                "QUOTA_EXCEEDED",
                "Rate limit exceeded. Try again later.",
                details=f"{usage.limit} requests an hour in tier {who.tier}",
                retry_after=wait,
            )
        answer: Response[Any] = next_middleware(app)
        return answer

    def mine(self, customer_id: str) -> None:
        """Refuse another customer's id. Raises ApiError (403)."""
        if customer_id != self.caller.customer_id:
            raise ApiError(
                403, "FORBIDDEN", "These credentials do not open that customer's data", field="customer_id"
            )

    def _authenticated(self) -> callers.Caller:
        """The caller whom API Gateway has authenticated, by API key or IAM. Raises ApiError (401)."""
        context = self.app.current_event.raw_event.get("requestContext") or {}
        authorized = context.get("authorizer") or {}
        if authorized.get("customer_id") and authorized.get("tier") in callers.TIERS:
            return callers.Caller(str(authorized["customer_id"]), str(authorized["tier"]))
        arn = (context.get("identity") or {}).get("userArn")
        if arn:
            table = aws.environment("CUSTOMERS_TABLE")
            caller = callers.find(table, callers.principal_id(str(arn)))
            if caller:
                return caller
        raise ApiError(401, "UNAUTHORIZED", "No customer belongs to these credentials")

    def _invalid(self, error: RequestValidationError) -> Response[str]:
        """400: what is wrong in the request, field by field; values are not repeated."""
        errors: list[ProblemJson] = [
            {
                "code": "VALIDATION_ERROR",
                "message": str(item["msg"]).removeprefix("Value error, "),
                "field": ".".join(str(part) for part in item["loc"] if part not in ("body", "query"))
                or "body",
            }
            for item in error.errors()
        ]
        return failure(errors[:MOST_ERRORS], 400, self.request_id, utc_now())

    def _refused(self, error: ApiError) -> Response[str]:
        """The refusal that a route raised."""
        return failure([error.error], error.status, self.request_id, utc_now())

    def _busy(self, error: DependencyBusy) -> Response[str]:
        """503: a service behind the API is throttled or down."""
        logger.warning("a dependency is busy", reason=str(error))
        problem: ProblemJson = {
            "code": "UNAVAILABLE",
            "message": "A service behind the API is busy",
            "retry_after": BUSY_RETRY_S,
        }
        return failure([problem], 503, self.request_id, utc_now())

    def _broken(self, error: Exception) -> Response[str]:
        """500: our fault. The log has the error, the answer only the request's id."""
        logger.exception("the API failed")
        problem: ProblemJson = {
            "code": "INTERNAL_ERROR",
            "message": f"The request failed; quote {self.request_id}",
        }
        return failure([problem], 500, self.request_id, utc_now())

    def _no_route(self, error: NotFoundError) -> Response[str]:
        """404: there is no such path."""
        problem: ProblemJson = {"code": "NOT_FOUND", "message": "There is no such path"}
        return failure([problem], 404, self.request_id, utc_now())
