"""Weather providers against servers that misbehave, and the cache before them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ona.config import parameters
from ona.runtime import aws
from ona.runtime.errors import DependencyBusy, InvalidConfiguration, WeatherUnavailable
from ona.sky import weather_cache, weather_providers
from ona.sky.weather_document import Place, WeatherDocument, document_in, joined, plausible
from ona.store import tables
from tests.fakes import own_clock

NOW = datetime(2026, 5, 10, 9, 20, tzinfo=UTC)
PLACE = Place.of(-26.23, 28.04)
KEY = "S3CRET-KEY-123"


class Server:
    """Answers requests with what is next in line; remembers their paths."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                status, body, headers = outer.answers.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/forecast"

    def will(self, status: int, body: Any = b"", **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, raw, headers))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    waits: list[float] = []
    own_clock.give(monkeypatch, weather_providers, sleep=waits.append)
    made.waits = waits  # type: ignore[attr-defined]
    yield made
    made.server.shutdown()


def ask(server: Server) -> Any:
    return weather_providers.fetch_json(server.url, {"key": KEY}, what="The service")


def test_a_throttled_service_is_asked_again_after_its_waiting_time(server: Server) -> None:
    server.will(429, b"", **{"Retry-After": "3"})
    server.will(503)
    server.will(200, {"ok": True})
    assert ask(server) == {"ok": True}
    assert server.waits[0] == 3  # type: ignore[attr-defined]
    assert len(server.paths) == 3


def test_a_busy_provider_is_retryable_and_a_long_wait_is_not_waited_for(
    server: Server,
) -> None:
    for _ in range(3):
        server.will(500)
    with pytest.raises(DependencyBusy, match="HTTP 500 after 3 tries"):
        ask(server)
    server.will(429, b"", **{"Retry-After": "3600"})
    with pytest.raises(DependencyBusy, match="after 1 try"):
        ask(server)


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, f"bad api key {KEY}".encode()), (400, b"latitude out of range"), (404, b"<html>no</html>")],
)
def test_a_refusal_is_final_and_shows_no_key(server: Server, status: int, body: bytes) -> None:
    server.will(status, body)
    with pytest.raises(WeatherUnavailable, match=f"HTTP {status}") as caught:
        ask(server)
    assert KEY not in str(caught.value)
    assert len(server.paths) == 1


def test_no_json_and_no_connection_are_retryable_and_show_no_key(server: Server) -> None:
    server.will(200, b"<html>")
    with pytest.raises(DependencyBusy, match="no JSON"):
        ask(server)
    with pytest.raises(DependencyBusy) as caught:
        weather_providers.fetch_json("http://127.0.0.1:9/nobody", {"key": KEY})
    assert KEY not in str(caught.value)


OPEN_METEO = {
    "hourly": {
        "time": ["2026-05-10T00:00", "2026-05-10T01:00", "2026-05-10T02:00"],
        "shortwave_radiation": [0.0, 12.5, 9000.0],
        "temperature_2m": [11.0, None, 12.0],
        "wind_speed_120m": [3.0, 4.0, 5.0],
        "wind_speed_10m": [1.0, 2.0, 3.0],
    }
}


def test_open_meteo_in_our_names_and_units() -> None:
    asked: list[tuple[str, Any]] = []

    def fetch(url: str, query: Any) -> Any:
        asked.append((url, dict(query)))
        return OPEN_METEO

    provider = weather_providers.OpenMeteo(fetch)
    document = provider.forecast(PLACE, NOW)
    assert document.hours[1] == datetime(2026, 5, 10, 1, tzinfo=UTC)
    assert document.values["ghi_w_m2"] == [0.0, 12.5, None], "9 000 W/m² cannot be"
    assert document.values["temperature_c"] == [11.0, None, 12.0]
    assert document.values["wind_speed_hub_m_s"] == [3.0, 4.0, 5.0]
    provider.history(PLACE, date(2026, 1, 1), date(2026, 1, 31), NOW)
    provider.history(PLACE, date(2019, 1, 1), date(2019, 1, 31), NOW)
    urls = [provider.FORECAST, provider.DAY_AHEAD, provider.PAST_FORECASTS, provider.REANALYSIS]
    assert [url for url, _ in asked] == urls, "an archive without the variables is passed over"
    assert asked[0][1]["latitude"] == "-26.2"
    assert asked[0][1]["timezone"] == "UTC"
    assert asked[1][1]["end_date"] == "2026-01-31"
    with pytest.raises(WeatherUnavailable, match="another shape"):
        weather_providers.OpenMeteo(lambda _u, _q: {"reason": "no"}).forecast(PLACE, NOW)


