"""What is read off in a quick way is what the plain way gives."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from ooda.config import detection
from ooda.detect import batches as cutting
from ooda.detect import site_assets, telemetry_store
from ooda.detect.batches import BATCH, Batch, batches
from ooda.detect.context import Context
from ooda.detect.judge import judge_assets
from ooda.detect.track import Track
from tests.builders.assets import make_registry
from tests.builders.detection import telemetry_file
from tests.builders.telemetry import sunny_day

RULES = detection.detection_config()


def four_days(assets: int, seed: int, holes: float) -> dict[str, pd.DataFrame]:
    """Assets of one site over four days; some readings missing, one asset broken on one day."""
    rng = np.random.default_rng(seed)
    frames = {}
    for n in range(1, assets + 1):
        days = [
            sunny_day(
                f"INV-{n:03d}", pd.Timestamp("2025-06-10", tz="UTC") + pd.Timedelta(days=d), seed=seed + d
            )
            for d in range(4)
        ]
        if n == 2:
            days[1]["power_kw"] *= 0.3
        own = pd.concat(days, ignore_index=True)
        own.loc[rng.random(len(own)) < holes, "power_kw"] = np.nan
        frames[f"INV-{n:03d}"] = own[rng.random(len(own)) >= holes / 2].reset_index(drop=True)
    return frames


@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_leaving_out_the_night_changes_no_incident(minutes: int) -> None:
    parts = []
    for n in range(1, 6):
        for d in range(6):
            day = pd.Timestamp("2025-06-10", tz="UTC") + pd.Timedelta(days=d)
            own = sunny_day(f"INV-{n:03d}", day, minutes=minutes, seed=d)
            clock = own["timestamp"].dt.hour
            if n == 1 and d == 4:
                own.loc[(clock >= 9) & (clock < 11), "power_kw"] = 0.0
            if n == 2 and d >= 3:
                own["power_kw"] *= 0.7
            if n == 3 and d == 5:  # hot and stuck at night
                own.loc[clock < 3, "temperature_c"] = 95.0
                own.loc[(clock >= 20) & (clock < 23), "power_kw"] = 12.0
            parts.append(own)
    frame = pd.concat(parts, ignore_index=True)

    def judged() -> list[tuple[object, ...]]:
        verdicts = judge_assets(telemetry_file(frame), Context())
        assert all(len(item.expected) == len(frame) / 5 for item in verdicts)
        return [
            (
                item.detection.asset_id,
                item.detection.expected_energy_kwh,
                item.detection.quality,
                round(float(np.nansum(item.expected)), 6),
                [(i.kind, i.window, i.lost_energy_kwh, i.signals) for i in item.detection.incidents],
                {day: of_day.measured_kwh for day, of_day in item.days.items()},
            )
            for item in verdicts
        ]

    def nothing_left_out(members: dict[str, Track], _: object) -> dict[str, site_assets.Member]:
        return {name: site_assets.Member(track, track, None) for name, track in members.items()}

    by_day = judged()
    with mock.patch.object(site_assets, "by_daylight", nothing_left_out):
        assert judged() == by_day
    kinds = {(asset[0], incident[0]) for asset in by_day for incident in asset[4]}  # type: ignore[attr-defined]
    assert {
        ("INV-001", "outage"),
        ("INV-002", "underperformance"),
        ("INV-003", "over_temperature"),
    } <= kinds


def test_a_large_site_judged_in_batches_gives_the_same_result() -> None:
    readings = four_days(6, 1, 0.0)
    file = telemetry_file(readings)
    whole = judge_assets(file, Context())
    parts = [
        item
        for names in (["INV-001", "INV-002"], ["INV-003"], ["INV-004", "INV-005", "INV-006"])
        for item in judge_assets(file, Context(), names)
    ]
    assert [item.detection for item in parts] == [item.detection for item in whole]


def test_a_file_is_split_by_site_and_a_large_one_by_count_of_assets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = make_registry(60)
    for n, asset in enumerate(registry.assets):
        registry.assets[n] = asset.model_copy(update={"site_id": "small" if n < 7 else "wide"})
    readings = {asset.id: pd.DataFrame({"timestamp": [1]}) for asset in registry.assets}
    file = telemetry_file(readings, registry)
    assert file.rows == 60
    assert [(b.site, b.part, len(b.names)) for b in batches(file)] == [
        ("small", 0, 7),
        ("wide", 0, 53),
    ]
    monkeypatch.setattr(cutting, "LARGE", 50)
    cut = batches(file)
    assert [(b.site, b.part, len(b.names)) for b in cut] == [
        ("small", 0, 7),
        ("wide", 0, BATCH),
        ("wide", 1, BATCH),
        ("wide", 2, 53 - 2 * BATCH),
    ]
    assert sorted(name for b in cut for name in b.names) == sorted(readings)


def test_readings_are_missing_by_the_window_of_the_whole_file() -> None:
    readings = {"INV-001": sunny_day().drop(columns="asset_id")}
    file = telemetry_file(readings)
    start, end = readings["INV-001"]["timestamp"].iloc[[0, -1]]
    for more, missing in ((0, 0), (8, 8)):
        wider = (start, end + more * pd.Timedelta(minutes=15))
        detection = judge_assets(replace(file, span=wider), Context())[0].detection
        assert sum(i.readings for i in detection.quality.issues if i.kind == "missing_readings") == missing


def test_parts_of_a_site_are_stored_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    monkeypatch.setattr(telemetry_store.parquet, "put", lambda _, key, __: keys.append(key))
    readings = {name: sunny_day(name).drop(columns="asset_id") for name in ("INV-001", "INV-002")}
    for part in (0, 1):
        telemetry_store.save_telemetry("b", Batch("s", part, []), readings, "observations/x/fleet 1.csv")
    telemetry_store.save_telemetry("b", Batch("s", 0, []), {"INV-003": readings["INV-001"]}, "o/x.csv")
    folder = "telemetry/site=s/day=2025-06-10/"
    assert keys == [f"{folder}_fleet-1.parquet", f"{folder}_fleet-1-1.parquet", f"{folder}INV-003.parquet"]
