"""A file that is judged in parts says what it says when it is judged at once."""

from __future__ import annotations

import weakref
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ooda.detect import long_files
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.detect.judged_readings import published
from ooda.documents.detections import Incident
from tests.builders.assets import make_registry
from tests.builders.detection import telemetry_file
from tests.builders.telemetry import DAY, sunny_day

DAYS, MACHINES = 75, 4


def site(gone_from: int = DAYS) -> pd.DataFrame:
    """A site whose second machine gives less over the cut at day 30, whose third stops on three days, and
    whose fourth is not heard any more `gone_from` a day on; the first is sound."""
    parts = []
    for n in range(1, MACHINES + 1):
        for d in range(DAYS if n < MACHINES else gone_from):
            own = sunny_day(f"INV-{n:03d}", DAY + timedelta(days=d), gain=0.75, seed=d)
            if n == 2 and 26 <= d < 36:
                own["power_kw"] *= 0.8
            if n == 3 and d in (5, 31, 70):
                own.loc[own["timestamp"].dt.hour.between(9, 12), "power_kw"] = 0.0
            parts.append(own)
    return pd.concat(parts, ignore_index=True)


def in_parts(
    monkeypatch: pytest.MonkeyPatch, file: TelemetryFile, only: Collection[str] | None = None
) -> list[AssetVerdict]:
    """The verdicts where only a few days are judged at once."""
    with monkeypatch.context() as patch:
        patch.setattr(long_files, "MOST_READINGS", 1000)
        return judge_assets(file, Context(), only)


def told(incidents: list[Incident]) -> list[tuple[str, str, int, bool]]:
    """What an incident is: its id, kind, days, and whether it is only suspected."""
    return [(i.incident_id, i.kind, i.days, i.suspected) for i in incidents]


def test_parts_of_a_long_file_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    file = telemetry_file(site(), make_registry(MACHINES))
    at_once, in_turn = judge_assets(file, Context()), in_parts(monkeypatch, file)
    assert len(at_once) == len(in_turn) == MACHINES
    assert {i.kind for v in at_once for i in v.detection.incidents} == {"outage", "underperformance"}
    for one, other in zip(at_once, in_turn, strict=True):
        assert told(one.detection.incidents) == told(other.detection.incidents)
        assert told(one.history.incidents) == told(other.history.incidents)
        assert one.detection.window == other.detection.window
        assert list(one.history.days) == list(other.history.days) == list(other.days)
        np.testing.assert_allclose(one.expected, other.expected, rtol=0.02, atol=0.1)
        assert other.readings is one.readings
        mine, whole = other.detection, one.detection
        assert mine.expected_energy_kwh == pytest.approx(whole.expected_energy_kwh, rel=0.005)
        assert mine.measured_energy_kwh == pytest.approx(whole.measured_energy_kwh, abs=0.05)
        assert mine.lost_energy_kwh == pytest.approx(whole.lost_energy_kwh, rel=0.02, abs=1.0)
        assert mine.quality.completeness_percent == whole.quality.completeness_percent == 100.0
        assert mine.daily_measured_kwh == whole.daily_measured_kwh


def test_a_part_is_let_go_before_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    file = telemetry_file(site(), make_registry(MACHINES))
    monkeypatch.setattr(long_files, "MOST_READINGS", 1000)
    frames: list[weakref.ref[pd.DataFrame]] = []
    alive = []

    def judge(part: TelemetryFile, context: Context, only: Collection[str] | None) -> list[AssetVerdict]:
        alive.append(sum(frame() is not None for frame in frames))
        frames.extend(weakref.ref(frame) for frame in part.readings.values())
        return judge_assets(replace(part, rows=0), context, only)

    verdicts = long_files.judged(file, Context(), None, judge)
    assert alive == [0] * len(alive)
    assert len(alive) >= 2
    assert all(len(verdict.readings) == len(verdict.expected) for verdict in verdicts)