def test_open_meteo_history_is_what_had_been_forecast_a_day_ahead() -> None:
    """The archive's names end on how long before the forecast was made; the form of the answer is from
    open-meteo.com/en/docs/previous-runs-api, which could not be called here."""
    asked: list[tuple[str, Any]] = []
    answer = {
        "hourly": {
            "time": ["2026-01-10T11:00", "2026-01-10T12:00", "2026-01-10T13:00"],
            "shortwave_radiation": [1.0, 2.0, 3.0],
            "shortwave_radiation_previous_day1": [700.0, None, 650.0],
            "cloud_cover_low_previous_day1": [20, 101, 0],
            "wind_speed_10m_previous_day1": [1.0, 2.0, 3.0],
        }
    }

    def fetch(url: str, query: Any) -> Any:
        asked.append((url, dict(query)))
        if query["start_date"] == "2026-03-01" and "previous-runs" in url:
            raise WeatherUnavailable("Open-Meteo: HTTP 400: no such variable")
        return answer

    provider = weather_providers.OpenMeteo(fetch)
    document = provider.history(PLACE, date(2026, 1, 10), date(2026, 1, 10), NOW)
    assert document.values["ghi_w_m2"] == [700.0, None, 650.0], "not those of the hour itself"
    assert document.values["cloud_low_percent"] == [20.0, None, 0.0]
    assert "cloud_mid_percent" not in document.values
    assert [url for url, _ in asked] == [provider.DAY_AHEAD]
    assert "cloud_cover_high_previous_day1" in asked[0][1]["hourly"].split(",")
    provider.history(PLACE, date(2026, 3, 1), date(2026, 3, 31), NOW)
    provider.history(PLACE, date(2024, 1, 1), date(2024, 1, 31), NOW)
    assert [url for url, _ in asked[1:]] == [
        provider.DAY_AHEAD,
        provider.PAST_FORECASTS,
        provider.PAST_FORECASTS,
    ]


def test_a_document_of_before_cloud_layers_is_read_and_joined_with_one_that_has_them() -> None:
    old = WeatherDocument(
        place=PLACE,
        provider="open_meteo",
        kind="history",
        fetched_at=NOW,
        hours=[datetime(2026, 1, 10, 1, tzinfo=UTC)],
        values={"ghi_w_m2": [5.0], "cloud_cover_percent": [30.0]},
    )
    read = document_in(old.model_dump_json().encode())
    new = old.model_copy(
        update={
            "hours": [datetime(2026, 1, 10, 2, tzinfo=UTC)],
            "values": {**old.values, "cloud_low_percent": [10.0]},
        }
    )
    assert joined([read, new]).values["cloud_low_percent"] == [None, 10.0]


def test_visual_crossing_in_our_names_and_units() -> None:
    epoch = int(datetime(2026, 5, 10, 6, tzinfo=UTC).timestamp())
    answer = {
        "days": [
            {
                "hours": [
                    {
                        "datetimeEpoch": epoch,
                        "temp": 14.5,
                        "windspeed": 36.0,
                        "solarradiation": 120.0,
                        "cloudcover": 40,
                        "humidity": 55,
                        "precip": None,
                        "pressure": 1012.0,
                        "winddir": 350,
                    }
                ]
            }
        ]
    }
    asked: list[Any] = []
    provider = weather_providers.VisualCrossing(
        KEY, lambda url, query: asked.append((url, query)) or answer
    )
    document = provider.history(PLACE, date(2026, 5, 10), date(2026, 5, 10), NOW)
    assert document.hours == [datetime(2026, 5, 10, 7, tzinfo=UTC)], "our hours are named by their end"
    assert document.values["wind_speed_m_s"] == [10.0]
    assert document.values["precipitation_mm"] == [None]
    assert KEY not in asked[0][0]
    assert KEY not in document.model_dump_json()


def test_the_key_comes_from_parameter_store_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "parameter", lambda name: None)
    with pytest.raises(InvalidConfiguration, match="visual-crossing-api-key"):
        weather_providers.chosen("visual_crossing", "bucket")
    with pytest.raises(InvalidConfiguration, match="use open_meteo"):
        weather_providers.chosen("crystal_ball", "bucket")
    monkeypatch.setattr(parameters, "parameter", lambda name: KEY)
    assert weather_providers.chosen("visual_crossing", "bucket").name == "visual_crossing"
    assert weather_providers.chosen("open_meteo", "bucket").name == "open_meteo"


