"""The routes. Every one knows its caller, counts the request, and sees only that caller's customer.

The authorizer (or IAM) told API Gateway who calls; `customer_id` in a request only ever confirms it.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator

from forecasting.forecasting_api import documents, service
from forecasting.forecasting_api.models import (
    MAX_UPLOAD_BYTES,
    CustomerId,
    ForecastAnswer,
    NowcastUpload,
    SiteId,
    TrainUpload,
    UploadAnswer,
)
from ona.api.envelope import JSON, REFUSALS, ApiError
from ona.api.resolver import Api
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.identity import digest
from ona.runtime.observability import count, logger
from ona.store import s3, tables

_TRAIN_EXPIRES_S, _NOWCAST_EXPIRES_S = 3600, 1800
_MAX_SITES = 200


def _offered(minutes: int) -> int:
    if minutes not in (15, 60):
        raise ValueError("must be 15 or 60")
    return minutes


IntervalMinutes = Annotated[
    int, Query(description="15 or 60", json_schema_extra={"enum": [15, 60]}), AfterValidator(_offered)
]

api = Api()
app = api.app


def _sites(customer_id: str) -> dict[str, dict[str, Any]]:
    items = tables.query(
        aws.environment("LOCATIONS_TABLE"), "customer-location-index", "customer_id", customer_id
    )
    return {str(item["location_name"]): item for item in items}


@app.post("/upload_train", summary="A place to upload history to", tags=["uploads"], responses=REFUSALS,
          middlewares=[api.counted])  # fmt: skip
def upload_train(body: TrainUpload) -> UploadAnswer:
    """PUT the CSV to `upload_url` with `headers`; it is checked, filled, trained on."""
    api.mine(body.customer_id)
    upload = str(uuid.uuid4())
    key = f"historical/{body.customer_id}/{body.metadata.site_id}/{upload}.csv"
    return _target(upload, key, _TRAIN_EXPIRES_S, body.metadata.size_bytes)


@app.post("/upload_nowcast", summary="A place to upload recent telemetry to", tags=["uploads"],
          responses=REFUSALS, middlewares=[api.counted])  # fmt: skip
def upload_nowcast(body: NowcastUpload) -> UploadAnswer:
    """PUT the CSV to `upload_url` with `headers`; the next hours' forecast starts from it."""
    api.mine(body.customer_id)
    upload = str(uuid.uuid4())
    day = f"{body.metadata.timestamp:%Y/%m/%d}"
    key = f"nowcast/{day}/{body.customer_id}/{upload}_nowcast.csv"
    return _target(upload, key, _NOWCAST_EXPIRES_S, body.metadata.size_bytes)


def _target(upload: str, key: str, seconds: int, size: int | None) -> UploadAnswer:
    headers = {"Content-Type": "text/csv", **({"Content-Length": str(size)} if size else {})}
    bucket = aws.environment("INPUT_BUCKET")
    url = s3.presigned_put(bucket, key, content_type="text/csv", size=size, seconds=seconds)
    logger.info("upload promised", upload_id=upload, key=key)
    data = {
        "upload_url": url,
        "expires_in": seconds,
        "upload_id": upload,
        "method": "PUT",
        "headers": headers,
        "max_bytes": size or MAX_UPLOAD_BYTES,
    }
    return api.success(data)


@app.get(
    "/forecast",
    summary="Power to come, with intervals",
    tags=["forecast"],
    responses={
        200: {"description": "The forecast", "content": {JSON: {"model": ForecastAnswer}}},
        **REFUSALS,
    },
    middlewares=[api.counted],
)
def forecast(
    customer_id: Annotated[CustomerId, Query()],
    site_id: Annotated[SiteId | None, Query(description="without it: the sum of all your sites")] = None,
    horizon_hours: Annotated[int, Query(ge=1, le=168)] = 48,
    interval_minutes: IntervalMinutes = 60,
) -> Response[str]:
    """A stored forecast while it is fresh, else a new one. `metadata.degraded` names what was missing."""
    api.mine(customer_id)
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
    body = json.dumps(api.success(documents.cut(whole, now, horizon_hours)))
    return Response(status_code=200, content_type=JSON, body=body)


def _one(customer_id: str, site_id: str, now: datetime, interval_minutes: int) -> dict[str, Any]:
    bucket = aws.environment("OUTPUT_BUCKET")
    if interval_minutes == 60:
        held = service.stored(bucket, customer_id, site_id, now)
        if held is not None:
            count("ForecastCacheHit", 1)
            return held
    site = service.read_site(bucket, f"sites/{customer_id}/{site_id}.json")
    if interval_minutes == 60:
        return service.generate(site, now)[0].document()
    return service.make(site, now, interval_minutes=interval_minutes).document()
