"""The forecasting part of the demo: a new customer, from the key to a forecast with intervals.

The site is simulated as the fleet is (`simulate`): real typical weather at Greensboro, moved to now. The
recorded weather that forecasting gets is not that truth: its clear-sky index errs by an autoregressive
noise, as a weather model's does, so that forecasts have something to be uncertain about.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from forecasting.layout import MODEL_CARD, TRAINING_HOURLY
from ona.documents.assets import Asset, AssetRegistry
from ona.runtime.words import counted
from ona.sky.irradiance import clear_sky_index
from ona.sky.plane import Plane
from ona.sky.sun import clear_sky
from ona.sky.weather_document import Place, WeatherDocument
from ona.store.layout import WEATHER_RECORDED
from ops import customers
from ops.demo import simulate
from ops.demo.client import call, upload
from ops.target import OpsError, Target

CUSTOMER, SITE_ID = "newcomer", "piedmont"
ASSETS = ("NEW-001", "NEW-002")
CAPACITY_KW = 100.0
"""Nameplate of each of the two inverters."""
HISTORY_DAYS = 120
"""Days of history that the new customer uploads."""
WAIT_S = 1800.0
"""So long the demo waits for one workflow (ours): a training takes half a minute on a free machine, and
many minutes on a busy one. A workflow that hangs ends by its own time-outs."""
AR, NOISE = 0.9, 0.25
"""The error of the clear-sky index: how much of it the next hour has too, its standard deviation (ours)."""
SEED = 20261121


def registry() -> AssetRegistry:
    """The new customer's assets. Nobody says their tilt and azimuth: training fits them."""
    return AssetRegistry(
        assets=[
            Asset(
                id=name,
                name=name,
                capacity_kw=CAPACITY_KW,
                location=simulate.SITE,
                site_id=SITE_ID,
                customer_id=CUSTOMER,
                timezone=simulate.ZONE,
                tariff_usd_per_kwh=simulate.TARIFF,
            )
            for name in ASSETS
        ]
    )