def test_places_share_a_cell_and_documents_are_checked() -> None:
    assert Place.of(-26.21, 28.04) == Place.of(-26.19, 27.96)
    assert Place.of(0.01, -0.04).place_id == "0.0_0.0"
    assert plausible("temperature_c", float("nan")) is None
    assert plausible("temperature_c", True) is None
    assert plausible("temperature_c", "12") is None
    good = document(0)
    with pytest.raises(ValueError, match="hours must rise"):
        WeatherDocument.model_validate({**good.model_dump(), "hours": [NOW, NOW, NOW]})
    with pytest.raises(ValueError, match="no weather variable"):
        WeatherDocument.model_validate({**good.model_dump(), "values": {"luck": [1.0] * 3}})
    with pytest.raises(ValueError, match="1 value for 3 hours"):
        WeatherDocument.model_validate({**good.model_dump(), "values": {"ghi_w_m2": [1.0]}})


def document(value: float, first: datetime = NOW, kind: Any = "forecast") -> WeatherDocument:
    hours = [(first + timedelta(hours=n)).replace(minute=0) for n in range(1, 4)]
    return WeatherDocument(
        place=PLACE,
        provider="fake",
        kind=kind,
        fetched_at=first,
        hours=hours,
        values={"ghi_w_m2": [value] * 3},
    )


def test_an_hour_in_two_documents_has_the_later_value() -> None:
    both = joined([document(1.0), document(2.0, NOW + timedelta(hours=1))])
    assert both.values["ghi_w_m2"] == [1.0, 2.0, 2.0, 2.0]


# ------------------------------------------------------------------ the cache


class Fake:
    """A provider that fails when `error` is set."""

    name = "fake"

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.error: Exception | None = None

    def forecast(self, place: Place, now: datetime) -> WeatherDocument:
        self.calls.append(("forecast", place.place_id))
        if self.error:
            raise self.error
        return document(float(len(self.calls)), now)

    def history(self, place: Place, start: date, end: date, now: datetime) -> WeatherDocument:
        self.calls.append(("history", start, end))
        if self.error:
            raise self.error
        first = datetime(start.year, start.month, start.day, tzinfo=UTC)
        count = ((end - start).days + 1) * 24
        hours = [first + timedelta(hours=n) for n in range(1, count + 1)]
        return WeatherDocument(
            place=place,
            provider="fake",
            kind="history",
            fetched_at=now,
            hours=hours,
            values={"ghi_w_m2": [1.0] * count},
        )


@pytest.fixture
def held() -> Iterator[tuple[weather_cache.WeatherCache, Fake]]:
    with mock_aws():
        aws.client.cache_clear()
        boto3.client("s3").create_bucket(
            Bucket="weather", CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
        )
        boto3.client("dynamodb").create_table(
            TableName="cache",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "location_timestamp", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "location_timestamp", "KeyType": "HASH"}],
        )
        fake = Fake()
        yield weather_cache.WeatherCache("cache", "weather", fake), fake
    aws.client.cache_clear()


def test_one_request_serves_an_hour(held: tuple[weather_cache.WeatherCache, Fake]) -> None:
    weather, fake = held
    assert weather.newest(PLACE, NOW) is None
    first = weather.forecast(PLACE, NOW)
    again = weather.forecast(PLACE, NOW + timedelta(minutes=50))
    assert first is not None
    assert again is not None
    assert again.document.values == first.document.values
    assert again.age == timedelta(minutes=50)
    assert len(fake.calls) == 1
    weather.forecast(PLACE, NOW + timedelta(minutes=70))
    assert len(fake.calls) == 2
    item = boto3.client("dynamodb").scan(TableName="cache")["Items"][0]
    assert int(item["ttl"]["N"]) == int((NOW + weather_cache.KEPT).timestamp()) or "ttl" in item


def test_without_newer_weather_the_old_is_used_with_its_age(
    held: tuple[weather_cache.WeatherCache, Fake],
) -> None:
    weather, fake = held
    weather.forecast(PLACE, NOW)
    fake.error = DependencyBusy("down")
    later = weather.forecast(PLACE, NOW + timedelta(hours=20))
    assert later is not None
    assert later.stale
    assert later.age == timedelta(hours=20)
    assert weather.forecast(PLACE, NOW + timedelta(hours=80)) is None, "too old is none"


