"""The APIs hold what `docs/openapi.json` promises: schemathesis sends what it allows, and what it does not.

Every operation gets a seeded number of requests on moto's tables: each answer has a documented status and
form, wrong requests are refused, right ones are not, nothing is a server error. `make soak` sends for ten
minutes (ONA_FUZZ_SECONDS).
"""

from __future__ import annotations

import json
import os
import random
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from forecasting.documents import (
    Conditions,
    ForecastDocument,
    ForecastMetadata,
    Interval,
    Point,
    SiteDocument,
)
from forecasting.forecasting_api import answers, generate
from forecasting.layout import FORECAST_LATEST
from ona.api import callers
from ona.runtime.clock import utc_now
from ona.store import tables
from ona.store.s3 import write_json
from tests.builders.assets import make_registry
from tests.builders.orders import CUSTOMER, opened
from tests.builders.plans import NOW
from tests.fakes.lambda_wsgi import KEY, Application
from tests.fakes.tables import OUT, create_table
from tests.paths import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]
REQUESTS = 6
"""Requests of each kind (allowed, not allowed) that an operation gets."""
RULES = (
    "end_date must be after start_date",
    "completed_at goes with status COMPLETE",
    "endpoint is no e-mail address",
    "endpoint has characters",
    "must be after `since`",
    "must not be in the future",
    "must be in the years 1970 to 2999",
    "not a `next` of",
    "no site follows there",
    # of a body, beyond its schema
    "a number is too large",
    # of a webhook's address
    "must be https://host/path",
    "must begin with https://",
    "the port ",
    "must have no spaces",
    "the host is not",
)
"""What may be wrong with a request that its schema allows: what fields say together, and opaque values."""
OTHER_TYPES = (
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "image/png",
    "application/vnd.api+json",
    "application/jsonp",
    "application/json; charset=utf-16",
    "*/*",
    ";",
)
JSON_TYPES = ("application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8")
LOCATION_INDEX = {"customer-location-index": ("customer_id", "location_name")}
SOAK_S = float(os.environ.get("ONA_FUZZ_SECONDS", "600"))

load_all_checks()
CHECK = [
    check
    for check in CHECKS.get_all()
    if check.__name__
    not in (
        "max_response_time",
        # `fuzz` looks itself: some rules no schema tells
        "positive_data_acceptance",
        # they look for what an earlier request made or removed; here each request stands alone
        "use_after_free",
        "ensure_resource_availability",
    )
]


@pytest.fixture
def schema(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """An order with its visit, a site with a stored forecast, and a quota that lasts. No model runs."""
    import ooda.operations_api.handler as operations
    from ooda.operations_api import api

    for module in (operations, api):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    monkeypatch.setitem(callers.TIERS, "enterprise", 10**9)
    for name, table, key, indexes in (
        ("CUSTOMERS_TABLE", "customers", "id", {}),
        ("LOCATIONS_TABLE", "locations", "location_id", LOCATION_INDEX),
    ):
        monkeypatch.setenv(name, table)
        create_table(table, key, indexes)
    site = SiteDocument.of(CUSTOMER, "site-001", make_registry().assets[:1])
    assert site is not None
    now = utc_now()
    forecast = _forecast(site, now)
    write_json(OUT, site.key, site.document())
    key = FORECAST_LATEST.build(customer_id=CUSTOMER, site_id=site.site_id)
    write_json(OUT, key, forecast.document())
    monkeypatch.setattr(
        generate, "make", lambda *_, interval_minutes=60, **_named: _forecast(site, now, interval_minutes)
    )
    item = {"location_id": "1", "customer_id": CUSTOMER, "location_name": site.site_id}
    tables.put("locations", item)
    loaded = schemathesis.openapi.from_wsgi("/openapi.json", Application(DOCUMENT, CUSTOMER))
    loaded.world = [opened()]
    return loaded


def _forecast(site: SiteDocument, now: datetime, interval_minutes: int = 60) -> ForecastDocument:
    level = Interval(lower_80=1.0, upper_80=3.0, lower_95=0.0, upper_95=4.0)
    points = [
        Point(
            timestamp=now + timedelta(minutes=interval_minutes * number),
            predicted_power_kw=2.0,
            confidence_interval=level,
            weather_conditions=Conditions(temperature_c=20.0),
        )
        for number in range(1, 9)
    ]
    metadata = ForecastMetadata(
        model_version="physics",
        training_data_points=0,
        model_accuracy=None,
        last_training_date=None,
        weather_provider="",
        weather_age_minutes=None,
        nowcast_age_minutes=None,
        interval_minutes=interval_minutes,
        degraded=[],
        notes=[],
    )
    return ForecastDocument(
        forecast_id="fc-1",
        customer_id=site.customer_id,
        site_id=site.site_id,
        generated_at=now,
        horizon_hours=8,
        capacity_kw=site.capacity_kw,
        forecasts=points,
        metadata=metadata,
        summary=answers.summary([], interval_minutes, site.capacity_kw),
    )


def known(case: Any, world: list[str], choose: random.Random) -> None:
    """Let half of the requests name what is there."""
    for part in (case.path_parameters, case.query, case.body):
        if not isinstance(part, dict) or choose.random() < 0.5:
            continue
        if "customer_id" in part:
            part["customer_id"] = CUSTOMER
        if "work_order_id" in part:
            part["work_order_id"] = choose.choice(world)


def fuzz(schema: Any, path: str, method: str, mode: GenerationMode, requests: int, number: int) -> None:
    operation, choose = schema[path][method], random.Random(number)

    @seed(number)
    @settings(
        max_examples=requests,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            known(case, schema.world, choose)
        headers = {} if path == "/health" else {"X-API-Key": KEY}
        if mode is GenerationMode.POSITIVE and operation.body and choose.random() < 0.5:
            kind = choose.choice(OTHER_TYPES + JSON_TYPES)
            headers["Content-Type"] = kind
            answer = case.call_and_validate(headers=headers, checks=CHECK)
            assert (answer.status_code == 415) == (kind in OTHER_TYPES), (kind, answer.text)
        else:
            answer = case.call_and_validate(headers=headers, checks=CHECK)
        if mode is GenerationMode.POSITIVE and answer.status_code == 400:
            assert all(error["message"].startswith(RULES) for error in answer.json()["errors"]), answer.text

    one()


def everything(schema: Any, requests: int, number: int) -> None:
    for path, method in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        fuzz(schema, path, method, GenerationMode.POSITIVE, requests, number)
        if operation.get("parameters") or operation.get("requestBody"):  # else nothing can be wrong
            fuzz(schema, path, method, GenerationMode.NEGATIVE, requests, number)


def test_every_operation_answers_as_documented(schema: Any) -> None:
    everything(schema, REQUESTS, 1)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_ten_minutes_find_nothing(schema: Any) -> None:
    end, number = time.monotonic() + SOAK_S, 2
    while time.monotonic() < end:
        everything(schema, 50, number)
        number += 1
