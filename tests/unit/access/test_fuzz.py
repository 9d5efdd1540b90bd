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
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from forecasting.layout import FORECAST_LATEST, SITE
from ona.api import callers, resolver
from ona.runtime.clock import utc_now
from ona.store import tables
from ona.store.s3 import write_bytes
from tests.builders.orders import CUSTOMER
from tests.fakes.lambda_wsgi import KEY, Application
from tests.fakes.tables import OUT, create_table
from tests.paths import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]
REQUESTS = 12
"""Requests of each kind (allowed, not allowed) that an operation gets."""
RULES = (
    "end_date must be after start_date",
    "completed_at goes with status COMPLETE",
    "endpoint is no e-mail address",
    "must be after `since`",
    "must not be in the future",
    "not a `next` of",
    "no site follows there",
    # of a webhook's address
    "must be https://host/path",
    "must begin with https://",
    "the port is no number",
    "the host is not",
)
"""What may be wrong with a request that its schema allows: what fields say together, and opaque values."""
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
def schema(world: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Orders and visits of one customer, a site with a stored forecast, and a quota that lasts."""
    from benchmarks import sums as bench

    monkeypatch.setitem(callers.TIERS, "enterprise", 10**9)
    monkeypatch.setenv("LOCATIONS_TABLE", "locations")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")
    create_table("locations", "location_id", {"customer-location-index": ("customer_id", "location_name")})
    create_table("weather", "location_timestamp")
    monkeypatch.setattr(bench, "CUSTOMER", CUSTOMER)
    slow = bench.Slow(0.0)
    with bench.deployed(slow):
        bench.fill(slow, 2, 1, utc_now() - utc_now())
    for key, body in slow.objects.items():
        if key.startswith((SITE.template.split("{")[0], FORECAST_LATEST.template.split("{")[0])):
            write_bytes(OUT, key, body, "application/json")
    for name in slow.sites:
        item = {"location_id": f"{CUSTOMER}/{name}", "customer_id": CUSTOMER, "location_name": name}
        tables.put("locations", item)
    monkeypatch.setattr(resolver.logger, "exception", lambda *_, **__: None)
    loaded = schemathesis.openapi.from_wsgi("/openapi.json", Application(DOCUMENT, CUSTOMER))
    loaded.world = world
    return loaded


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
