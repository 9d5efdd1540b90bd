"""What an upload as a whole must be; the API's document and its callers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.config import forecasting_config
from forecasting.data_ingestion import checks, ownership
from forecasting.documents import SiteDocument
from ona.api import callers
from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.readings import Quality
from ops.openapi import document as whole
from tests.builders.assets import make_asset, make_registry
from tests.builders.forecasting import two_assets_day
from tests.builders.telemetry import DAY, sunny_day
from tests.paths import ROOT

REGISTRY = make_registry(2)
NOW = datetime(2025, 6, 10, 6, 0, tzinfo=UTC)


def reason(frame: pd.DataFrame, quality: Quality | None = None, registry: AssetRegistry = REGISTRY) -> str:
    with pytest.raises(InvalidTelemetry) as caught:
        checks.check(frame, quality or Quality(rows_read=len(frame)), registry, "file.csv")
    refusal = caught.value.as_dict()
    assert refusal["message"]
    assert refusal["remedy"]
    return refusal["reason"]


def test_a_good_file_passes_whole() -> None:
    frame = two_assets_day()
    quality = Quality(rows_read=len(frame))
    assert len(checks.check(frame, quality, REGISTRY, "f")) == len(frame)
    assert quality.rejected == {"power_above_capacity": 0} or not quality.rejected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("historical/customer-001/2024_q1.csv", ("historical", "customer-001")),
        ("historical/c/site/upload.CSV", ("historical", "c")),
        ("nowcast/2025/06/10/INV-001_nowcast.csv", ("nowcast", None)),
        ("nowcast/2025/06/10/customer-001/x_nowcast.csv", ("nowcast", "customer-001")),
    ],
)
def test_keys_say_whose_and_what(key: str, expected: tuple[str, str | None]) -> None:
    assert ownership.addressed(key) == expected


@pytest.mark.parametrize(
    "key", ["historical/x.csv", "historical/../a/x.csv", "nowcast/x.csv", "other/a/b.csv"]
)
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidTelemetry) as caught:
        ownership.addressed(key)
    assert caught.value.reason == "wrong_place"


def test_units_duplicates_nights_and_idle_sites_are_refused_with_a_remedy() -> None:
    frame = two_assets_day()
    assert reason(frame.assign(power_kw=frame["power_kw"] * 1000)) == "power_above_capacity"
    two = pd.concat([frame, sunny_day("INV-001", NOW.replace(hour=0) + timedelta(days=1))])
    mixed = two.assign(
        power_kw=two["power_kw"].where(two["timestamp"].dt.day == 10, two["power_kw"] / 1000)
    )
    assert reason(mixed) == "mixed_units"
    night = frame[frame["timestamp"].dt.hour.isin([20, 21, 22])]
    assert reason(night) == "no_daylight"
    assert reason(frame.assign(power_kw=0.0)) == "no_generation"
    wired_wrong = Quality(rows_read=100, rejected={"negative_power": 40})  # its daylight was left out
    assert reason(night, wired_wrong) == "negative_power"
    assert reason(frame.head(2)) == "too_few_readings"
    busy = Quality(rows_read=100, rejected={"conflicting_duplicate": 40})
    assert reason(frame, busy) == "duplicated_timestamps"


def test_a_cloudy_week_is_not_a_unit_error() -> None:
    days = [
        sunny_day("INV-001", NOW.replace(hour=0) + timedelta(days=n), gain=gain)
        for n, gain in enumerate([0.9, 0.5, 0.1, 0.02, 0.05, 0.3])
    ]
    frame = pd.concat(days, ignore_index=True)
    assert len(checks.check(frame, Quality(rows_read=len(frame)), REGISTRY, "f")) == len(frame)


def days_of(asset_id: str, gains: list[float]) -> pd.DataFrame:
    start = NOW.replace(hour=0)
    return pd.concat(
        [sunny_day(asset_id, start + timedelta(days=n), gain=gain) for n, gain in enumerate(gains)],
        ignore_index=True,
    )


def test_a_file_in_megawatts_is_refused_and_a_machine_that_stands_is_not() -> None:
    week = [0.9, 0.5, 0.8, 0.7, 0.9, 0.3, 0.6]
    frame = days_of("INV-001", week)
    assert reason(frame.assign(power_kw=frame["power_kw"] / 1000)) == "power_far_below_capacity"
    stands = days_of("INV-002", [0.0004] * 7)  # its meter trembles; the one beside it runs
    both = pd.concat([frame, stands], ignore_index=True)
    assert len(checks.check(both, Quality(rows_read=len(both)), REGISTRY, "f")) == len(both)
    snow = days_of("INV-001", [0.0006, 0.0, 0.0, 0.0, 0.001, 0.0, 0.0])  # two days with power tell nothing
    assert len(checks.check(snow, Quality(rows_read=len(snow)), REGISTRY, "f")) == len(snow)
    weak = days_of("INV-001", [0.02, 0.01, 0.015, 0.01, 0.02, 0.01, 0.01])  # most strings are out
    assert len(checks.check(weak, Quality(rows_read=len(weak)), REGISTRY, "f")) == len(weak)


@pytest.mark.parametrize(
    ("peaks", "mixed"),
    [
        ([0.9, 0.8, 0.0009, 0.0008], True),
        ([900.0, 0.9, 0.8, 850.0], True),
        ([0.9, 0.85, 0.8, 0.9, 0.7, 0.0008], False),  # one day under snow
        ([0.9, 0.5, 0.1, 0.02, 0.004, 0.0006], False),  # a calm week of a turbine
        ([0.9], False),
        ([0.9, 0.004, 0.9, 0.005], False),  # far apart, but no unit
    ],
)
def test_mixed_units_are_not_taken_for_snow_or_calm(peaks: list[float], mixed: bool) -> None:
    assert bool(checks.unit_step(np.array(peaks))) == mixed


def test_single_impossible_rows_are_dropped_and_counted() -> None:
    frame = pd.concat([two_assets_day()] * 1, ignore_index=True)
    frame.loc[40, "power_kw"] = 900.0
    quality = Quality(rows_read=len(frame))
    possible = checks.check(frame, quality, REGISTRY, "f")
    assert len(possible) == len(frame) - 1
    assert quality.rejected["power_above_capacity"] == 1


def test_sites_need_a_place_and_the_right_customer() -> None:
    frame = two_assets_day()
    with pytest.raises(InvalidTelemetry, match="foreign_asset"):
        ownership.sites(frame, REGISTRY, "somebody", "f")
    nowhere = AssetRegistry(
        assets=[make_asset("INV-001", location=None), make_asset("INV-002", location=None)]
    )
    with pytest.raises(InvalidTelemetry, match="no_location"):
        ownership.sites(frame, nowhere, "default", "f")
    odd = AssetRegistry(assets=[make_asset("INV-001", customer_id="a/b"), make_asset("INV-002")])
    with pytest.raises(InvalidTelemetry, match="wrong_name"):
        ownership.sites(frame, odd, None, "f")
    by_site = ownership.sites(frame.head(10), REGISTRY, "default", "f")
    assert {name: len(group) for name, group in by_site.items()} == {("default", "site"): 2}, "whole sites"


def test_a_site_with_sun_and_wind_is_refused_and_two_sites_side_by_side_are_not() -> None:
    """One forecast of both would follow the sun alone, and be 0 kW in a stormy night."""
    frame = two_assets_day()
    both = [make_asset("INV-001"), make_asset("INV-002", type="Wind Turbine")]
    with pytest.raises(InvalidTelemetry, match=r"mixed_site.*INV-002.*INV-001.*site-wind"):
        ownership.sites(frame, AssetRegistry(assets=both), "default", "f")
    apart = [both[0], both[1].model_copy(update={"site_id": "site-wind"})]
    by_site = ownership.sites(frame, AssetRegistry(assets=apart), "default", "f")
    assert set(by_site) == {("default", "site"), ("default", "site-wind")}
    stored = [both[0], make_asset("INV-002", type="Battery Storage")]
    assert ownership.sites(frame, AssetRegistry(assets=stored), "default", "f"), (
        "a battery is no third kind"
    )


def test_a_site_lies_at_the_mean_of_its_assets() -> None:
    assets = [
        make_asset("A", capacity_kw=100.0, location={"latitude": 10, "longitude": 20}),
        make_asset(
            "B", capacity_kw=300.0, location={"latitude": 14, "longitude": 20}, tilt=20, azimuth=180
        ),
    ]
    site = SiteDocument.of("c", "s", assets)
    assert site is not None
    assert (site.latitude, site.capacity_kw, site.tilt) == (13.0, 400.0, 20.0)
    assert SiteDocument.of("c", "s", [make_asset("A", location=None)]) is None


@pytest.mark.parametrize("hour", [1, 6, 7, 8, 12, 23])
def test_mixed_units_are_detected_in_a_file_that_ends_at_any_hour(hour: int) -> None:
    days = [sunny_day("INV-001", DAY + timedelta(days=n), seed=n) for n in range(6)]
    frame = pd.concat(days, ignore_index=True)
    frame = frame[frame["timestamp"] <= pd.Timestamp(DAY) + pd.Timedelta(days=5, hours=hour)]
    later = frame["timestamp"] >= pd.Timestamp(DAY) + pd.Timedelta(days=3)
    mixed = frame.assign(power_kw=frame["power_kw"].where(~later, frame["power_kw"] / 1000.0))
    assert reason(mixed.reset_index(drop=True)) == "mixed_units"


# ------------------------------------------------------------------ the API's document and its callers


def test_the_committed_openapi_document_is_the_one_the_code_makes() -> None:
    assert json.loads(Path(ROOT / "docs" / "openapi.json").read_text()) == whole(), "run `make openapi`"


def test_the_route_and_the_configuration_agree_on_the_horizon() -> None:
    rules = forecasting_config().forecast
    parameters = {p["name"]: p["schema"] for p in whole()["paths"]["/forecast"]["get"]["parameters"]}
    assert parameters["horizon_hours"]["default"] == rules.default_horizon_hours
    assert parameters["horizon_hours"]["maximum"] == rules.max_horizon_hours


def test_a_session_of_a_role_counts_as_the_role() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/fleet-reader/session-7"
    role = "arn:aws:iam::123456789012:role/fleet-reader"
    assert callers.principal_id(session) == callers.principal_id(role)
    assert callers.key_id("a") != callers.key_id("b")
    assert "secret" not in callers.key_id("secret")
