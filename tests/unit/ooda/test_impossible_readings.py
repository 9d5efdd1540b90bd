"""Readings that no machine of the nameplate gives reach nobody who reads published telemetry, and the
record says how many were set aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.model.features import site_of
from forecasting.model.hourly import measured_share
from ona.documents.base import S3Pointer
from ona.store import parquet
from ona.store.s3 import list_keys, read_json, write_bytes, write_json
from ooda.detect import telemetry_store
from ooda.detect.handler import lambda_handler as detect
from tests.builders.assets import make_registry
from tests.builders.forecasting import site_document
from tests.builders.telemetry import sunny_day, to_csv
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import IN, OUT, create_table

FILE = "observations/2025/06/10/INV-001_20250610.csv"
REGISTRY = make_registry(2)
Change = Callable[[pd.DataFrame], pd.DataFrame]


def every(number: int, value: float) -> Change:
    def changed(day: pd.DataFrame) -> pd.DataFrame:
        return day.assign(power_kw=day["power_kw"].where(np.arange(len(day)) % number > 0, value))

    return changed


SET_ASIDE: dict[str, tuple[Change, int]] = {
    "one of 65 535": (lambda day: day.assign(power_kw=day["power_kw"].where(day.index != 40, 65_535.0)), 1),
    "every fourth 32 767": (every(4, 32_767.0), 24),
    "every second 9 999": (every(2, 9_999.0), 48),
    "six times the nameplate": (every(8, 600.0), 12),
}
"""A day of a machine of 100 kW, and how many of its readings are set aside at least."""


@pytest.fixture
def world(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    create_table("weather", "location_timestamp")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")
    write_json(IN, "assets.json", REGISTRY.model_dump(mode="json", exclude_none=True))


def published(day: pd.DataFrame) -> tuple[dict[str, Any], pd.DataFrame]:
    """What the record says of the asset, and its stored telemetry."""
    write_bytes(IN, FILE, to_csv(day), "text/csv")
    source = {"bucket": IN, "key": FILE, "version_id": ""}
    answer = detect({"source": source, "file_id": "0" * 16, "execution_id": "x"}, Context())
    (asset,) = read_json(S3Pointer(bucket=OUT, key=answer["detection"]["key"]))["assets"]
    keys = [entry["Key"] for entry in list_keys(OUT, "telemetry/")]
    frames = [parquet.read(S3Pointer(bucket=OUT, key=key)) for key in keys]
    return asset, pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("kind", SET_ASIDE)
def test_impossible_readings_are_not_published_as_power(world: None, kind: str) -> None:
    change, least = SET_ASIDE[kind]
    sound = sunny_day()
    asset, stored = published(change(sound.copy()))
    assert asset["set_aside_readings"] >= least
    assert stored["power_kw"].max() <= 100.0
    assert len(stored) == len(sound), "the readings stay, without power"
    assert int(stored["power_kw"].isna().sum()) == asset["set_aside_readings"]
    assert asset["measured_energy_kwh"] <= sound["power_kw"].sum() / 4


HONEST: dict[str, Change] = {
    "as it is": lambda day: day,
    "four times the nameplate": every(8, 400.0),
    "at its ceiling all day": lambda day: day.assign(power_kw=day["power_kw"].clip(upper=60.0)),
    "nothing": lambda day: day.assign(power_kw=0.0),
}


@pytest.mark.parametrize("kind", HONEST)
def test_what_a_machine_can_give_is_published_as_it_came(world: None, kind: str) -> None:
    day = HONEST[kind](sunny_day())
    asset, stored = published(day)
    assert asset["set_aside_readings"] == 0
    assert stored["power_kw"].sum() == pytest.approx(day["power_kw"].sum())


# ------------------------------------------------------------------ telemetry that was stored before


SITE = site_document({"INV-001": 100.0})
WHOLE_DAY_IN_WATTS: Change = lambda day: day.assign(power_kw=day["power_kw"] * 1000.0)  # noqa: E731


@pytest.mark.parametrize("kind", SET_ASIDE)
def test_accuracy_and_the_first_hours_of_a_forecast_count_no_impossible_reading(kind: str) -> None:
    change, _ = SET_ASIDE[kind]
    sound = measured_share(sunny_day(), SITE, site_of(SITE))
    shares = measured_share(change(sunny_day()), SITE, site_of(SITE))
    assert sound is not None
    assert shares is not None
    both = shares.index.intersection(sound.index)
    assert float((shares[both] - sound[both]).abs().max()) < 0.15, "no hour jumps to full power"


def test_a_day_in_watts_is_no_truth_for_a_forecast() -> None:
    """Also its dawn, whose watts would pass for kilowatts."""
    shares = measured_share(WHOLE_DAY_IN_WATTS(sunny_day()), SITE, site_of(SITE))
    assert shares is None or float(shares.max()) == 0.0


def test_a_day_in_watts_beside_a_sound_one_leaves_the_sound_one() -> None:
    later = sunny_day().assign(timestamp=lambda day: day["timestamp"] + pd.Timedelta(days=1))
    both = pd.concat([WHOLE_DAY_IN_WATTS(sunny_day()), later], ignore_index=True)
    shares = measured_share(both, SITE, site_of(SITE))
    alone = measured_share(later, SITE, site_of(SITE))
    assert shares is not None
    assert alone is not None
    bright = alone[alone > 0.05]
    assert (shares[bright.index] - bright).abs().max() < 1e-9


@pytest.mark.parametrize("kind", SET_ASIDE)
def test_a_sensor_is_fitted_on_no_impossible_reading(world: None, kind: str) -> None:
    change, least = SET_ASIDE[kind]
    asset = REGISTRY.assets[0]
    key = f"telemetry/site={asset.site_id}/day=2025-06-10/{asset.id}.parquet"
    parquet.put(OUT, key, change(sunny_day()).assign(expected_kw=np.nan))
    days = telemetry_store.read_days(OUT, asset, ["2025-06-10"])
    assert days["power_kw"].max() <= 100.0
    assert int(days["power_kw"].isna().sum()) >= least
