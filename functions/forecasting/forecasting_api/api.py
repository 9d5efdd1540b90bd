"""The routes. Each one counts the request of its caller, and shows only that caller's customer.

The authorizer (or IAM) names the caller to API Gateway; `customer_id` in a request only ever confirms it.
"""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, Field

from forecasting.documents import ForecastJson
from forecasting.forecasting_api import accuracy_report, answers, generate, served, store, sums
from forecasting.forecasting_api.models import (
    MAX_UPLOAD_BYTES,
    AccuracyAnswer,
    CustomerId,
    ForecastAnswer,
    NowcastUpload,
    SiteId,
    SitesAnswer,
    SitesPage,
    TrainUpload,
    UploadAnswer,
)
from forecasting.layout import HISTORICAL_UPLOAD, NOWCAST_UPLOAD
from ona.api import paging
from ona.api.envelope import JSON, ApiError
from ona.api.resolver import Api
from ona.api.strict import Day, Digits
from ona.runtime import aws
from ona.runtime.clock import FIRST_YEAR, utc_now
from ona.runtime.observability import count, logger
from ona.runtime.words import counted
from ona.store import s3

_TRAIN_EXPIRES_S, _NOWCAST_EXPIRES_S = 3600, 1800
"""Seconds for which an upload's address is good; the contract's."""

SITES_A_PAGE = 500
"""Sites of one answer of `GET /sites` (ours)."""


def _offered(minutes: int) -> int:
    if minutes not in (15, 60):
        raise ValueError("must be 15 or 60")
    return minutes


IntervalMinutes = Annotated[
    int,
    Query(description="15 or 60", json_schema_extra={"enum": [15, 60]}),
    Digits,
    AfterValidator(_offered),
]

api = Api()
app = api.app


@api.route("POST", "/upload_train", "A place to upload history to", "uploads")
def upload_train(body: TrainUpload) -> UploadAnswer:
    """PUT the CSV to `upload_url` with `headers`; it is checked, filled, trained on."""
    api.mine(body.customer_id)
    upload = str(uuid.uuid4())
    key = HISTORICAL_UPLOAD.build(
        customer_id=body.customer_id, site_id=body.metadata.site_id, upload_id=upload
    )
    return _target(upload, key, _TRAIN_EXPIRES_S, body.metadata.size_bytes)


@api.route("POST", "/upload_nowcast", "A place to upload recent telemetry to", "uploads")
def upload_nowcast(body: NowcastUpload) -> UploadAnswer:
    """PUT the CSV to `upload_url` with `headers`; the next hours' forecast starts from it."""
    api.mine(body.customer_id)
    upload = str(uuid.uuid4())
    key = NOWCAST_UPLOAD.build(day=body.metadata.timestamp, customer_id=body.customer_id, upload_id=upload)
    return _target(upload, key, _NOWCAST_EXPIRES_S, body.metadata.size_bytes)


def _target(upload: str, key: str, seconds: int, size: int | None) -> UploadAnswer:
    headers = {"Content-Type": "text/csv", "If-None-Match": "*"}
    headers |= {} if size is None else {"Content-Length": str(size)}
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


@api.route(
    "GET",
    "/forecast",
    "Power to come, with intervals",
    "forecast",
    gives=ForecastAnswer,
    refuses=(400, 404),
)
def forecast(
    customer_id: Annotated[CustomerId, Query()],
    site_id: Annotated[SiteId | None, Query(description="without it: the sum of all your sites")] = None,
    horizon_hours: Annotated[Annotated[int, Field(ge=1, le=168), Digits], Query()] = 48,
    interval_minutes: IntervalMinutes = 60,
    next: Annotated[str | None, Query(max_length=2000, description="`next` of the page before")] = None,
) -> Response[str]:
    """A stored forecast while it is fresh, else a new one. `metadata.degraded` names what was missing.

    Without `site_id` the sum of at most 500 sites (hourly) or 10 (15 minutes); `next` asks for the others.
    """
    api.mine(customer_id)
    now = utc_now()
    more = None
    if site_id is not None:
        if next:
            problem = "`next` asks for a page of the sum: leave `site_id` out, or `next`"
            raise ApiError(400, "VALIDATION_ERROR", problem, field="next")
        whole = _one(customer_id, site_id, now, interval_minutes)
    else:
        whole, more = _sum(customer_id, now, interval_minutes, next)
    answer = answers.cut(whole, now, horizon_hours)
    if site_id is None:
        answer["next"] = paging.cursor(more)
    return Response(status_code=200, content_type=JSON, body=json.dumps(api.success(answer)))


