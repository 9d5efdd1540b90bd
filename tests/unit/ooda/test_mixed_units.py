"""Power that is in another unit in a part of a day's readings: nothing counts it, and somebody is told.

The whole day in another unit is in `test_unusable_readings.py`.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ooda.detect.context import Context
from ooda.detect.judge import judge_assets
from ooda.detect.units import _reaching
from ooda.diagnose.diagnostics import needs_diagnosis
from ooda.documents.detections import AssetDetection
from tests.builders.assets import make_registry
from tests.builders.detection import histories_of, telemetry_file, week
from tests.builders.telemetry import sunny_day

BEFORE = histories_of(week(), make_registry(3))
SOUND_KWH = float(sunny_day()["power_kw"].sum() / 4)


def judged(factor: float, rows: np.ndarray) -> AssetDetection:
    """What Detect says of a sound day of which some rows, (96,), are a factor too large."""
    day = sunny_day()
    day.loc[rows, "power_kw"] *= factor
    [verdict] = judge_assets(telemetry_file(day), Context(dict(BEFORE)))
    detection: AssetDetection = verdict.detection
    return detection


def rows(begin: int = 0, end: int = 96, step: int = 1) -> np.ndarray:
    return np.isin(np.arange(96), np.arange(begin, end, step))


def random_rows(share: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(96) < share


TOLD: dict[str, tuple[float, np.ndarray]] = {
    "every second reading in watts": (1000.0, rows(step=2)),
    "two of three readings in watts": (1000.0, ~rows(step=3)),
    "half of the readings in watts": (1000.0, random_rows(0.5, 1)),
    "nine tenths in watts": (1000.0, random_rows(0.9, 2)),
    "watts from nine on": (1000.0, rows(36)),
    "watts until ten": (1000.0, rows(end=40)),
    "every second reading a hundredfold": (100.0, rows(step=2)),
    "watts for five hours": (1000.0, rows(32, 52)),
}


@pytest.mark.parametrize("kind", TOLD)
def test_units_mixed_in_one_day_are_told_and_are_no_energy(kind: str) -> None:
    factor, where = TOLD[kind]
    detection = judged(factor, where)
    assert any(issue.kind == "unit_error" and issue.blinding for issue in detection.quality.issues), kind
    assert needs_diagnosis(detection)
    assert not [item for item in detection.incidents if item.actionable]
    assert detection.measured_energy_kwh <= SOUND_KWH
    assert detection.daily_measured_kwh[-1] <= SOUND_KWH, "nor in what the history keeps"


JUDGED: dict[str, tuple[float, np.ndarray]] = {
    "one wild reading": (1000.0, rows(40, 41)),
    "two wild readings": (1000.0, rows(40, 60, 10)),
    "watts for an hour": (1000.0, rows(40, 44)),
    "watts by night": (1000.0, rows(80)),
    "a tenth above nameplate": (1.15, rows()),
    "nothing at all": (1.0, rows()),
}


@pytest.mark.parametrize("kind", JUDGED)
def test_a_day_of_which_enough_is_left_is_judged(kind: str) -> None:
    factor, where = JUDGED[kind]
    detection = judged(factor, where)
    assert not any(issue.blinding for issue in detection.quality.issues), detection.quality.issues
    assert not needs_diagnosis(detection)
    assert 0.8 * SOUND_KWH < detection.measured_energy_kwh < 1.2 * SOUND_KWH


def test_the_whole_day_in_watts_is_still_called_so() -> None:
    detection = judged(1000.0, rows())
    [issue] = [item for item in detection.quality.issues if item.kind == "unit_error"]
    assert "1000 times" in issue.statement


def test_machines_beside_one_of_mixed_units_are_judged_as_before() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in (1, 2, 3)], ignore_index=True)
    wild = (fleet["asset_id"] == "INV-001") & (np.arange(len(fleet)) % 2 == 0)
    fleet.loc[wild, "power_kw"] *= 1000.0
    told = {
        item.detection.asset_id: item.detection
        for item in judge_assets(telemetry_file(fleet), Context(dict(BEFORE)))
    }
    assert needs_diagnosis(told["INV-001"])
    assert not needs_diagnosis(told["INV-002"])
    assert not needs_diagnosis(told["INV-003"])


def test_megawatts_that_begin_within_a_day_take_that_part_and_a_stop_beside_them_stays() -> None:
    share = np.concatenate((np.full(9, 0.4), np.full(15, 0.0004), np.zeros(3)))
    track = SimpleNamespace(share=share)
    wrong = np.repeat([False, True, False], [12, 12, 3])
    found = _reaching(track, wrong)
    assert np.flatnonzero(found).tolist() == list(range(9, 24))
