"""What every route shares: who calls and how often, refusals, CORS."""

from __future__ import annotations

import os
import uuid
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from ona.api import callers
from ona.api.envelope import (
    ApiError,
    failure,
    success,
)
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import DependencyBusy
from ona.runtime.observability import count, logger


class Api:
    """The resolver of a function with what all routes need. `CORS_ORIGINS` and `CUSTOMERS_TABLE` come from
    the environment."""

    def __init__(self) -> None:
        origins = [origin for origin in os.environ.get("CORS_ORIGINS", "").split(",") if origin]
        cors = CORSConfig(
            allow_origin=origins[0] if origins else "https://localhost",
            extra_origins=origins[1:],
            allow_headers=["X-API-Key", "Content-Type", "Authorization"],
            max_age=600,
        )
        self.app = APIGatewayRestResolver(cors=cors, enable_validation=True)
        self.app.exception_handler(RequestValidationError)(self._invalid)
        self.app.exception_handler(ApiError)(self._refused)
        self.app.exception_handler(DependencyBusy)(self._busy)
        self.app.exception_handler(Exception)(self._broken)
        self.app.not_found(self._no_route)

    @property
    def request_id(self) -> str:
        """API Gateway's id of the request."""
        return str(self.app.current_event.request_context.request_id or uuid.uuid4())

    @property
    def caller(self) -> callers.Caller:
        """Who calls, once `counted` has run."""
        who: callers.Caller = self.app.context["caller"]
        return who

    def success(self, data: Any) -> Any:
        """A success's body."""
        return success(data, self.request_id, utc_now())

    def counted(self, app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        """Count the request against the caller's hour before anything else is done for it."""
        who = self._who()
        usage = callers.counted(aws.environment("CUSTOMERS_TABLE"), who, utc_now())
        app.context.update(caller=who, usage=usage)
        logger.append_keys(customer_id=who.customer_id)
        if usage.exceeded:
            count("QuotaExceeded", 1)
            wait = max(1, int((usage.reset - utc_now()).total_seconds()) + 1)
            raise ApiError(
                429, "QUOTA_EXCEEDED", "Rate limit exceeded. Try again later.",
                details=f"{usage.limit} requests an hour in tier {who.tier}", retry_after=wait,
            )  # fmt: skip
        answer: Response[Any] = next_middleware(app)
        return answer

    def mine(self, customer_id: str) -> None:
        """Refuse another customer's id. Raises ApiError (403)."""
        if customer_id != self.caller.customer_id:
            raise ApiError(
                403, "FORBIDDEN", "These credentials do not open that customer's data", field="customer_id"
            )

    def _who(self) -> callers.Caller:
        """Who calls, as API Gateway vouches for it. Raises ApiError (401) when it does not."""
        context = self.app.current_event.raw_event.get("requestContext") or {}
        told = context.get("authorizer") or {}
        if told.get("customer_id") and told.get("tier") in callers.TIERS:
            return callers.Caller(str(told["customer_id"]), str(told["tier"]))
        arn = (context.get("identity") or {}).get("userArn")
        if arn:
            table = aws.environment("CUSTOMERS_TABLE")
            found = callers.find(table, callers.principal_id(str(arn)))
            if found:
                return found
        raise ApiError(401, "UNAUTHORIZED", "No customer belongs to these credentials")

    def _invalid(self, error: RequestValidationError) -> Response[str]:
        """400: what in the request is wrong, field by field; values are not repeated."""
        errors = [
            {
                "code": "VALIDATION_ERROR",
                "message": str(item["msg"]).removeprefix("Value error, "),
                "field": ".".join(str(part) for part in item["loc"] if part not in ("body", "query"))
                or "body",
            }
            for item in error.errors()
        ]
        return failure(errors[:20], 400, self.request_id, utc_now())

    def _refused(self, error: ApiError) -> Response[str]:
        """An answer that we chose."""
        return failure([error.error], error.status, self.request_id, utc_now())

    def _busy(self, error: DependencyBusy) -> Response[str]:
        """503: what is behind the API is throttled or down."""
        logger.warning("a dependency is busy", reason=str(error))
        problem = {"code": "UNAVAILABLE", "message": "A service behind the API is busy", "retry_after": 5}
        return failure([problem], 503, self.request_id, utc_now())

    def _broken(self, error: Exception) -> Response[str]:
        """500: our fault; the log has it, the answer does not."""
        logger.exception("the API failed")
        problem = {"code": "INTERNAL_ERROR", "message": f"The request failed; quote {self.request_id}"}
        return failure([problem], 500, self.request_id, utc_now())

    def _no_route(self, error: NotFoundError) -> Response[str]:
        """404 for a path that is none."""
        problem = {"code": "NOT_FOUND", "message": "There is no such path"}
        return failure([problem], 404, self.request_id, utc_now())
