"""Stored forecasts that somebody else wrote: `GET /forecast` makes a new one, or answers 503; never 500."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from benchmarks import sums as bench
from forecasting.layout import FORECAST_LATEST, LIVE_CALIBRATION, MODEL_CURRENT, SITE

NAME = "site-0001"
Document = dict[str, Any]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[bench.Slow]:
    for name, value in {**bench.BUCKETS, **bench.TABLES}.items():
        monkeypatch.setenv(name, value)
    slow = bench.Slow(0.0)
    with bench.deployed(slow):
        bench.fill(slow, 3, 1, timedelta(minutes=5))
        yield slow


def points(change: Callable[[Document], Any]) -> Callable[[Document], Any]:
    def changed(document: Document) -> Any:
        return {**document, "forecasts": [change(point) for point in document["forecasts"]]}

    return changed


def one(name: str, value: Any) -> Callable[[Document], Any]:
    return points(lambda point: {**point, name: value})


def meta(name: str, value: Any) -> Callable[[Document], Any]:
    return lambda document: {**document, "metadata": {**document["metadata"], name: value}}


def without(name: str) -> Callable[[Document], Any]:
    return lambda document: {key: value for key, value in document.items() if key != name}


BAD: dict[str, Callable[[Document], Any]] = {
    "null": lambda _: None,
    "a list": lambda _: [],
    "a text": lambda _: "forecast",
    "no points": without("forecasts"),
    "no metadata": without("metadata"),
    "no time": without("generated_at"),
    "a time without zone": lambda document: {**document, "generated_at": "2025-06-10T08:00:00"},
    "a time in words": lambda document: {**document, "generated_at": "soon"},
    "the year 1": lambda document: {**document, "generated_at": "0001-01-01T00:00:00+14:00"},
    "points that are numbers": points(lambda _: 7),
    "points without a time": points(lambda point: {**point, "timestamp": None}),
    "power in words": one("predicted_power_kw", "much"),
    "power that is true": one("predicted_power_kw", True),
    "power that is no number": one("predicted_power_kw", float("nan")),
    "infinite power": one("predicted_power_kw", float("inf")),
    "power of 1e308": one("predicted_power_kw", 1e308),
    "power below zero": one("predicted_power_kw", -0.5),
    "power above the capacity": one("predicted_power_kw", 100.5),
    "no bounds": one("confidence_interval", {}),
    "weather in words": one("weather_conditions", "sunny"),
    "no interval": meta("interval_minutes", 0),
    "notes in one text": meta("notes", "all good"),
    "accuracy in words": meta("model_accuracy", "good"),
    "a capacity in words": lambda document: {**document, "capacity_kw": "100"},
}


@pytest.mark.parametrize("ask", ["one site", "the sum"])
@pytest.mark.parametrize("kind", BAD)
def test_a_stored_forecast_that_is_none_is_made_anew(
    cloud: bench.Slow, kind: str, ask: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = FORECAST_LATEST.build(customer_id=bench.CUSTOMER, site_id=NAME)
    sound = json.loads(cloud.objects[key])
    cloud.objects[key] = json.dumps(BAD[kind](sound)).encode()
    status, body = bench.ask(site_id=NAME) if ask == "one site" else bench.ask(horizon_hours="24")
    assert status == 200, body
    assert body["data"]["forecasts"]
    assert body["data"]["summary"]["peak_power_kw"] < 1000.0
    assert any(key in str(record.__dict__) for record in caplog.records), "it is named"
    assert json.loads(cloud.objects[key])["capacity_kw"] == 100.0, "a sound one lies there now"


SOUND: dict[str, Callable[[Document], Any]] = {
    "as it was": lambda document: document,
    "a key of a later version": lambda document: {**document, "colour": "red"},
    "no accuracy yet": meta("model_accuracy", None),
    "whole numbers": one("predicted_power_kw", 5),
    "the whole capacity, rounded": one("predicted_power_kw", 100.0005),
    "no point at all": lambda document: {**document, "forecasts": []},
}


@pytest.mark.parametrize("kind", SOUND)
def test_a_stored_forecast_that_looks_odd_is_answered_as_it_is(
    cloud: bench.Slow, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = FORECAST_LATEST.build(customer_id=bench.CUSTOMER, site_id=NAME)
    body = json.dumps(SOUND[kind](json.loads(cloud.objects[key]))).encode()
    cloud.objects[key] = body
    assert bench.ask(site_id=NAME)[0] == 200
    assert cloud.objects[key] == body, "none was made"
    assert caplog.records == [] or not any("unreadable" in record.message for record in caplog.records)


CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "null": b"null",
    "a list": b"[1]",
    "a number": b"7",
    "deep": b"[" * 20_000,
    "another schema": b'{"colour": "red"}',
}
PLACES = {
    "current": (MODEL_CURRENT.build(customer_id=bench.CUSTOMER), "model_unreadable"),
    "live": (LIVE_CALIBRATION.build(customer_id=bench.CUSTOMER, site_id=NAME), "live_unreadable"),
}
"""What a forecast reads, and what it says where that is damaged."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", CONTENTS)
def test_another_object_than_the_forecast_needs_is_named_and_does_not_stop_it(
    cloud: bench.Slow, kind: str, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    key, name = PLACES[place]
    del cloud.objects[FORECAST_LATEST.build(customer_id=bench.CUSTOMER, site_id=NAME)]
    cloud.objects[key] = CONTENTS[kind]
    status, body = bench.ask(site_id=NAME)
    assert status == 200, body
    assert name in body["data"]["metadata"]["degraded"]
    assert any(key in str(record.__dict__) for record in caplog.records)
    assert cloud.objects[key] == CONTENTS[kind], "reading repairs nothing"


@pytest.mark.parametrize("kind", list(CONTENTS)[::3])
def test_a_site_that_nobody_knows_any_more_is_503_and_stops_no_sum(
    cloud: bench.Slow, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its document is damaged, no model has learned it, and its item in the table has no place."""
    key = SITE.build(customer_id=bench.CUSTOMER, site_id=NAME)
    del cloud.objects[FORECAST_LATEST.build(customer_id=bench.CUSTOMER, site_id=NAME)]
    cloud.objects[key] = CONTENTS[kind]
    status, body = bench.ask(site_id=NAME)
    assert status == 503, body
    assert "cannot be read" in body["errors"][0]["message"]
    assert any(key in str(record.__dict__) for record in caplog.records)
    status, body = bench.ask(horizon_hours="24")
    assert status == 200, body
    assert body["data"]["metadata"]["degraded"].count("site_left_out") == 1
    assert [note for note in body["data"]["metadata"]["notes"] if NAME in note and "left out" in note]
    assert body["data"]["capacity_kw"] == 200.0, "the two others"
