"""Weather providers behind one interface: Open-Meteo (free, the default), Visual Crossing, recorded.

A provider answers in our names and units (`ona.sky.weather_document`), or raises: `DependencyBusy` when
asking later may help (throttled, down, slow), `WeatherUnavailable` when it will not. Addresses and keys
never appear in an error or a log.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Protocol
from urllib.parse import urlencode, urlsplit

from ona.config import parameters
from ona.runtime import http
from ona.runtime.errors import DependencyBusy, InvalidConfiguration, WeatherUnavailable
from ona.runtime.words import counted
from ona.sky.recorded_weather import Recorded
from ona.sky.weather_document import FORECAST_HOURS, Place, WeatherDocument, plausible

ATTEMPTS = 3
"""Requests before a provider counts as busy."""
MAX_WAIT_S = 8.0
"""Seconds that we wait for a provider that asks us to; three such waits fit into the function's 300 s."""
MOST_BYTES = 64 << 20
"""Bytes of an answer; a year of hours of all variables has about 3 MB."""


class Provider(Protocol):
    """What a weather provider can do."""

    name: str

    def forecast(self, place: Place, now: datetime) -> WeatherDocument:
        """The last two days and the coming 192 hours."""

    def history(self, place: Place, start: date, end: date, now: datetime) -> WeatherDocument:
        """Whole UTC days from `start` to `end`, both included."""


Fetch = Callable[[str, Mapping[str, str]], Any]


def fetch_json(
    url: str, query: Mapping[str, str], *, timeout_s: float = 45.0, what: str = "weather"
) -> Any:
    """A JSON answer over HTTPS; throttling and server errors are tried again with back-off and jitter.

    Raises DependencyBusy, WeatherUnavailable; their texts hold the host, never
    the whole address, which may hold a key.
    """
    wait = 0.5
    for attempt in range(1, ATTEMPTS + 1):
        answer = http.send("GET", f"{url}?{urlencode(query)}", timeout_s=timeout_s, most_bytes=MOST_BYTES)
        if answer.status == 200:
            try:
                return json.loads(answer.body)
            except ValueError as error:
                raise DependencyBusy(f"{what}: the answer is no JSON") from error
        if answer.status not in (0, 408, 429) and answer.status < 500:
            raise WeatherUnavailable(f"{what}: HTTP {answer.status}: {answer.reason}")
        if attempt < ATTEMPTS:
            asked = answer.retry_after
            if asked > MAX_WAIT_S:
                break
            time.sleep(max(asked, random.uniform(0, wait)))
            wait *= 2
    if answer.status:
        raise DependencyBusy(f"{what}: HTTP {answer.status} after {counted(attempt, 'try')}")
    raise DependencyBusy(
        f"{what}: {urlsplit(url).hostname} was not reached "
        f"({answer.body.decode()} after {counted(attempt, 'try')}); "
        "try again when there is a network, or deploy with WeatherProvider=recorded, which reads weather "
        "that you put under weather/recorded/"
    )