def test_a_forecast_without_future_hours_is_not_used(held: tuple[weather_cache.WeatherCache, Fake]) -> None:
    weather, fake = held
    fake.forecast = lambda place, now: document(1.0, now - timedelta(days=2))  # type: ignore[method-assign]
    with pytest.raises(WeatherUnavailable, match="no hour to come"):
        weather.refresh(PLACE, NOW)


def test_months_that_are_over_are_fetched_once(held: tuple[weather_cache.WeatherCache, Fake]) -> None:
    weather, fake = held
    got = weather.history(PLACE, date(2026, 3, 20), date(2026, 5, 9), NOW)
    assert (got.hours[0].date(), got.hours[-1]) == (date(2026, 3, 20), datetime(2026, 5, 10, tzinfo=UTC))
    assert len(got.hours) == 51 * 24
    weather.history(PLACE, date(2026, 3, 1), date(2026, 5, 9), NOW)
    months = [call[1] for call in fake.calls]
    assert months.count(date(2026, 3, 1)) == 1
    assert months.count(date(2026, 4, 1)) == 1
    assert months.count(date(2026, 5, 1)) == 2, "this month is not over"


def test_a_place_that_fails_does_not_stop_the_others(held: tuple[weather_cache.WeatherCache, Fake]) -> None:
    weather, fake = held
    other = Place.of(50, 8)
    weather.refresh(PLACE, NOW)
    states: list[tuple[str, str]] = []
    real = fake.forecast

    def picky(place: Place, now: datetime) -> WeatherDocument:
        if place == PLACE:
            raise DependencyBusy("down here")
        return real(place, now)

    fake.forecast = picky  # type: ignore[method-assign]
    counts = weather_cache.refresh_all(
        weather,
        [PLACE, other, PLACE],
        NOW + timedelta(hours=1),
        fetch_after=timedelta(minutes=45),
        each=lambda place, state, reason: states.append((state, reason)),
    )
    assert counts == {"refreshed": 1, "fresh": 0, "stale": 1, "missing": 0}
    assert ("stale", "down here") in states


def test_two_at_once_ask_the_provider_once_a_place(held: tuple[weather_cache.WeatherCache, Fake]) -> None:
    """Nothing keeps the function at one execution at a time (`ReservedConcurrency=0`)."""
    weather, fake = held
    places = [PLACE, Place.of(50, 8), Place.of(-30, 20)]
    later = NOW + timedelta(hours=1)
    weather.refresh(PLACE, NOW)
    fake.calls.clear()
    both_have_looked, real = threading.Barrier(2, timeout=20), weather_cache.WeatherCache.newest
    looked: set[str] = set()

    def newest(self: Any, place: Place, now: datetime) -> Any:
        found, mine = real(self, place, now), threading.current_thread().name
        if mine not in looked:
            looked.add(mine)
            both_have_looked.wait()
        return found

    counts: list[dict[str, int]] = []

    def run() -> None:
        counts.append(
            weather_cache.refresh_all(
                weather, places, later, fetch_after=timedelta(minutes=45), each=lambda *_: None
            )
        )

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(weather_cache.WeatherCache, "newest", newest)
        one, transact = threading.Lock(), tables.transact

        def as_dynamodb(writes: Any) -> bool:  # moto's look at a condition and its write are two steps
            with one:
                return transact(writes)

        patched.setattr(tables, "transact", as_dynamodb)
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(place for _, place in fake.calls) == sorted(place.place_id for place in places)
    assert sum(item["refreshed"] for item in counts) == 3
    assert sum(item["stale"] + item["missing"] for item in counts) == 0, "who was second raises no alarm"


def test_who_died_while_asking_holds_nobody_up_for_long(
    held: tuple[weather_cache.WeatherCache, Fake],
) -> None:
    weather, fake = held
    fake.error = DependencyBusy("down")
    for minutes in (0, 1, 2):
        with pytest.raises(DependencyBusy):
            weather.refresh(PLACE, NOW + timedelta(minutes=minutes))
    assert len(fake.calls) == 1, "a provider that is down is not asked by each that comes"
    fake.error = None
    assert weather.refresh(PLACE, NOW + weather_cache.ASKING).age == timedelta(0)
