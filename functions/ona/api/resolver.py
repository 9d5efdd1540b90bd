"""What every route of every API shares: who calls, the caller's quota, refusals, CORS.

A function's API is one `Api`; its routes are declared with `@api.route(…)`, which counts each request. Its
handler gives API Gateway's events to `api.resolve`, which refuses those of other APIs. A path that has a
route answers every other method with 405, and OPTIONS with the methods that it has.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal, TypeVar, get_type_hints

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from ona.api import bodies, callers, gateway
from ona.api.envelope import JSON, ApiError, ProblemJson, answers_of, failure, success
from ona.api.shut import EVERYWHERE, METHODS, Shut
from ona.config import flags
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import DependencyBusy, InvalidInput
from ona.runtime.observability import count, logger
from ona.runtime.words import counted
from ona.store.unreadable import note

RouteT = TypeVar("RouteT", bound=Callable[..., Any])

CORS_SECONDS = 600
"""How long a browser may remember which origins are allowed (ours)."""
UNREADABLE_RETRY_S = 300
"""Seconds after which a record that could not be read may be mended (ours)."""
BUSY_RETRY_S = 5
"""After how many seconds a caller may try again when a service behind the API is busy (ours)."""
MOST_ERRORS = 20
"""So many wrong fields are named in one refusal (ours)."""
Method = Literal["GET", "POST", "PATCH", "DELETE"]


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
        self.app = APIGatewayRestResolver(
            cors=cors,
            enable_validation=True,
            response_validation_error_http_code=500,
            json_body_deserializer=bodies.parsed,
        )
        self._methods: dict[str, list[str]] = {}
        self._open: set[str] = set()
        self._shut = Shut(cors)
        self._complete = False
        self.app.exception_handler(RequestValidationError)(self._invalid)
        self.app.exception_handler(RequestUnsupportedContentType)(self._not_json)
        self.app.exception_handler(ApiError)(self._refused)
        self.app.exception_handler(DependencyBusy)(self._busy)
        self.app.exception_handler(InvalidInput)(self._unreadable)
        self.app.exception_handler(RecursionError)(self._too_deep)
        self.app.exception_handler(Exception)(self._broken)
        self.app.not_found(self._no_method)

    def route(
        self,
        method: Method,
        path: str,
        summary: str,
        tag: str,
        answers: dict[int, OpenAPIResponse] | None = None,
        *,
        gives: Any = None,
        open_to_all: bool = False,
        behind: flags.FlagName | None = None,
        refuses: Sequence[int] = (),
    ) -> Callable[[RouteT], RouteT]:
        """Decorate a route: each request counts against its caller's quota before the route runs.

        The OpenAPI document shows `summary`, `tag`, the model of a success (what the route returns, or
        `gives`), the refusals that all routes share, those of `refuses` by their status, and `answers`.
        A route that is `open_to_all` needs no credentials and counts nothing, and is open in maintenance.
        A route `behind` a flag does not exist for callers for whom it is off.
        """

        def decorate(function: RouteT) -> RouteT:
            if open_to_all:
                self._open.add(path)
            model = gives or get_type_hints(function)["return"]
            refused = [*refuses, *([404] if behind else [])]
            self._methods.setdefault(path, []).append(method)
            declared: RouteT = self.app.route(
                path,
                method=method,
                summary=summary,
                tags=[tag],
                responses={**answers_of(method, model, refused, open_to_all), **(answers or {})},
                middlewares=None
                if open_to_all
                else [self.counted, *([_behind(self, behind)] if behind else [])],
            )(function)
            return declared

        return decorate

    def resolve(self, event: Any, context: Any) -> dict[str, Any]:
        """API Gateway's request in, its answer out. An error becomes an answer too, never an exception.

        Whatever did not come through one of the function's APIs is refused here, and nowhere else.
        """
        if gateway.door(event) is None:
            logger.warning("an event was refused that came through none of the function's APIs")
            return _forbidden()
        if event.get("path") not in self._open and flags.enabled("maintenance_mode"):
            return self._shut.resolve(event, context)
        self._close()
        answer: dict[str, Any] = self.app.resolve(bodies.with_plain_body(event), context)
        return answer

    def _close(self) -> None:
        """Once, after all routes are declared: answer what no route takes, on each path and elsewhere."""
        if self._complete:
            return
        self._complete = True
        for path, methods in self._methods.items():
            self._also(path, ["OPTIONS"], self._preflight(methods))
            others = [name for name in METHODS if name not in (*methods, "OPTIONS")]
            self._also(path, others, self._wrong_method(methods))
        self._also(EVERYWHERE, METHODS, self._no_path)

    def _also(self, path: str, methods: Sequence[str], function: Callable[[], Response[str]]) -> None:
        self.app.route(path, method=list(methods), include_in_schema=False)(function)

    @property
    def request_id(self) -> str:
        """API Gateway's id of the request."""
        return str(self.app.current_event.request_context.request_id)

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

        A request that the route refuses, or that fails, is given back.

        Raises ApiError: 401 for an unknown caller, 429 when the hour's quota is used up.
        """
        who, now = self._authenticated(), utc_now()
        usage = callers.counted(aws.environment("CUSTOMERS_TABLE"), who, now)
        app.context.update(caller=who, usage=usage)
        logger.append_keys(customer_id=who.customer_id)
        if usage.exceeded:
            count("QuotaExceeded", 1)
            wait = max(1, int((usage.reset - utc_now()).total_seconds()) + 1)
            raise ApiError(
                429,
                "QUOTA_EXCEEDED",
                "Rate limit exceeded. Try again later.",
                details=f"{counted(usage.limit, 'request')} an hour in tier {who.tier}",
                retry_after=wait,
            )
        try:
            answer: Response[Any] = next_middleware(app)
        except Exception:
            self._give_back(who, now)
            raise
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            self._give_back(who, now)
        return answer

    def _give_back(self, who: callers.Caller, counted_at: datetime) -> None:
        """Undo one count. Where the table is busy the request stays counted: its refusal matters more."""
        try:
            callers.give_back(aws.environment("CUSTOMERS_TABLE"), who, counted_at)
        except DependencyBusy as error:
            logger.warning("a refused request stays counted", reason=str(error))

    def mine(self, customer_id: str) -> None:
        """Refuse another customer's id. Raises ApiError (403)."""
        if customer_id != self.caller.customer_id:
            raise ApiError(
                403, "FORBIDDEN", "These credentials do not open that customer's data", field="customer_id"
            )

    def _authenticated(self) -> callers.Caller:
        """The caller whom API Gateway has authenticated, by API key or IAM. Raises ApiError (401)."""
        context = self.app.current_event.raw_event.get("requestContext") or {}
        door = gateway.door(self.app.current_event.raw_event)
        named = callers.authorized(context.get("authorizer") or {}) if door == "key" else None
        if named is not None:
            return named
        arn = (context.get("identity") or {}).get("userArn")
        if door == "signature" and arn:
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

    def _not_json(self, error: RequestUnsupportedContentType) -> Response[str]:
        """415: the header Content-Type says that the body is no JSON (RFC 9110, 15.5.16)."""
        problem: ProblemJson = {
            "code": "UNSUPPORTED_MEDIA_TYPE",
            "message": f"Content-Type must be {JSON}",
            "field": "Content-Type",
        }
        return failure([problem], 415, self.request_id, utc_now())

    def _too_deep(self, error: RecursionError) -> Response[str]:
        """400: a request of thousands of brackets, which its model cannot read."""
        logger.warning("a request is nested too deeply", reason=str(error))
        problem: ProblemJson = {
            "code": "VALIDATION_ERROR",
            "message": "JSON is nested too deeply",
            "field": "body",
        }
        return failure([problem], 400, self.request_id, utc_now())

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

    def _unreadable(self, error: InvalidInput) -> Response[str]:
        """503: a record or an object that the answer needs is no valid one. What a caller sent is refused
        before; the log and a metric name the record, and operators mend it."""
        note(f"request {self.app.current_event.path}", error)
        problem: ProblemJson = {
            "code": "UNAVAILABLE",
            "message": f"A record that the answer needs cannot be read; quote {self.request_id}",
            "retry_after": UNREADABLE_RETRY_S,
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

    def _no_path(self) -> Response[str]:
        """404: there is no such path."""
        problem: ProblemJson = {"code": "NOT_FOUND", "message": "There is no such path"}
        return failure([problem], 404, self.request_id, utc_now())

    def _no_method(self, error: NotFoundError) -> Response[str]:
        """404: a method that API Gateway does not pass on, as TRACE."""
        return self._no_path()

    def _preflight(self, methods: Sequence[str]) -> Callable[[], Response[str]]:
        """204: what a browser may send to a path (Fetch Standard, CORS preflight)."""
        names = _names(methods)

        def preflight() -> Response[str]:
            headers = {"Access-Control-Allow-Methods": names, "Allow": names}
            return Response(status_code=204, headers=headers, body="")

        return preflight

    def _wrong_method(self, methods: Sequence[str]) -> Callable[[], Response[str]]:
        """405: the path exists, and takes other methods (RFC 9110, 15.5.6)."""
        names = _names(methods)

        def refused() -> Response[str]:
            problem: ProblemJson = {"code": "METHOD_NOT_ALLOWED", "message": f"This path takes {names}"}
            answer = failure([problem], 405, self.request_id, utc_now())
            answer.headers["Allow"] = names
            return answer

        return refused


def _behind(api: Api, flag: flags.FlagName) -> Callable[..., Response[Any]]:
    """Middleware, after `counted`: 404 as of an unknown path where a flag is off for the caller."""

    def opened(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        if not flags.enabled(flag, api.caller.customer_id):
            raise ApiError(404, "NOT_FOUND", "There is no such path")
        answer: Response[Any] = next_middleware(app)
        return answer

    return opened


def _names(methods: Sequence[str]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS"}))


def _forbidden() -> dict[str, Any]:
    """403 for an event that came through no API of the function: before anything of it is looked at."""
    problem: ProblemJson = {"code": "FORBIDDEN", "message": "This event did not come through the API"}
    answer = failure([problem], 403, str(uuid.uuid4()), utc_now())
    headers = {"Content-Type": answer.content_type}
    return {"statusCode": 403, "headers": headers, "body": answer.body, "isBase64Encoded": False}