@api.route(
    "GET",
    "/forecast/accuracy",
    "How good a site's forecasts were",
    "forecast",
    gives=AccuracyAnswer,
    refuses=(400, 404),
)
def forecast_accuracy(
    customer_id: Annotated[CustomerId, Query()],
    site_id: Annotated[SiteId, Query()],
    first: Annotated[
        Day | None, Query(alias="from", description="first day (UTC); without it 29 days before `to`")
    ] = None,
    last: Annotated[
        Day | None, Query(alias="to", description="last day (UTC); without it yesterday")
    ] = None,
) -> Response[str]:
    """Days, months and leads against what was measured, and how often power was below each level.

    A day is measured once its telemetry has arrived; days without are left out. At most 366 days.
    """
    api.mine(customer_id)
    if not store.is_registered(customer_id, site_id):
        raise _not_found(site_id)
    until = last or (utc_now() - timedelta(days=1)).date()
    since = first or max(until, date(FIRST_YEAR, 1, 30)) - timedelta(days=29)
    if not timedelta() <= until - since < timedelta(days=accuracy_report.MOST_DAYS):
        most = counted(accuracy_report.MOST_DAYS - 1, "day")
        problem = f"`to` must be at most {most} after `from`, and not before it"
        raise ApiError(400, "VALIDATION_ERROR", problem, field="to")
    bucket = aws.environment("OUTPUT_BUCKET")
    records, unreadable = store.load_accuracy(bucket, customer_id, site_id, since, until)
    whole = accuracy_report.report(customer_id, site_id, (since, until), records, unreadable)
    return Response(status_code=200, content_type=JSON, body=json.dumps(api.success(whole.document())))


@api.route(
    "GET",
    "/sites",
    "Your sites, and what forecasts each of them",
    "forecast",
    gives=SitesAnswer,
    refuses=(400,),
)
def sites(
    customer_id: Annotated[CustomerId, Query()],
    next: Annotated[str | None, Query(max_length=2000, description="`next` of the page before")] = None,
) -> Response[str]:
    """Each site with the version of your model that serves it, or physics; since when, and why.

    At most 500 sites; `next` asks for the others.
    """
    api.mine(customer_id)
    after = paging.position(next, "site_id").get("site_id", "")
    left = [name for name in store.sites_of(customer_id) if name > after]
    page = left[:SITES_A_PAGE]
    more = {"site_id": page[-1]} if len(left) > len(page) else None
    data = SitesPage(
        customer_id=customer_id, sites=served.of_sites(customer_id, page), next=paging.cursor(more)
    )
    return Response(status_code=200, content_type=JSON, body=json.dumps(api.success(data.document())))


def _not_found(site_id: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"No site {site_id} of yours has sent data", field="site_id")


def _sum(
    customer_id: str, now: datetime, interval_minutes: int, next: str | None
) -> tuple[ForecastJson, dict[str, str] | None]:
    """The sum of a page of sites, and where the next page begins. Raises ApiError."""
    registered = store.places_of(customer_id)
    if not registered:
        raise ApiError(
            404,
            "NOT_FOUND",
            "None of your sites has sent data",
            details="POST /upload_train and upload history first",
        )
    after = paging.position(next, "site_id").get("site_id", "")
    left = [name for name in registered if name > after]
    page = left[: sums.SITES_A_PAGE[interval_minutes]]
    if not page:
        raise ApiError(400, "VALIDATION_ERROR", "no site follows there", field="next")
    notes = [f"a page of {counted(len(registered), 'site')}: add the sums of all pages"]
    paged = len(page) < len(registered)
    places = {name: registered[name] for name in page}
    whole = sums.of_sites(customer_id, places, now, interval_minutes, notes if paged else [])
    return whole, {"site_id": page[-1]} if len(left) > len(page) else None


def _one(customer_id: str, site_id: str, now: datetime, interval_minutes: int) -> ForecastJson:
    """A site's stored forecast while it is fresh, else a new one. Raises ApiError for nobody's site."""
    with ThreadPoolExecutor(1) as beside:
        registered = beside.submit(store.is_registered, customer_id, site_id)
        stored = None
        if interval_minutes == 60:
            stored = store.load_newest(aws.environment("OUTPUT_BUCKET"), customer_id, site_id)
    if not registered.result():
        raise _not_found(site_id)
    if stored is not None and store.is_fresh(stored, now):
        count("ForecastCacheHit", 1)
        return stored
    return generate.of_site(customer_id, site_id, now, interval_minutes).document()
