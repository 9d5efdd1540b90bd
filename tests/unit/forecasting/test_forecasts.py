"""How a forecast becomes a document, a CSV, a picture; and what is forecast when something is missing."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting.accuracy_documents import AccuracyRecord
from forecasting.documents import Conditions, Interval, Point
from forecasting.forecasting_api import answers, picture, predict
from forecasting.forecasting_api.detection_csv import csv_by_day
from forecasting.forecasting_api.predict import Inputs
from ona.runtime.clock import iso
from ona.store.layout import FORECAST_CSV
from ooda.detect import foretold, telemetry_store
from tests.builders.forecasting import site_document, two_assets_day

NOW = datetime(2025, 6, 10, 6, 0, tzinfo=UTC)


SITE = site_document({"A": 100.0, "B": 300.0})


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
                timestamp=when,
                predicted_power_kw=power,
                confidence_interval=bounds,
                weather_conditions=Conditions(temperature_c=20.0, irradiance_w_m2=None),
            )
        )
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
            "interval_minutes": 60,
            "model_version": "v1",
            "training_data_points": 10,
            "model_accuracy": 0.9,
            "weather_age_minutes": 5,
            "degraded": [],
            "notes": [],
        },
    }


def test_a_stored_forecast_is_cut_to_what_is_asked_and_to_what_is_still_to_come() -> None:
    later = NOW + timedelta(hours=5, minutes=20)
    got = answers.cut(stored(), later, 24)
    assert len(got["forecasts"]) == 24
    assert got["forecasts"][0]["timestamp"] == "2025-06-10T12:00:00Z"
    assert got["summary"]["total_predicted_energy_kwh"] == pytest.approx(
        sum(p["predicted_power_kw"] for p in got["forecasts"]), abs=0.01
    )
    assert got["summary"]["capacity_factor"] <= 1


@pytest.mark.parametrize("second", [0, 1, 59, 60, 1800, 3599])
def test_a_forecast_asked_for_at_any_minute_has_all_its_hours(second: int) -> None:
    """What `predict` makes at a moment begins with the next full hour."""
    now = datetime(2025, 6, 10, 6, tzinfo=UTC) + timedelta(seconds=second)
    document = predict.predict(SITE, Inputs(), now, 170, 6)
    made = stored()
    made["forecasts"] = [
        {**points()[0].model_dump(mode="json"), "timestamp": iso(hour.to_pydatetime())}
        for hour in document.hours
    ]
    for age in (0, 1800, 75 * 60):
        asked = now + timedelta(seconds=age)
        got = [p["timestamp"] for p in answers.cut(made, asked, 168)["forecasts"]]
        assert len(got) == 168
        assert iso(asked) < got[0] <= iso(asked + timedelta(hours=2))


def test_the_sum_of_sites_adds_power_and_without_places_bounds_and_notes_it() -> None:
    one, two = stored("s"), stored("t", 100.0)
    two["metadata"] = {**two["metadata"], "degraded": ["no_model"], "model_accuracy": 0.7}  # type: ignore[dict-item]
    two["forecasts"] = two["forecasts"][2:]  # type: ignore[index]
    total = answers.Total("c")
    for document in (one, two):
        total.add(document)
    whole = total.document()
    assert len(whole["forecasts"]) == 46, "hours that all sites have"
    first = whole["forecasts"][4]
    assert first["predicted_power_kw"] == pytest.approx(2 * points()[6].predicted_power_kw, abs=0.01)
    assert whole["capacity_kw"] == 500
    assert whole["metadata"]["degraded"] == ["no_model"]
    assert whole["metadata"]["model_accuracy"] == 0.7
    bounds = first["confidence_interval"]
    assert bounds["upper_80"] == pytest.approx(2 * points()[6].confidence_interval.upper_80, abs=0.01)
    assert "as if all erred together" in whole["metadata"]["notes"][-1]


def test_a_sum_of_places_far_apart_is_narrower_than_of_neighbours() -> None:
    """Distractor: the same two forecasts, at one place and half a world apart."""
    width = {}
    for name, place in (("near", (-29.0, 24.0)), ("far", (52.0, 13.0))):
        total = answers.Total("c", {"s": (-29.0, 24.0), "t": place})
        total.add({**stored("s"), "site_id": "s"})
        total.add({**stored("t"), "site_id": "t"})
        point = total.document()["forecasts"][6]
        bounds = point["confidence_interval"]
        assert bounds["lower_95"] <= bounds["lower_80"] <= point["predicted_power_kw"] <= bounds["upper_80"]
        width[name] = bounds["upper_80"] - bounds["lower_80"]
        assert "narrower than their sum" in total.document()["metadata"]["notes"][-1]
    one = points()[6].confidence_interval
    assert width["near"] == pytest.approx(2 * (one.upper_80 - one.lower_80), abs=0.01)
    assert width["far"] == pytest.approx(width["near"] / 2**0.5, rel=0.05)


def test_detection_reads_the_csv_that_forecasting_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    files = csv_by_day(points(30), SITE)
    assert {name for name, _ in files} == {"A", "B"}
    objects = {
        FORECAST_CSV.build(day=day_, asset_id=asset, made=NOW): body
        for (asset, day_), body in files.items()
    }
    monkeypatch.setattr(
        foretold,
        "list_keys",
        lambda bucket, prefix: [{"Key": k} for k in sorted(objects) if k.startswith(prefix)],
    )
    monkeypatch.setattr(foretold, "read_bytes", lambda pointer: objects[pointer.key])
    read = foretold.forecasts({"B"}, ["2025-06-10", "2025-06-11"], "bucket")["B"]
    assert len(read) == 30
    assert read[pd.Timestamp("2025-06-10T12:00:00Z")] == pytest.approx(
        0.75 * points()[5].predicted_power_kw, abs=0.01
    )


@pytest.mark.parametrize("others", [0, 1, 1200])
def test_assets_whose_names_begin_alike_have_their_own_forecasts(
    monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """However many forecasts lie there, few of which are of these assets."""
    folder, text = "forecasts/2025/06/10/", "timestamp,predicted_power_kw\n2025-06-10T12:00:00Z,{}\n"
    objects = {
        f"{folder}P-1_forecast_20250610T06.csv": text.format(1),
        f"{folder}P-10_forecast_20250610T06.csv": text.format(10),
    } | {f"{folder}P-11_{n:04d}_forecast_20250610T06.csv": text.format(11) for n in range(others)}
    asked = []

    def listed(bucket: str, prefix: str) -> list[dict[str, str]]:
        asked.append(prefix)
        return [{"Key": key} for key in sorted(objects) if key.startswith(prefix)]

    monkeypatch.setattr(foretold, "list_keys", listed)
    monkeypatch.setattr(foretold, "read_bytes", lambda pointer: objects[pointer.key].encode())
    read = foretold.forecasts({"P-1", "P-10", "P-2"}, ["2025-06-10"], "bucket")
    assert {name: list(values) for name, values in read.items()} == {"P-1": [1.0], "P-10": [10.0]}
    assert len(asked) == (1 if others < 1000 else 4)
    assert foretold.forecasts(set(), ["2025-06-10"], "bucket") == {}


def test_a_reading_that_came_twice_counts_once_for_detection() -> None:
    frame = two_assets_day().assign(expected_kw=5.0)
    again = two_assets_day().assign(power_kw=1.0)
    kept = telemetry_store.each_reading_once(pd.concat([again, frame], ignore_index=True))
    assert len(kept) == len(frame)
    assert (kept["expected_kw"] == 5.0).all()


def test_the_picture_is_whole_svg() -> None:
    record = AccuracyRecord(
        customer_id="c",
        site_id="<s>",
        day="2025-06-10",
        forecast_id="f",
        issued_at=NOW,
        model_version="v",
        hours=10,
        accuracy_percent=91.2,
        mae_kw=3.0,
        bias_kw=1.0,
        coverage_80_percent=80.0,
        coverage_95_percent=95.0,
    )
    drawn = picture.day(points(24), {NOW + timedelta(hours=3): 50.0}, record)
    root = ET.fromstring(drawn)
    assert root.tag.endswith("svg")
    assert b"accuracy 91.2 %" in drawn
    assert b"&lt;s&gt;" in drawn


@pytest.mark.parametrize("kind", ["solar", "wind"])
def test_without_model_and_weather_there_is_still_a_forecast(kind: str) -> None:
    document = SITE.model_copy(update={"kind": kind})
    got = predict.predict(document, Inputs(), NOW, 48, 6)
    assert got.degraded == ["no_weather"]
    assert len(got.median) == 48
    assert ((got.bounds[95][0] <= got.median) & (got.median <= got.bounds[95][1])).all()
    index = pd.date_range("2025-06-08", periods=24 * 6, freq="h", tz="UTC", unit="us")
    sky = pd.DataFrame({"ghi_w_m2": 300.0, "wind_speed_m_s": 9.0, "temperature_c": 20.0}, index=index)
    got = predict.predict(document, Inputs(weather=sky), NOW, 48, 6)
    assert got.degraded == ["no_model"]
    assert got.median.max() > 0.1
    short = predict.predict(document, Inputs(weather=sky.head(60)), NOW, 48, 6)
    assert "weather_ends_early" in short.degraded
    assert np.isfinite(short.median).all()
