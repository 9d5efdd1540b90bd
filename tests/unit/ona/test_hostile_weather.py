"""Stored weather that somebody else wrote: left out, named, and whoever needs weather goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ona.sky import weather_frames
from ona.sky.weather_cache import WeatherCache
from ona.sky.weather_document import Place, WeatherDocument
from ona.sky.weather_providers import NoProvider
from ona.store import tables
from ona.store.layout import WEATHER_MONTH
from ona.store.s3 import write_bytes
from tests.fakes.tables import IN, create_table

NOW = datetime(2025, 6, 11, 6, tzinfo=UTC)
PLACE = Place.of(-26.2, 28.0)
HOURS = [NOW - timedelta(hours=12 - number) for number in range(24)]
SOUND: dict[str, Any] = json.loads(
    WeatherDocument(
        place=PLACE,
        provider="recorded",
        kind="forecast",
        fetched_at=NOW,
        hours=HOURS,
        values={"ghi_w_m2": [500.0] * 24, "precipitation_mm": [1.0] * 24},
    ).model_dump_json()
)
BAD: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "null": b"null",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "another schema": b'{"colour": "red"}',
    "no hour": json.dumps({**SOUND, "hours": [], "values": {}}).encode(),
    "hours that fall": json.dumps({**SOUND, "hours": SOUND["hours"][::-1]}).encode(),
    "hours without zone": json.dumps({**SOUND, "hours": [hour[:19] for hour in SOUND["hours"]]}).encode(),
    "hours in words": json.dumps({**SOUND, "hours": ["noon"] * 24}).encode(),
    "fewer values than hours": json.dumps({**SOUND, "values": {"ghi_w_m2": [1.0]}}).encode(),
    "an unknown variable": json.dumps({**SOUND, "values": {"mood": [1.0] * 24}}).encode(),
    "values in words": json.dumps({**SOUND, "values": {"ghi_w_m2": ["bright"] * 24}}).encode(),
    "a place beyond the pole": json.dumps({**SOUND, "place": {"latitude": 99, "longitude": 0}}).encode(),
    "of the year 1": json.dumps({**SOUND, "fetched_at": "0001-01-01T00:00:00Z"}).encode(),
}
ITEMS: dict[str, dict[str, Any]] = {
    "no key": {},
    "a key that is a number": {"key": 7},
    "a key that is a list": {"key": ["a"]},
    "an empty key": {"key": ""},
    "a key that is too long": {"key": "x" * 2000},
}


@pytest.fixture
def cache(cloud: None) -> WeatherCache:
    create_table("weather", "location_timestamp")
    return WeatherCache("weather", IN, NoProvider())


def put(number: int, body: bytes) -> str:
    """A forecast that was fetched so many hours ago; its key."""
    key = f"weather/cache/{PLACE.place_id}_{number}.json"
    write_bytes(IN, key, body, "application/json")
    tables.put("weather", {"location_timestamp": moment(number), "key": key})
    return key


def moment(number: int) -> str:
    return f"{PLACE.place_id}#{NOW - timedelta(hours=number):%Y-%m-%dT%H}"


@pytest.mark.parametrize("kind", BAD)
def test_weather_that_is_none_is_left_out_and_named(
    cache: WeatherCache, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The forecast before it counts; a month of it is none."""
    put(2, json.dumps(SOUND).encode())
    put(0, BAD[kind])
    found = cache.newest(PLACE, NOW)
    assert found is not None
    assert len(weather_frames.frame(found.document)) == 24
    key = WEATHER_MONTH.build(place_id=PLACE.place_id, month=NOW.date().replace(day=1))
    write_bytes(IN, key, BAD[kind], "application/json")
    assert cache.held(PLACE, NOW.date(), NOW.date(), NOW) == [found.document]
    for name in (moment(0), key):
        assert any(name in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize("kind", ITEMS)
def test_a_bad_item_of_the_cache_costs_only_itself(
    cache: WeatherCache, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(2, json.dumps(SOUND).encode())
    tables.put("weather", {"location_timestamp": moment(0), **ITEMS[kind]})
    assert cache.newest(PLACE, NOW) is not None
    assert any(moment(0) in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize("value", [1e308, -1e308, 1e30, -5.0])
def test_a_value_that_cannot_be_is_left_out_and_the_others_stay(cache: WeatherCache, value: float) -> None:
    rain = [1.0] * 23 + [value]
    put(0, json.dumps({**SOUND, "values": {**SOUND["values"], "precipitation_mm": rain}}).encode())
    found = cache.newest(PLACE, NOW)
    assert found is not None
    frame = weather_frames.frame(found.document)
    assert np.nansum(frame["precipitation_mm"]) == 23.0
    assert frame["ghi_w_m2"].notna().all()


def test_a_forecast_that_has_expired_is_not_told(
    cache: WeatherCache, caplog: pytest.LogCaptureFixture
) -> None:
    tables.put("weather", {"location_timestamp": moment(0), "key": "weather/cache/gone.json"})
    assert cache.newest(PLACE, NOW) is None
    assert caplog.records == []