def test_one_machine_of_a_long_file_is_judged_beside_all(monkeypatch: pytest.MonkeyPatch) -> None:
    file = telemetry_file(site(), make_registry(MACHINES))
    (alone,) = in_parts(monkeypatch, file, ["INV-002"])
    beside = in_parts(monkeypatch, file)[1]
    assert alone.detection == beside.detection
    assert alone.history == beside.history


def test_a_machine_that_is_heard_no_more_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = site(gone_from=20)
    frame.loc[(frame["asset_id"] == "INV-004") & (frame["timestamp"].dt.day == 15), "power_kw"] = 0.0
    file = telemetry_file(frame, make_registry(MACHINES))
    at_once, in_turn = judge_assets(file, Context()), in_parts(monkeypatch, file)
    gone = in_turn[3]
    assert len(gone.expected) == len(gone.readings) == 20 * 96
    assert told(gone.detection.incidents) == told(at_once[3].detection.incidents) != []
    assert not any(day.provisional for verdict in in_turn for day in verdict.days.values())


def test_what_is_wrong_with_the_data_is_told_with_its_days(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = site()
    clock = frame["timestamp"].dt
    hole = (frame["asset_id"] == "INV-001") & (clock.strftime("%m-%d") == "08-01")
    hole &= clock.hour.between(8, 11)
    file = telemetry_file(frame[~hole], make_registry(MACHINES))
    first, second = (v.detection.quality for v in in_parts(monkeypatch, file)[:2])
    assert second.issues == []
    assert {issue.kind for issue in first.issues} == {"missing_readings", "communication_gap"}
    assert all("(2025-07-" in issue.statement for issue in first.issues)
    assert first.completeness_percent == pytest.approx(100.0 - 16.0 / DAYS / 0.96, abs=0.05)


def test_a_file_that_came_before_is_replaced_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    file = telemetry_file(site(), make_registry(MACHINES))
    before = {v.detection.asset_id: v.history for v in judge_assets(file, Context())}
    shorter = telemetry_file(site()[lambda f: f["timestamp"] < DAY + timedelta(days=65)])
    with monkeypatch.context() as patch:
        patch.setattr(long_files, "MOST_READINGS", 1000)
        again = judge_assets(replace(shorter, registry=file.registry), Context(before))
    assert all(len(v.history.days) in (65, 66) for v in again)


def test_a_file_that_is_not_long_is_not_cut() -> None:
    file, seen = telemetry_file(sunny_day()), []

    def judge(own: TelemetryFile, *_: object) -> list[AssetVerdict]:
        seen.append(own)
        return []

    long_files.judged(file, Context(), None, judge)
    assert seen == [file]


def test_readings_are_published_stretch_by_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = site(gone_from=20)
    odd = (frame["asset_id"] == "INV-003") & (frame["timestamp"].dt.strftime("%m-%d %H") == "07-30 10")
    frame.loc[odd, "power_kw"] = 65_535.0  # no machine of 100 kW gives that
    file = telemetry_file(frame, make_registry(MACHINES))
    verdicts, capacities = judge_assets(file, Context()), file.registry.capacities()
    ((whole, wrong),) = published(verdicts, capacities)
    assert wrong == {"INV-001": 0, "INV-002": 0, "INV-003": 4, "INV-004": 0}
    monkeypatch.setattr(long_files, "MOST_READINGS", 1000)
    stretches = list(published(verdicts, capacities))
    assert len(stretches) > 20
    for name, expected in whole.items():
        own = [frames[name] for frames, _ in stretches if name in frames]
        pd.testing.assert_frame_equal(pd.concat(own, ignore_index=True), expected)
        assert all(part["timestamp"].dt.floor("D").nunique() <= 4 for part in own)
        assert sum(counts.get(name, 0) for _, counts in stretches) == wrong[name]
        days = [set(part["timestamp"].dt.floor("D")) for part in own]
        assert sum(map(len, days)) == len(set.union(*days))  # no day is cut
