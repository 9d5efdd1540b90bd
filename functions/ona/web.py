"""What every route of the API shares: who calls and how often, one envelope, refusals, CORS.

API Gateway vouches for the caller (its authorizer, or IAM); each function with routes builds one `Api`.
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import BaseModel, ConfigDict

from ona import customers, storage
from ona.clock import iso, utc_now
from ona.errors import DependencyBusy
from ona.observability import count, logger

TITLE, API_VERSION = "Ona Platform API", "1.1.0"
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


# ------------------------------------------------------------------ models of the envelope

DataT = TypeVar("DataT")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Metadata(_Strict):
    """Of the answer itself."""

    request_id: str
    timestamp: datetime
    version: str


class Problem(_Strict):
    """One thing that was wrong."""

    code: Literal[
        "VALIDATION_ERROR", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "QUOTA_EXCEEDED",
        "UNAVAILABLE", "INTERNAL_ERROR",
    ]  # fmt: skip
    message: str
    field: str | None = None
    details: str | None = None
    retry_after: int | None = None


class Envelope(_Strict, Generic[DataT]):
    """Every answer."""

    success: bool
    data: DataT
    metadata: Metadata
    errors: list[Problem]


class Refusal(_Strict):
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


# ------------------------------------------------------------------ one function's routes


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
    def caller(self) -> customers.Caller:
        """Who calls, once `counted` has run."""
        who: customers.Caller = self.app.context["caller"]
        return who

    def success(self, data: Any) -> Any:
        """A success's body."""
        return success(data, self.request_id, utc_now())

    def counted(self, app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        """Count the request against the caller's hour before anything else is done for it."""
        who = self._who()
        usage = customers.counted(storage.environment("CUSTOMERS_TABLE"), who, utc_now())
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

    def _who(self) -> customers.Caller:
        """Who calls, as API Gateway vouches for it. Raises ApiError (401) when it does not."""
        context = self.app.current_event.raw_event.get("requestContext") or {}
        told = context.get("authorizer") or {}
        if told.get("customer_id") and told.get("tier") in customers.TIERS:
            return customers.Caller(str(told["customer_id"]), str(told["tier"]))
        arn = (context.get("identity") or {}).get("userArn")
        if arn:
            table = storage.environment("CUSTOMERS_TABLE")
            found = customers.find(table, customers.principal_id(str(arn)))
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


def openapi(*apps: APIGatewayRestResolver) -> dict[str, Any]:
    """The OpenAPI document of all functions' routes; `docs/openapi.json` is this."""
    whole: dict[str, Any] = {}
    for app in apps:
        schema = app.get_openapi_json_schema(
            title=TITLE,
            version=API_VERSION,
            description="Uploads and forecasts of solar and wind sites; their incidents, work orders and "
            "the plan. All but /health want an API key (header X-API-Key, or query parameter api_key) "
            "or an IAM signature.",
        )
        document: dict[str, Any] = json.loads(schema)
        if not whole:
            whole = document
            continue
        whole["paths"].update(document["paths"])
        known = whole["components"]["schemas"]
        for name, model in document["components"]["schemas"].items():
            if known.setdefault(name, model) != model:
                raise ValueError(f"two models of the API are named {name}")
    whole["components"].setdefault("securitySchemes", {}).update(
        {
            "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "apiKeyQuery": {"type": "apiKey", "in": "query", "name": "api_key"},
        }
    )
    for path, methods in whole["paths"].items():
        for operation in methods.values():
            operation["security"] = [] if path == "/health" else [{"apiKeyHeader": []}, {"apiKeyQuery": []}]
    return whole