class OpenMeteo:
    """Open-Meteo: https://open-meteo.com/en/docs. No key. History is what had been forecast a day ahead
    from 2024 on, what had been forecast for the hours at hand from 2022 on, and ERA5 before. Radiation
    there is the mean of the hour before, as ours."""

    name = "open_meteo"
    FORECAST = "https://api.open-meteo.com/v1/forecast"
    DAY_AHEAD = "https://previous-runs-api.open-meteo.com/v1/forecast"
    """Forecasts by how long before they were made: a model must learn from weather that errs as the weather
    errs which it will be served with."""
    DAY_AHEAD_FROM = date(2024, 2, 1)
    """Its data begin in January 2024 (https://open-meteo.com/en/docs/previous-runs-api): the first whole
    month."""
    DAY_AHEAD_SUFFIX = "_previous_day1"
    """Ends the name of a variable as it had been forecast 24 hours before."""
    PAST_FORECASTS = "https://historical-forecast-api.open-meteo.com/v1/forecast"
    REANALYSIS = "https://archive-api.open-meteo.com/v1/archive"
    """ERA5, for days before the stored forecasts."""
    PAST_FORECASTS_FROM = date(2022, 1, 1)
    """The first day of its stored forecasts (Open-Meteo's documentation)."""
    COLUMNS: ClassVar = {
        "shortwave_radiation": "ghi_w_m2",
        "direct_normal_irradiance": "dni_w_m2",
        "diffuse_radiation": "dhi_w_m2",
        "temperature_2m": "temperature_c",
        "relative_humidity_2m": "humidity_percent",
        "cloud_cover": "cloud_cover_percent",
        "cloud_cover_low": "cloud_low_percent",
        "cloud_cover_mid": "cloud_mid_percent",
        "cloud_cover_high": "cloud_high_percent",
        "precipitation": "precipitation_mm",
        "surface_pressure": "pressure_hpa",
        "wind_speed_10m": "wind_speed_m_s",
        "wind_direction_10m": "wind_direction_deg",
    }
    """Our column by Open-Meteo's name; units are asked for in the request."""
    HUB: ClassVar = {
        FORECAST: "wind_speed_120m",
        DAY_AHEAD: "wind_speed_120m",
        PAST_FORECASTS: "wind_speed_120m",
        REANALYSIS: "wind_speed_100m",
    }
    """The wind nearest to a turbine's hub that each of its services has."""

    def __init__(self, fetch: Fetch | None = None) -> None:
        self._fetch = fetch or (lambda url, query: fetch_json(url, query, what="Open-Meteo"))

    def forecast(self, place: Place, now: datetime) -> WeatherDocument:
        """The last two days and the coming 8 days."""
        days = str(FORECAST_HOURS // 24 + 1)
        return self._ask(self.FORECAST, place, {"past_days": "2", "forecast_days": days}, "forecast", now)

    def history(self, place: Place, start: date, end: date, now: datetime) -> WeatherDocument:
        """Whole UTC days, both included: forecasts of a day ahead where there are any, else past forecasts
        from 2022 on, ERA5 before."""
        span = {"start_date": start.isoformat(), "end_date": end.isoformat()}
        if start >= self.DAY_AHEAD_FROM:
            with suppress(WeatherUnavailable):
                ahead = self._ask(self.DAY_AHEAD, place, span, "history", now)
                if _mostly_known(ahead):
                    return ahead
        url = self.PAST_FORECASTS if start >= self.PAST_FORECASTS_FROM else self.REANALYSIS
        return self._ask(url, place, span, "history", now)

    def _ask(
        self, url: str, place: Place, span: dict[str, str], kind: Any, now: datetime
    ) -> WeatherDocument:
        suffix = self.DAY_AHEAD_SUFFIX if url == self.DAY_AHEAD else ""
        named = {**self.COLUMNS, self.HUB[url]: "wind_speed_hub_m_s"}
        columns = {f"{theirs}{suffix}": ours for theirs, ours in named.items()}
        answer = self._fetch(
            url,
            {
                "latitude": str(place.latitude),
                "longitude": str(place.longitude),
                "hourly": ",".join(columns),
                "wind_speed_unit": "ms",
                "timezone": "UTC",
                **span,
            },
        )
        try:
            hourly = answer["hourly"]
            hours = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in hourly["time"]]
            values = {
                ours: [plausible(ours, value) for value in hourly[theirs]]
                for theirs, ours in columns.items()
                if theirs in hourly
            }
            return WeatherDocument(
                place=place, provider=self.name, kind=kind, fetched_at=now, hours=hours, values=values
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeatherUnavailable(f"Open-Meteo: the answer has another shape: {error!r}") from error


def _mostly_known(document: WeatherDocument) -> bool:
    """Whether irradiance and wind, which forecasts need, are there for most hours."""
    series = [document.values.get(name, []) for name in ("ghi_w_m2", "wind_speed_m_s")]
    return all(sum(v is not None for v in own) > len(document.hours) / 2 for own in series)


class VisualCrossing:
    """Visual Crossing's timeline API, the user's provider. Needs a key from Parameter Store.

    Hours there are named by their beginning, wind is in km/h with metric units.
    """

    name = "visual_crossing"
    URL = "https://weather.visualcrossing.com/VisualCrossingWebServices/rest/services/timeline"
    COLUMNS: ClassVar = {
        "solarradiation": ("ghi_w_m2", 1.0),
        "temp": ("temperature_c", 1.0),
        "humidity": ("humidity_percent", 1.0),
        "cloudcover": ("cloud_cover_percent", 1.0),
        "precip": ("precipitation_mm", 1.0),
        "pressure": ("pressure_hpa", 1.0),
        "windspeed": ("wind_speed_m_s", 1 / 3.6),
        "winddir": ("wind_direction_deg", 1.0),
    }
    """Our column and the factor to its unit, by Visual Crossing's name; wind comes in km/h."""

    def __init__(self, key: str, fetch: Fetch | None = None) -> None:
        self._key = key
        self._fetch = fetch or (lambda url, query: fetch_json(url, query, what="Visual Crossing"))

    def forecast(self, place: Place, now: datetime) -> WeatherDocument:
        """The last two days and the coming 192 hours."""
        first = (now - timedelta(days=2)).date()
        return self._ask(place, first, (now + timedelta(hours=FORECAST_HOURS)).date(), "forecast", now)

    def history(self, place: Place, start: date, end: date, now: datetime) -> WeatherDocument:
        """Whole UTC days, both included."""
        return self._ask(place, start, end, "history", now)

    def _ask(self, place: Place, start: date, end: date, kind: Any, now: datetime) -> WeatherDocument:
        answer = self._fetch(
            f"{self.URL}/{place.latitude},{place.longitude}/{start.isoformat()}/{end.isoformat()}",
            {
                "key": self._key,
                "unitGroup": "metric",
                "include": "hours",
                "timezone": "Z",
                "elements": ",".join(["datetimeEpoch", *self.COLUMNS]),
            },
        )
        try:
            rows = [hour for day in answer["days"] for hour in day["hours"]]
            hours = [datetime.fromtimestamp(row["datetimeEpoch"], UTC) + timedelta(hours=1) for row in rows]
            values: dict[str, list[float | None]] = {}
            for theirs, (ours, factor) in self.COLUMNS.items():
                numbers = [row.get(theirs) for row in rows]
                values[ours] = [
                    plausible(ours, n * factor if isinstance(n, (int, float)) else n) for n in numbers
                ]
            return WeatherDocument(
                place=place, provider=self.name, kind=kind, fetched_at=now, hours=hours, values=values
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeatherUnavailable(f"Visual Crossing: the answer has another shape: {error!r}") from error


class NoProvider:
    """For functions that only read the cache: asking always fails."""

    name = "none"

    def forecast(self, place: Place, now: datetime) -> WeatherDocument:
        """Raises WeatherUnavailable."""
        raise WeatherUnavailable(f"no weather of {place.place_id} is cached at {now:%Y-%m-%d %H:%M} UTC")

    def history(self, place: Place, start: date, end: date, now: datetime) -> WeatherDocument:
        """Raises WeatherUnavailable."""
        raise WeatherUnavailable(f"no weather of {place.place_id} from {start} to {end} at {now:%Y-%m-%d}")


def chosen(name: str, input_bucket: str) -> Provider:
    """The provider that the template's WeatherProvider names.

    Raises InvalidConfiguration when it is unknown or its key is not in Parameter Store.
    """
    if name == OpenMeteo.name:
        return OpenMeteo()
    if name == Recorded.name:
        return Recorded(input_bucket)
    if name == VisualCrossing.name:
        key = parameters.parameter("visual-crossing-api-key")
        if not key:
            raise InvalidConfiguration(
                "parameter visual-crossing-api-key is not set: put it with `aws ssm put-parameter --type "
                "SecureString`, or choose WeatherProvider=open_meteo"
            )
        return VisualCrossing(key)
    raise InvalidConfiguration(f"WeatherProvider {name!r}: use open_meteo, visual_crossing or recorded")
