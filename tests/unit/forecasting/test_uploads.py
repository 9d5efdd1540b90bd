"""What an upload as a whole must be; how a forecast becomes a document, a CSV, a picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.config import forecasting_config
from forecasting.data_ingestion import checks
from forecasting.documents import AccuracyRecord, Conditions, Interval, Point, SiteDocument
from forecasting.forecasting_api import documents, picture, predict
from ona.api import callers
from ona.documents.assets import AssetRegistry
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.readings import Quality
from ooda.detect import context
from ops.openapi import document as whole
from tests.conftest import DAY, ROOT, make_asset, make_registry, sunny_day

REGISTRY = make_registry(2)
NOW = datetime(2025, 6, 10, 6, 0, tzinfo=UTC)


def day() -> pd.DataFrame:
    return pd.concat([sunny_day("INV-001"), sunny_day("INV-002")], ignore_index=True)


def reason(frame: pd.DataFrame, quality: Quality | None = None, registry: AssetRegistry = REGISTRY) -> str:
    with pytest.raises(InvalidTelemetry) as caught:
        checks.check(frame, quality or Quality(rows_read=len(frame)), registry, "file.csv")
    told = caught.value.as_dict()
    assert told["message"]
    assert told["remedy"]
    return told["reason"]


def test_a_good_file_passes_whole() -> None:
    frame = day()
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
    assert checks.addressed(key) == expected


@pytest.mark.parametrize(
    "key", ["historical/x.csv", "historical/../a/x.csv", "nowcast/x.csv", "other/a/b.csv"]
)
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidTelemetry) as caught:
        checks.addressed(key)
    assert caught.value.reason == "wrong_place"


def test_units_duplicates_nights_and_idle_sites_are_refused_with_a_remedy() -> None:
    frame = day()
    assert reason(frame.assign(power_kw=frame["power_kw"] * 1000)) == "power_above_capacity"
    two = pd.concat([frame, sunny_day("INV-001", NOW.replace(hour=0) + timedelta(days=1))])
    mixed = two.assign(
        power_kw=two["power_kw"].where(two["timestamp"].dt.day == 10, two["power_kw"] / 1000)
    )
    assert reason(mixed) == "mixed_units"
    night = frame[frame["timestamp"].dt.hour.isin([20, 21, 22])]
    assert reason(night) == "no_daylight"
    assert reason(frame.assign(power_kw=0.0)) == "no_generation"
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
def test_two_units_are_told_from_snow_and_calm(peaks: list[float], mixed: bool) -> None:
    assert bool(checks.unit_step(np.array(peaks))) == mixed


def test_single_impossible_rows_are_dropped_and_counted() -> None:
    frame = pd.concat([day()] * 1, ignore_index=True)
    frame.loc[40, "power_kw"] = 900.0
    quality = Quality(rows_read=len(frame))
    kept = checks.check(frame, quality, REGISTRY, "f")
    assert len(kept) == len(frame) - 1
    assert quality.rejected["power_above_capacity"] == 1


def test_sites_need_a_place_and_the_right_customer() -> None:
    frame = day()
    with pytest.raises(InvalidTelemetry, match="foreign_asset"):
        checks.sites(frame, REGISTRY, "somebody", "f")
    nowhere = AssetRegistry(
        assets=[make_asset("INV-001", location=None), make_asset("INV-002", location=None)]
    )
    with pytest.raises(InvalidTelemetry, match="no_location"):
        checks.sites(frame, nowhere, "default", "f")
    odd = AssetRegistry(assets=[make_asset("INV-001", customer_id="a/b"), make_asset("INV-002")])
    with pytest.raises(InvalidTelemetry, match="wrong_name"):
        checks.sites(frame, odd, None, "f")
    found = checks.sites(frame.head(10), REGISTRY, "default", "f")
    assert {name: len(group) for name, group in found.items()} == {("default", "site"): 2}, "whole sites"


def test_a_site_is_the_mean_of_its_machines() -> None:
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


# ------------------------------------------------------------------ documents


@pytest.mark.parametrize("hour", [1, 6, 7, 8, 12, 23])
def test_mixed_units_are_seen_whatever_the_hour_at_which_the_file_ends(hour: int) -> None:
    days = [sunny_day("INV-001", DAY + timedelta(days=n), seed=n) for n in range(6)]
    frame = pd.concat(days, ignore_index=True)
    frame = frame[frame["timestamp"] <= pd.Timestamp(DAY) + pd.Timedelta(days=5, hours=hour)]
    later = frame["timestamp"] >= pd.Timestamp(DAY) + pd.Timedelta(days=3)
    mixed = frame.assign(power_kw=frame["power_kw"].where(~later, frame["power_kw"] / 1000.0))
    assert reason(mixed.reset_index(drop=True)) == "mixed_units"


SITE = SiteDocument(
    customer_id="c", site_id="s", latitude=-26.2, longitude=28.0, kind="solar", capacity_kw=400.0,
    assets={"A": 100.0, "B": 300.0},
)  # fmt: skip


def points(hours: int = 48) -> list[Point]:
    out = []
    for n in range(1, hours + 1):
        power = 200.0 * max(0.0, np.sin((n % 24 - 6) / 12 * np.pi))
        bounds = Interval(
            lower_80=power * 0.8, upper_80=power * 1.2, lower_95=power * 0.5, upper_95=power * 1.4
        )
        when = NOW + timedelta(hours=n)
        out.append(
            Point(
                timestamp=when, predicted_power_kw=power, confidence_interval=bounds,
                weather_conditions=Conditions(temperature_c=20.0, irradiance_w_m2=None),
            )
        )  # fmt: skip
    return out


def stored(site_id: str = "s", capacity: float = 400.0) -> dict[str, object]:
    return {
        "forecast_id": f"fc-{site_id}",
        "customer_id": "c",
        "site_id": site_id,
        "generated_at": "2025-06-10T06:00:00Z",
        "horizon_hours": 48,
        "capacity_kw": capacity,
        "forecasts": [p.model_dump(mode="json") for p in points()],
        "metadata": {
            "interval_minutes": 60, "training_data_points": 10, "model_accuracy": 0.9,
            "weather_age_minutes": 5, "degraded": [], "notes": [],
        },
    }  # fmt: skip


def test_a_stored_forecast_is_cut_to_what_is_asked_and_to_what_is_still_to_come() -> None:
    later = NOW + timedelta(hours=5, minutes=20)
    got = documents.cut(stored(), later, 24)
    assert len(got["forecasts"]) == 24
    assert got["forecasts"][0]["timestamp"] == "2025-06-10T12:00:00Z"
    assert got["summary"]["total_predicted_energy_kwh"] == pytest.approx(
        sum(p["predicted_power_kw"] for p in got["forecasts"]), abs=0.01
    )
    assert got["summary"]["capacity_factor"] <= 1


@pytest.mark.parametrize("second", [0, 1, 59, 60, 1800, 3599])
def test_whatever_the_minute_a_forecast_has_all_its_hours(second: int) -> None:
    """What `predict` makes at a moment begins with the next full hour."""
    now = datetime(2025, 6, 10, 6, tzinfo=UTC) + timedelta(seconds=second)
    document = predict.predict(SITE, None, None, None, now, 170, 6)
    made = stored()
    made["forecasts"] = [
        {**points()[0].model_dump(mode="json"), "timestamp": iso(hour.to_pydatetime())}
        for hour in document.hours
    ]
    for age in (0, 1800, 75 * 60):
        asked = now + timedelta(seconds=age)
        got = [p["timestamp"] for p in documents.cut(made, asked, 168)["forecasts"]]
        assert len(got) == 168
        assert iso(asked) < got[0] <= iso(asked + timedelta(hours=2))


def test_the_sum_of_sites_adds_and_says_so() -> None:
    one, two = stored("s"), stored("t", 100.0)
    two["metadata"] = {**two["metadata"], "degraded": ["no_model"], "model_accuracy": 0.7}  # type: ignore[dict-item]
    two["forecasts"] = two["forecasts"][2:]  # type: ignore[index]
    whole = documents.total([one, two], "c", "fc-all")
    assert len(whole["forecasts"]) == 46, "hours that all sites have"
    first = whole["forecasts"][4]
    assert first["predicted_power_kw"] == pytest.approx(2 * points()[6].predicted_power_kw, abs=0.01)
    assert whole["capacity_kw"] == 500
    assert whole["metadata"]["degraded"] == ["no_model"]
    assert whole["metadata"]["model_accuracy"] == 0.7
    assert "as if all erred together" in whole["metadata"]["notes"][-1]


def test_detection_reads_the_csv_that_forecasting_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    files = documents.csv_by_day(points(30), SITE)
    assert {name for name, _ in files} == {"A", "B"}
    objects = {
        f"forecasts/{day_}/{asset}_forecast_20250610T06.csv": body for (asset, day_), body in files.items()
    }
    monkeypatch.setattr(
        context,
        "list_keys",
        lambda bucket, prefix: [{"Key": k} for k in sorted(objects) if k.startswith(prefix)],
    )
    monkeypatch.setattr(context, "read_bytes", lambda pointer: objects[pointer.key])
    read = context._forecasts({"B"}, ["2025-06-10", "2025-06-11"], "bucket")["B"]
    assert len(read) == 30
    assert read[pd.Timestamp("2025-06-10T12:00:00Z")] == pytest.approx(
        0.75 * points()[5].predicted_power_kw, abs=0.01
    )


def test_a_reading_that_came_twice_counts_once_for_detection() -> None:
    frame = day().assign(expected_kw=5.0)
    again = day().assign(power_kw=1.0)
    kept = context._once(pd.concat([again, frame], ignore_index=True))
    assert len(kept) == len(frame)
    assert (kept["expected_kw"] == 5.0).all()


def test_the_picture_is_whole_svg() -> None:
    record = AccuracyRecord(
        customer_id="c", site_id="<s>", day="2025-06-10", forecast_id="f", issued_at=NOW, model_version="v",
        hours=10, accuracy_percent=91.2, mae_kw=3.0, bias_kw=1.0, coverage_80_percent=80.0,
        coverage_95_percent=95.0,
    )  # fmt: skip
    drawn = picture.day(points(24), {NOW + timedelta(hours=3): 50.0}, record)
    root = ET.fromstring(drawn)
    assert root.tag.endswith("svg")
    assert b"accuracy 91.2 %" in drawn
    assert b"&lt;s&gt;" in drawn


def test_quarter_hours_keep_each_hours_mean() -> None:
    index = pd.date_range("2025-06-10T07:00Z", periods=30, freq="h", unit="us")
    from ona.sky import sun

    site = predict.site_of(SITE, None)
    clear = sun.clear_sky(index, site.plane, 60.0)["clear_poa"].to_numpy() / 1000
    median = 0.5 * clear
    bounds = {80: (median * 0.8, median * 1.2), 95: (median * 0.5, median * 1.5)}
    hourly = predict.Prediction(index, median, bounds, pd.DataFrame(index=index), site, [], None)
    fine = predict.quarter_hours(hourly)
    assert len(fine.hours) == 120
    back = pd.Series(fine.median, index=fine.hours).resample("1h", closed="right", label="right").mean()
    assert back.to_numpy() == pytest.approx(median, abs=0.003)
    assert (fine.bounds[95][0] <= fine.median).all()


@pytest.mark.parametrize("kind", ["solar", "wind"])
def test_without_model_and_weather_there_is_still_a_forecast(kind: str) -> None:
    document = SITE.model_copy(update={"kind": kind})
    got = predict.predict(document, None, None, None, NOW, 48, 6)
    assert got.degraded == ["no_weather"]
    assert len(got.median) == 48
    assert ((got.bounds[95][0] <= got.median) & (got.median <= got.bounds[95][1])).all()
    index = pd.date_range("2025-06-08", periods=24 * 6, freq="h", tz="UTC", unit="us")
    sky = pd.DataFrame({"ghi_w_m2": 300.0, "wind_speed_m_s": 9.0, "temperature_c": 20.0}, index=index)
    got = predict.predict(document, None, sky, None, NOW, 48, 6)
    assert got.degraded == ["no_model"]
    assert got.median.max() > 0.1
    short = predict.predict(document, None, sky.head(60), None, NOW, 48, 6)
    assert "weather_ends_early" in short.degraded
    assert np.isfinite(short.median).all()


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
