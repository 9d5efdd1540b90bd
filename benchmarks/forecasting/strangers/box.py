"""The platform as a black box: stored documents go in, forecasts come out.

Histories, telemetry and weather are stored as the functions store them. Nothing is called but what a timer
or a state machine calls: `global_training_service.handler.run`, `forecasting_api.generate.generate` (which
is `make` and the storing of it) and `forecasting_api.tasks.measure`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers.cloud import Cloud

ISSUED = timedelta(hours=6, minutes=10)
"""So long before a UTC day its forecast is issued: `accuracy` takes those of 6 h and more."""
OLD_DAYS = 45
"""Days of telemetry of the history that lie in the store as well: Fill leaves all of them there."""
OTHERS = "others' model"
"""Stands for the version where a model serves a site that it was not trained on."""
COLUMNS = ("median", "low80", "high80", "low95", "high95")


class Place(Protocol):
    """What the platform is told of a site: see `sites.Site`."""

    name: str
    latitude: float
    longitude: float
    readings: pd.DataFrame
    share: pd.Series
    archived: pd.DataFrame

    def document(self, customer_id: str) -> dict[str, object]: ...  # noqa: D102

    def forecast_of_weather(self, now: pd.Timestamp) -> pd.DataFrame: ...  # noqa: D102


@dataclass
class Served:
    """What the platform forecast for a site: shares of capacity by hour's end, and what it said of it."""

    table: pd.DataFrame
    """Columns: `COLUMNS`, `version`, `degraded`."""
    seconds: float = 0.0
    """CPU seconds of all forecasts and daily measures."""


@dataclass
class Trained:
    """What became of a training."""

    status: str
    reason: str
    seconds: float
    served_version: str = ""


@dataclass
class Customer:
    """One customer of a platform of its own, with all of its sites."""

    name: str
    cloud: Cloud = field(default_factory=Cloud)
    upto: dict[str, pd.Timestamp] = field(default_factory=dict)

    def register(self, place: Place) -> None:
        """The site's document, as Ingest would have derived it from `assets.json`."""
        self.cloud.put_json("output", f"sites/{self.name}/{place.name}.json", place.document(self.name))

    def upload(self, place: Place, until: datetime, days: int) -> str:
        """Some days of history up to a moment, as Fill leaves them; returns the training table's key."""
        from ona.runtime.identity import digest
        from ona.store import parquet

        share = _between(place.share, until - timedelta(days=days), until)
        table = known_to_the_platform(place.archived).reindex(share.index)
        hours = table.assign(share=share.clip(0.0, 1.0), filled_share=share.clip(0.0, 1.0))
        hours.insert(0, "timestamp", share.index)
        hours["measured"] = share.notna().astype(float)
        key = f"training/{self.name}/{place.name}/hourly/{digest(place.name, str(days), length=16)}.parquet"
        self.cloud.put("input", key, parquet.dump(hours))
        first = max(until - timedelta(days=days), until - timedelta(days=OLD_DAYS))
        self._telemetry(place, pd.Timestamp(first), pd.Timestamp(until))
        return key

    def train(self, key: str, started: datetime) -> Trained:
        """What `forecast_training` does with a new table."""
        from forecasting.global_training_service.handler import run

        begun = time.process_time()
        source = {"bucket": "input", "key": key}
        plan = run(
            {"task": "prepare", "source": source, "started": started.isoformat(), "execution_id": key},
            "output",
        )
        if plan["status"] != "ready":
            return Trained(plan["status"], plan.get("reason", ""), time.process_time() - begun)
        names = {"customer_id": self.name, "version": plan["version"]}
        for fold in plan["folds"]:
            run({"task": "fold", "fold": fold, **names}, "output")
        run({"task": "train", **names}, "output")
        answer = run({"task": "decide", **names}, "output")
        spent = time.process_time() - begun
        return Trained(answer["decision"], answer["reason"], spent, answer.get("in_service", ""))

    def day(self, place: Place, start: datetime) -> tuple[pd.DataFrame, float]:
        """The forecast of a UTC day, issued the evening before; the last whole day is measured first."""
        from forecasting.documents import SiteDocument
        from forecasting.forecasting_api import generate, tasks
        from forecasting.payloads import AccuracyRequest

        now = start - ISSUED
        self._telemetry(
            place, self.upto.get(place.name, pd.Timestamp(now - timedelta(days=1))), pd.Timestamp(now)
        )
        self._weather(place, now)
        begun = time.process_time()
        site = SiteDocument.model_validate(place.document(self.name))
        document, _ = generate.generate(site, now)
        yesterday = (now - timedelta(days=1)).date().isoformat()
        key = f"sites/{self.name}/{place.name}.json"
        tasks.measure(AccuracyRequest(task="accuracy", site_key=key, day=yesterday), "output")
        spent = time.process_time() - begun
        table = _points(document.document(), start)
        version = str(document.metadata.model_version)
        return table.assign(version=version if self.knows(version, place.name) else OTHERS), spent

    def knows(self, version: str, site: str) -> bool:
        """Whether a model was trained on a site, by its card; what is no model knows every site."""
        key = ("output", f"models/{self.name}/{version}/card.json")
        stored = self.cloud.objects.get(key)
        return stored is None or any(
            each["site"]["site_id"] == site for each in json.loads(stored[0])["sites"]
        )

    def _telemetry(self, place: Place, after: pd.Timestamp, until: pd.Timestamp) -> None:
        """Readings in (after, until], one object a UTC day, as Fill stores them."""
        from ona.store import parquet

        part = place.readings[(place.readings.index > after) & (place.readings.index <= until)]
        long = part.rename(columns=lambda name: f"{place.name}-{name}").stack()
        self.upto[place.name] = until
        if long.empty:
            return
        frame = long.rename("power_kw").rename_axis(["timestamp", "asset_id"]).reset_index()
        for day, rows in frame.groupby(frame["timestamp"].dt.date):
            key = f"telemetry/site={place.name}/day={day:%Y-%m-%d}/_upload-{until:%Y%m%d%H%M}.parquet"
            self.cloud.put("output", key, parquet.dump(rows))

    def _weather(self, place: Place, now: datetime) -> None:
        """The newest weather forecast, as weatherCache keeps it."""
        from ona.sky.weather_document import Place as Cell
        from ona.sky.weather_document import WeatherDocument

        asked = now.replace(minute=0)
        frame = known_to_the_platform(place.forecast_of_weather(pd.Timestamp(asked)))
        if frame.empty:
            return
        values = {name: _listed(frame[name]) for name in frame}
        cell = Cell.of(place.latitude, place.longitude)
        document = WeatherDocument(
            place=cell, provider="open_meteo", kind="forecast", fetched_at=asked,
            hours=list(frame.index.to_pydatetime()), values=values,
        )  # fmt: skip
        key = f"weather/cache/{cell.place_id}_{asked:%Y%m%dT%H}.json"
        self.cloud.put("input", key, document.model_dump_json().encode())
        name = f"{cell.place_id}#{asked:%Y-%m-%dT%H}"
        item = {"location_timestamp": {"S": name}, "key": {"S": key}, "provider": {"S": "open_meteo"}}
        self.cloud.put_item("weather", item)


