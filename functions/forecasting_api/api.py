"""The routes. Every one knows its caller, counts the request, and sees only that caller's customer.

The authorizer (or IAM) told API Gateway who calls; `customer_id` in a request only ever confirms it.
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator

from forecasting_api import documents, service
from forecasting_api.envelope import JSON, ApiError, failure, success
from forecasting_api.models import (
    MAX_UPLOAD_BYTES,
    REFUSALS,
    CustomerId,
    ForecastAnswer,
    HealthAnswer,
    NowcastUpload,
    QuotaAnswer,
    SiteId,
    TrainUpload,
    UploadAnswer,
)
from ona import customers, storage, tables
from ona.clock import utc_now
from ona.errors import DependencyBusy
from ona.identity import digest
from ona.observability import count, logger

TITLE, API_VERSION = "Ona Platform API", "1.0.0"
_TRAIN_EXPIRES_S, _NOWCAST_EXPIRES_S = 3600, 1800
_MAX_SITES = 200


def _offered(minutes: int) -> int:
    if minutes not in (15, 60):
        raise ValueError("must be 15 or 60")
    return minutes


IntervalMinutes = Annotated[
    int, Query(description="15 or 60", json_schema_extra={"enum": [15, 60]}), AfterValidator(_offered)
]

origins = [origin for origin in os.environ.get("CORS_ORIGINS", "").split(",") if origin]
cors = CORSConfig(
    allow_origin=origins[0] if origins else "https://localhost",
    extra_origins=origins[1:],
    allow_headers=["X-API-Key", "Content-Type", "Authorization"],
    max_age=600,
)
app = APIGatewayRestResolver(cors=cors, enable_validation=True)


def _request_id() -> str:
    return str(app.current_event.request_context.request_id or uuid.uuid4())


def caller() -> customers.Caller:
    """Who calls, as API Gateway vouches for it. Raises ApiError (401) when it does not."""
    context = app.current_event.raw_event.get("requestContext") or {}
    told = context.get("authorizer") or {}
    if told.get("customer_id") and told.get("tier") in customers.TIERS:
        return customers.Caller(str(told["customer_id"]), str(told["tier"]))
    arn = (context.get("identity") or {}).get("userArn")
    if arn:
        found = customers.find(storage.environment("CUSTOMERS_TABLE"), customers.principal_id(str(arn)))
        if found:
            return found
    raise ApiError(401, "UNAUTHORIZED", "No customer belongs to these credentials")


def counted(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Count the request against the caller's hour before anything else is done for it."""
    who = caller()
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


def _mine(customer_id: str) -> None:
    if customer_id != app.context["caller"].customer_id:
        raise ApiError(
            403, "FORBIDDEN", "These credentials do not open that customer's data", field="customer_id"
        )


def _sites(customer_id: str) -> dict[str, dict[str, Any]]:
    items = tables.query(
        storage.environment("LOCATIONS_TABLE"), "customer-location-index", "customer_id", customer_id
    )
    return {str(item["location_name"]): item for item in items}


@app.get("/health", summary="That the API answers", tags=["service"])
def health() -> HealthAnswer:
    """No key needed."""
    data = {"status": "ok", "environment": os.environ.get("ONA_ENVIRONMENT", "dev")}
    return success(data, _request_id(), utc_now())  # type: ignore[return-value]


@app.get("/quota/usage", summary="This hour's requests", tags=["service"], responses=REFUSALS,
         middlewares=[counted])  # fmt: skip
def quota_usage() -> QuotaAnswer:
    """Asking counts as a request too."""
    usage, who = app.context["usage"], app.context["caller"]
    data = {
        "quota_limit": usage.limit,
        "quota_used": min(usage.used, usage.limit),
        "quota_remaining": max(usage.limit - usage.used, 0),
        "reset_time": usage.reset,
        "tier": who.tier,
    }
    return success(data, _request_id(), utc_now())  # type: ignore[return-value]


@app.post("/upload_train", summary="A place to upload history to", tags=["uploads"], responses=REFUSALS,
          middlewares=[counted])  # fmt: skip
def upload_train(body: TrainUpload) -> UploadAnswer:
    """PUT the CSV to `upload_url` with `headers`; it is checked, filled, trained on."""
    _mine(body.customer_id)
    upload = str(uuid.uuid4())
    key = f"historical/{body.customer_id}/{body.metadata.site_id}/{upload}.csv"
    return _target(upload, key, _TRAIN_EXPIRES_S, body.metadata.size_bytes)


@app.post("/upload_nowcast", summary="A place to upload recent telemetry to", tags=["uploads"],
          responses=REFUSALS, middlewares=[counted])  # fmt: skip
def upload_nowcast(body: NowcastUpload) -> UploadAnswer:
    """PUT the CSV to `upload_url` with `headers`; the next hours' forecast starts from it."""
    _mine(body.customer_id)
    upload = str(uuid.uuid4())
    day = f"{body.metadata.timestamp:%Y/%m/%d}"
    key = f"nowcast/{day}/{body.customer_id}/{upload}_nowcast.csv"
    return _target(upload, key, _NOWCAST_EXPIRES_S, body.metadata.size_bytes)