@dataclass(frozen=True)
class World:
    """The weather that the site really has, and what a weather service says of it."""

    truth: pd.DataFrame
    weather: WeatherDocument

    def csv(self, start: datetime, end: datetime, *, gaps: bool = False) -> bytes:
        """Canonical telemetry of a span (start, end]; with gaps as loggers leave them."""
        part = self.truth[(self.truth["timestamp"] > start) & (self.truth["timestamp"] <= end)]
        if gaps:
            rng = np.random.default_rng(SEED)
            keep = np.ones(len(part), dtype=bool)
            for asset in ASSETS:
                rows = np.flatnonzero(part["asset_id"] == asset)
                for hours in (1, 2, 3, 5, 8, 30):
                    first = int(rng.integers(0, len(rows) - hours * 4))
                    keep[rows[first : first + hours * 4]] = False
            silent = pd.Timestamp(start) + pd.Timedelta(days=20)
            keep &= ~part["timestamp"].between(silent, silent + pd.Timedelta(hours=50)).to_numpy()
            part = part[keep]
        text = part.assign(timestamp=part["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return text.to_csv(index=False).encode()


def world(now: datetime, days: int = HISTORY_DAYS) -> World:
    """The site from so many days before now to 8 days after."""
    first = (now - timedelta(days=days + 1)).replace(minute=0, second=0, microsecond=0)
    last = first + timedelta(days=days + 10)
    sky = simulate.weather(first, last)
    frames = []
    for number, asset in enumerate(ASSETS, 1):
        frame = simulate.healthy(sky, 40 + number).assign(asset_id=asset)
        frame["timestamp"] = frame["timestamp"] + pd.Timedelta(
            minutes=15
        )  # readings are named by their end
        frames.append(frame)
    return World(pd.concat(frames, ignore_index=True), _service(first, last, now))


def _service(first: datetime, last: datetime, now: datetime) -> WeatherDocument:
    hours = simulate.typical_hours(first, last)
    index = pd.DatetimeIndex(hours.index).as_unit("us")
    flat = Plane(simulate.SITE.latitude, simulate.SITE.longitude, 0.0, 180.0)
    clear = clear_sky(index, flat, 60.0)["clear_ghi"].to_numpy()
    truth = pd.Series(clear_sky_index(hours["ghi"].to_numpy(dtype=float), clear)).ffill().bfill().to_numpy()
    rng = np.random.default_rng(SEED)
    noise = np.zeros(len(index))
    for n in range(1, len(index)):
        noise[n] = AR * noise[n - 1] + np.sqrt(1 - AR**2) * rng.normal(0.0, NOISE)
    forecast = np.clip(truth + noise * (1.2 - truth), 0.03, 1.1)
    values = {
        "ghi_w_m2": forecast * clear,
        "temperature_c": hours["temp_air"].to_numpy() + rng.normal(0.0, 0.8, len(index)),
        "wind_speed_m_s": np.clip(hours["wind_speed"].to_numpy() + rng.normal(0, 0.5, len(index)), 0, None),
        "humidity_percent": hours["relative_humidity"].to_numpy(),
        "cloud_cover_percent": np.clip(115.0 - 100.0 * forecast, 0.0, 100.0),
    }
    return WeatherDocument(
        place=Place.of(simulate.SITE.latitude, simulate.SITE.longitude),
        provider="recorded",
        kind="forecast",
        fetched_at=now,
        hours=[moment.to_pydatetime() for moment in index],
        values={name: [round(float(v), 2) for v in series] for name, series in values.items()},
    )


def record(target: Target, weather: WeatherDocument) -> None:
    """Put recorded weather where the provider looks for it."""
    s3 = target.client("s3")
    for kind in ("forecast", "history"):
        body = weather.model_copy(update={"kind": kind}).model_dump_json().encode()
        key = WEATHER_RECORDED.build(place_id=weather.place.place_id, kind=kind)
        s3.put_object(Bucket=target.input_bucket, Key=key, Body=body)


@dataclass
class Path:
    """What the new customer saw, step by step, for the report."""

    steps: list[tuple[str, str, float]] = field(default_factory=list)
    forecast: dict[str, Any] = field(default_factory=dict)
    first_day: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    fill: dict[str, Any] = field(default_factory=dict)
    truth: pd.DataFrame = field(default_factory=pd.DataFrame)
    seconds: float = 0.0

    def step(self, name: str, text: str, since: float) -> None:
        """Note a step and how long it took."""
        self.steps.append((name, text, time.monotonic() - since))


def walk(target: Target, told: Callable[[str], None], now: datetime | None = None) -> Path:
    """Key → history → model → nowcast → forecast, over HTTP as a customer would; `told` gets what is waited
    for. Raises OpsError."""
    now = now or datetime.now(UTC)
    path = Path()
    here = world(now)
    record(target, here.weather)
    started = since = time.monotonic()
    key = customers.add_key(target, CUSTOMER, "standard")
    path.step("key made", "tier standard", since)
    history_from = now - timedelta(days=HISTORY_DAYS)
    cut = now - timedelta(hours=12)
    metadata = {
        "site_id": SITE_ID,
        "start_date": f"{history_from:%Y-%m-%dT%H:%M:%SZ}",
        "end_date": f"{cut:%Y-%m-%dT%H:%M:%SZ}",
    }

    since = time.monotonic()
    body = here.csv(history_from, cut, gaps=True)
    promise = call(
        target,
        key,
        "POST",
        "/upload_train",
        {
            "customer_id": CUSTOMER,
            "data_type": "historical",
            "metadata": {**metadata, "size_bytes": len(body)},
        },
    )
    upload(promise, body)
    path.step("history uploaded", f"{len(body) / 1e6:.1f} MB, {HISTORY_DAYS} days, 2 inverters", since)

    told("its history is checked, gaps are filled")
    since = time.monotonic()
    done = _finished(target, "forecast_upload", promise["upload_id"])
    report = done["sites"][0]
    path.fill = _json(target, report["report"])
    filled = ", ".join(
        f"{n} by {name}" for name, n in sorted(path.fill["filled"].items()) if name != "night"
    )
    path.step("checked, gaps filled", f"{counted(report['gaps'], 'gap')}: {filled}", since)

    told("its model is trained")
    since = time.monotonic()
    trained = _trained(target)
    card_key = MODEL_CARD.build(customer_id=CUSTOMER, version=trained["version"])
    path.card = _json(target, {"bucket": target.output_bucket, "key": card_key})
    path.step("model trained", trained["reason"], since)

    told("its last day is uploaded, its forecast renewed")
    since = time.monotonic()
    recent = here.csv(now - timedelta(hours=24), now)
    promise = call(
        target,
        key,
        "POST",
        "/upload_nowcast",
        {
            "customer_id": CUSTOMER,
            "data_type": "nowcast",
            "metadata": {"site_id": SITE_ID, "timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"},
        },
    )
    upload(promise, recent)
    _finished(target, "forecast_upload", promise["upload_id"])
    path.step("nowcast uploaded", f"{len(recent) / 1e3:.0f} kB, forecast renewed", since)

    since = time.monotonic()
    path.forecast = call(
        target, key, "GET", f"/forecast?customer_id={CUSTOMER}&site_id={SITE_ID}&horizon_hours=48"
    )
    hours, model = len(path.forecast["forecasts"]), path.forecast["metadata"]["model_version"]
    path.step("forecast read", f"{counted(hours, 'hour')}, model {model}", since)
    path.truth = here.truth
    path.seconds = time.monotonic() - started
    return path


def _json(target: Target, pointer: dict[str, str]) -> Any:
    return json.loads(
        target.client("s3").get_object(Bucket=pointer["bucket"], Key=pointer["key"])["Body"].read()
    )


def _finished(target: Target, workflow: str, marker: str) -> Any:
    """The output of the execution whose input names a file, once it ended. Raises OpsError."""
    states = target.client("stepfunctions")
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        executions = states.list_executions(stateMachineArn=target.machines[workflow])["executions"]
        for item in executions:
            described = states.describe_execution(executionArn=item["executionArn"])
            if marker in described.get("input", "") and described["status"] != "RUNNING":
                if described["status"] != "SUCCEEDED":
                    raise OpsError(f"{workflow} {described['status']}: {described.get('cause', '')[:300]}")
                return json.loads(described["output"])
        time.sleep(0.2)
    raise OpsError(f"{workflow} did not end within {WAIT_S:g} s")


def _trained(target: Target) -> Any:
    """The output of the training, once its model is in service. Raises OpsError when it is not."""
    output = _finished(target, "forecast_training", TRAINING_HOURLY.prefix(customer_id=CUSTOMER))
    if output["outcome"] != "promoted":
        raise OpsError(f"no model was promoted: {output['reason']}")
    return output
