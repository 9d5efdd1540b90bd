"""`GET /forecast` over many sites: the longest request and its calls, with calls that take 25 ms.

S3 and DynamoDB are stood in for by dictionaries whose every call sleeps, as a call from a function in the
same region does (20 to 30 ms). The handler is the real one. `python -m benchmarks.sums`
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parent.parent
CALL_S = 0.025
"""Seconds of a call."""
CUSTOMER = "customer-001"
BUCKETS = {"OUTPUT_BUCKET": "output", "INPUT_BUCKET": "input"}
TABLES = {"LOCATIONS_TABLE": "locations", "WEATHER_CACHE_TABLE": "weather", "CUSTOMERS_TABLE": "customers"}


class Slow:
    """S3 and DynamoDB in one: objects by key; counts calls and sleeps in each."""

    def __init__(self, call_s: float) -> None:
        self.call_s, self.calls, self.objects = call_s, 0, dict[str, bytes]()
        self.sites: list[str] = []
        self.places: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def _call(self) -> None:
        with self._lock:
            self.calls += 1
        time.sleep(self.call_s)

    def get_object(self, Key: str, **_: Any) -> dict[str, Any]:  # noqa: D102, N803
        self._call()
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": '"1"'}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: D102, N803
        self._call()
        self.objects[Key] = Body
        return {}

    def get_paginator(self, name: str) -> Any:  # noqa: D102
        self.paging = name
        return self

    def paginate(self, Prefix: str = "", **asked: Any) -> Iterator[dict[str, Any]]:  # noqa: D102, N803
        if self.paging == "list_objects_v2":
            self._call()
            yield {"Contents": []}
            return
        one = asked.get("ExpressionAttributeValues", {}).get(":also")
        sites = [name for name in self.sites if one is None or name == one["S"]]
        for begin in range(0, max(1, len(sites)), 400):  # about 1 MB of locations
            self._call()
            names = sites[begin : begin + 400]
            yield {"Items": [self._item(name) for name in names]}

    def _item(self, name: str) -> dict[str, Any]:
        latitude, longitude = self.places.get(name, (-29.0, 24.0))
        places = {"latitude": {"N": str(latitude)}, "longitude": {"N": str(longitude)}}
        return {"location_name": {"S": name}, **places}

    def update_item(self, **_: Any) -> dict[str, Any]:  # noqa: D102
        self._call()
        return {"Attributes": {"used": {"N": "1"}}}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:  # noqa: D102
        self._call()
        return {"Responses": {}}


@contextmanager
def deployed(slow: Slow) -> Iterator[None]:
    """The functions talk to it."""
    from forecasting.forecasting_api import api, generate  # noqa: F401 (whoever takes a client by name)
    from ona.runtime import aws
    from ona.sky import weather_cache  # noqa: F401

    before = aws.client
    holders = [module for module in sys.modules.values() if vars(module).get("client") is before]
    for module in holders:
        module.client = lambda _service: slow  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in holders:
            module.client = before  # type: ignore[attr-defined]


def fill(slow: Slow, sites: int, assets: int, stored_age: timedelta | None) -> None:
    """A customer with so many sites; with forecasts of that age, or without any."""
    from forecasting.documents import SiteDocument
    from forecasting.forecasting_api import generate
    from forecasting.layout import FORECAST_LATEST, SITE
    from ona.documents.assets import Asset

    now = datetime.now(UTC)
    slow.sites = [f"site-{number:04}" for number in range(sites)]
    for name in slow.sites:
        machines = [
            Asset.model_validate(
                {
                    "id": f"{name}-{number}",
                    "name": "x",
                    "type": "inverter",
                    "capacity_kw": 100.0,
                    "site_id": name,
                    "customer_id": CUSTOMER,
                    "location": {"latitude": -29.0, "longitude": 24.0},
                    "components": [],
                }
            )
            for number in range(assets)
        ]
        site = SiteDocument.of(CUSTOMER, name, machines)
        assert site is not None
        slow.objects[SITE.build(customer_id=CUSTOMER, site_id=name)] = json.dumps(site.document()).encode()
    if stored_age is not None:
        made = generate.make(site, now - stored_age).document()
        for name in slow.sites:
            key = FORECAST_LATEST.build(customer_id=CUSTOMER, site_id=name)
            body = {**made, "site_id": name, "forecast_id": f"fc-{name}"}
            slow.objects[key] = json.dumps(body, indent=2).encode()


class Context:
    """Lambda's context."""

    function_name, memory_limit_in_mb = "ona-forecastingApi-dev", 3008
    invoked_function_arn, aws_request_id = "arn", "request"


def ask(**query: str) -> tuple[int, Any]:
    """One request of the customer: status and body."""
    from forecasting.forecasting_api.handler import lambda_handler

    event = json.loads((ROOT / "events" / "forecasting" / "forecasting_api.json").read_text())
    parameters = {"customer_id": CUSTOMER, **query}
    event["queryStringParameters"] = parameters
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in parameters.items()}
    event["requestContext"] |= {
        "apiId": os.environ["API_ID"],
        "authorizer": {"customer_id": CUSTOMER, "tier": "standard"},
    }
    answer = lambda_handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])


def pages(slow: Slow, **query: str) -> list[tuple[int, float, int]]:
    """Status, seconds and calls of every page."""
    rows: list[tuple[int, float, int]] = []
    more: dict[str, str] = {}
    while True:
        calls, started = slow.calls, time.perf_counter()
        status, body = ask(**query, **more)
        rows.append((status, time.perf_counter() - started, slow.calls - calls))
        following = (body.get("data") or {}).get("next")
        if status != 200 or not following:
            return rows
        more = {"next": following}


def main() -> None:
    """Print a table."""
    os.environ.update(BUCKETS, **TABLES)
    os.environ.update(
        API_ID="api", IAM_API_ID="iam", ONA_ENVIRONMENT="dev", POWERTOOLS_SERVICE_NAME="bench"
    )
    os.environ.setdefault("ONA_CONFIG_DIR", str(ROOT / "configs"))
    os.environ.update(
        POWERTOOLS_SERVICE_NAME="bench",
        POWERTOOLS_METRICS_NAMESPACE="bench",
        POWERTOOLS_LOG_LEVEL="CRITICAL",
    )
    print("| sites | stored | interval | requests | statuses | longest, s | most calls |", file=sys.stderr)
    cases = [(200, "fresh", "60"), (1000, "fresh", "60"), (200, "stale", "60"), (200, "none", "60")]
    cases += [(1000, "stale", "60"), (200, "fresh", "15")]
    ages = {"fresh": timedelta(minutes=5), "stale": timedelta(hours=3), "none": None}
    for sites, stored, interval in cases:
        slow = Slow(0.0)
        with deployed(slow):
            fill(slow, sites, 2, ages[stored])
            ask(site_id="site-0000", interval_minutes="15")  # warm: imports are not counted
            slow.call_s = CALL_S
            rows = pages(slow, interval_minutes=interval)
        statuses = sorted({status for status, _, _ in rows})
        longest, calls = max(row[1] for row in rows), max(row[2] for row in rows)
        print(
            f"| {sites} | {stored} | {interval} | {len(rows)} | {statuses} | {longest:.1f} | {calls} |",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