def _target(upload: str, key: str, seconds: int, size: int | None) -> UploadAnswer:
    headers = {"Content-Type": "text/csv", **({"Content-Length": str(size)} if size else {})}
    bucket = storage.environment("INPUT_BUCKET")
    url = storage.presigned_put(bucket, key, content_type="text/csv", size=size, seconds=seconds)
    logger.info("upload promised", upload_id=upload, key=key)
    data = {
        "upload_url": url,
        "expires_in": seconds,
        "upload_id": upload,
        "method": "PUT",
        "headers": headers,
        "max_bytes": size or MAX_UPLOAD_BYTES,
    }
    return success(data, _request_id(), utc_now())  # type: ignore[return-value]


@app.get(
    "/forecast",
    summary="Power to come, with intervals",
    tags=["forecast"],
    responses={
        200: {"description": "The forecast", "content": {JSON: {"model": ForecastAnswer}}},
        **REFUSALS,
    },
    middlewares=[counted],
)
def forecast(
    customer_id: Annotated[CustomerId, Query()],
    site_id: Annotated[SiteId | None, Query(description="without it: the sum of all your sites")] = None,
    horizon_hours: Annotated[int, Query(ge=1, le=168)] = 48,
    interval_minutes: IntervalMinutes = 60,
) -> Response[str]:
    """A stored forecast while it is fresh, else a new one. `metadata.degraded` names what was missing."""
    _mine(customer_id)
    now = utc_now()
    known = _sites(customer_id)
    if site_id is not None and site_id not in known:
        raise ApiError(404, "NOT_FOUND", f"No site {site_id} of yours has sent data", field="site_id")
    if not known:
        raise ApiError(
            404, "NOT_FOUND", "None of your sites has sent data",
            details="POST /upload_train and upload history first",
        )  # fmt: skip
    wanted = [site_id] if site_id else sorted(known)
    if len(wanted) > _MAX_SITES:
        raise ApiError(400, "VALIDATION_ERROR", f"{len(wanted)} sites at once: name one", field="site_id")
    made = [_one(customer_id, name, now, interval_minutes) for name in wanted]
    if site_id is None:  # cut after adding: sites whose forecasts began in different hours still fill it
        whole = documents.total(made, customer_id, f"fc-{digest(*(d['forecast_id'] for d in made))}")
    else:
        whole = made[0]
    body = json.dumps(success(documents.cut(whole, now, horizon_hours), _request_id(), now))
    return Response(status_code=200, content_type=JSON, body=body)


def _one(customer_id: str, site_id: str, now: datetime, interval_minutes: int) -> dict[str, Any]:
    bucket = storage.environment("OUTPUT_BUCKET")
    if interval_minutes == 60:
        held = service.stored(bucket, customer_id, site_id, now)
        if held is not None:
            count("ForecastCacheHit", 1)
            return held
    site = service.read_site(bucket, f"sites/{customer_id}/{site_id}.json")
    if interval_minutes == 60:
        return service.generate(site, now)[0].document()
    return service.make(site, now, interval_minutes=interval_minutes).document()


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def invalid(error: RequestValidationError) -> Response[str]:
    """400: what in the request is wrong, field by field; values are not repeated."""
    errors = [
        {
            "code": "VALIDATION_ERROR",
            "message": str(item["msg"]).removeprefix("Value error, "),
            "field": ".".join(str(part) for part in item["loc"] if part not in ("body", "query")) or "body",
        }
        for item in error.errors()
    ]
    return failure(errors[:20], 400, _request_id(), utc_now())


@app.exception_handler(ApiError)  # type: ignore[untyped-decorator]
def refused(error: ApiError) -> Response[str]:
    """An answer that we chose."""
    return failure([error.error], error.status, _request_id(), utc_now())


@app.exception_handler(DependencyBusy)  # type: ignore[untyped-decorator]
def busy(error: DependencyBusy) -> Response[str]:
    """503: what is behind the API is throttled or down."""
    logger.warning("a dependency is busy", reason=str(error))
    problem = {"code": "UNAVAILABLE", "message": "A service behind the API is busy", "retry_after": 5}
    return failure([problem], 503, _request_id(), utc_now())


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def broken(error: Exception) -> Response[str]:
    """500: our fault; the log has it, the answer does not."""
    logger.exception("the API failed")
    problem = {"code": "INTERNAL_ERROR", "message": f"The request failed; quote {_request_id()}"}
    return failure([problem], 500, _request_id(), utc_now())


@app.not_found
def no_route(error: NotFoundError) -> Response[str]:
    """404 for a path that is none."""
    problem = {"code": "NOT_FOUND", "message": "There is no such path"}
    return failure([problem], 404, _request_id(), utc_now())


def openapi() -> dict[str, Any]:
    """The API's OpenAPI document; `docs/openapi.json` is this."""
    schema = app.get_openapi_json_schema(
        title=TITLE,
        version=API_VERSION,
        description="Uploads and forecasts of solar and wind sites. All but /health want an API "
        "key (header X-API-Key, or query parameter api_key) or an IAM signature.",
    )
    document: dict[str, Any] = json.loads(schema)
    document["components"].setdefault("securitySchemes", {}).update(
        {
            "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "apiKeyQuery": {"type": "apiKey", "in": "query", "name": "api_key"},
        }
    )
    for path, methods in document["paths"].items():
        for operation in methods.values():
            operation["security"] = [] if path == "/health" else [{"apiKeyHeader": []}, {"apiKeyQuery": []}]
    return document