def ask(customer: Customer, place: Place, first: datetime, days: int) -> Served:
    """The platform's forecast of each of some days, each issued the evening before."""
    parts, seconds = [], 0.0
    for number in range(days):
        table, spent = customer.day(place, first + timedelta(days=number))
        parts.append(table)
        seconds += spent
    return Served(pd.concat(parts), seconds)


def _points(document: Mapping[str, Any], start: datetime) -> pd.DataFrame:
    """The points of the UTC day from `start`, as shares of capacity."""
    capacity = float(document["capacity_kw"])
    rows, index = [], []
    for point in document["forecasts"]:
        when = datetime.fromisoformat(point["timestamp"]).astimezone(UTC)
        if not start < when <= start + timedelta(days=1):
            continue
        bounds = point["confidence_interval"]
        kilowatts = [point["predicted_power_kw"]]
        kilowatts += [bounds[f"{side}_{level}"] for level in (80, 95) for side in ("lower", "upper")]
        rows.append([value / capacity for value in kilowatts])
        index.append(when)
    table = pd.DataFrame(rows, columns=list(COLUMNS), index=pd.DatetimeIndex(index).as_unit("us"))
    said = document["metadata"]
    return table.assign(version=said["model_version"], degraded=" ".join(said["degraded"]))


def _between(frame: Any, after: datetime, until: datetime) -> Any:
    return frame[(frame.index > pd.Timestamp(after)) & (frame.index <= pd.Timestamp(until))]


def known_to_the_platform(weather: pd.DataFrame) -> pd.DataFrame:
    """The variables that a weather document of this version may have."""
    from ona.sky.weather_document import VARIABLES

    return weather[[name for name in weather if name in VARIABLES]]


def _listed(values: pd.Series) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values.to_numpy(dtype=float)]
