"""Energy read as power by a lone machine of which only power is measured: told, and what is none.

The readings are made here: a sun, a roof, days that are clear, broken or dull, and a haze of their own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ona.documents.assets import Asset, AssetRegistry, Location
from ooda.detect.context import Context
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.documents.detections import NO_FAULT
from tests.builders.detection import telemetry_file

DAYS, DAY = 60, 38
"""Days in all, and the day from which something is otherwise."""


def machine(step: int = 15, dull: range = range(0)) -> pd.DataFrame:
    """Days of a sound inverter of 40 kW on a roof to the south-west, three in five clear; `dull`: days on
    which the light is a quarter of the clear sky's, some more, some less."""
    times = pd.date_range("2025-04-01", periods=DAYS * 1440 // step, freq=f"{step}min", tz="UTC")
    rng = np.random.default_rng(11)
    hours = (times.hour + times.minute / 60.0 + step / 120.0).to_numpy() + 9.0 / 15.0 - 12.0
    lean = np.radians(46.0 - 5.0 - 0.25 * np.arange(len(times)) * step / 1440)
    height = np.cos(lean) * np.cos(np.radians(15 * hours)) + 0.12
    roof = np.maximum(height + 0.10 * np.sin(np.radians(15 * hours)), 0.0) * (height > 0.02)
    day, light = np.arange(len(times)) * step // 1440, np.empty(len(times))
    for n in range(DAYS):
        own = day == n
        haze = rng.normal(0.97, 0.03)
        if n in dull:
            light[own] = 0.25 * np.exp(rng.normal(0.0, 0.3)) * rng.uniform(0.8, 1.2, own.sum())
        elif n % 5 in (0, 2, 3):
            light[own] = haze
        else:
            light[own] = np.clip(rng.normal(0.6, 0.3, own.sum()), 0.15, 1.1)
    power = 40.0 * 0.85 * np.maximum(height, 0.0) ** 0.15 * roof * light
    frame = pd.DataFrame({"timestamp": times.as_unit("us"), "asset_id": "INV-1"})
    return frame.assign(power_kw=np.round(power, 3))


def times(factor: float, frame: pd.DataFrame, first: int = DAY, last: int = DAYS) -> pd.DataFrame:
    day = (frame["timestamp"] - frame["timestamp"].iloc[0]) / pd.Timedelta(days=1)
    return frame.assign(
        power_kw=frame["power_kw"].where((day < first) | (day >= last), frame["power_kw"] * factor)
    )


def judged(frame: pd.DataFrame) -> AssetVerdict:
    place = Location(latitude=46.0, longitude=9.0)
    asset = Asset(id="INV-1", type="Solar Inverter", capacity_kw=40.0, location=place)
    return judge_assets(telemetry_file(frame, AssetRegistry(assets=[asset])), Context())[0]


def told(verdict: AssetVerdict) -> str:
    issues = verdict.detection.quality.issues
    return " ".join(issue.statement for issue in issues if issue.kind == "unit_error")


def losses(verdict: AssetVerdict) -> list[str]:
    """The losses that are told, suspected ones too."""
    return [incident.kind for incident in verdict.detection.incidents if incident.kind not in NO_FAULT]


@pytest.mark.parametrize("step", [5, 10, 15])
@pytest.mark.parametrize(
    ("first", "last"), [(DAY, DAYS), (0, 20), (22, 40)], ids=["from", "until", "between"]
)
def test_energy_read_as_power_is_told_by_clear_days_alone(step: int, first: int, last: int) -> None:
    verdict = judged(times(step / 60, machine(step), first, last))
    assert f"interval of {step} minutes" in told(verdict)
    assert losses(verdict) == []


@pytest.mark.parametrize("left", [0.38, 0.5, 0.16])
def test_what_a_loss_leaves_is_no_unit(left: float) -> None:
    """Another factor than a quarter: part of the machine is gone, and the energy is missing."""
    verdict = judged(times(left, machine()))
    assert not told(verdict)
    assert losses(verdict)


@pytest.mark.parametrize("dull", [range(38, 52), range(46, 60)])
def test_a_dull_fortnight_at_a_quarter_of_the_light_is_no_unit(dull: range) -> None:
    assert not told(judged(machine(dull=dull)))


@pytest.mark.parametrize("snow", [range(38, 44), range(54, 60)])
def test_clear_days_with_snow_on_the_roof_are_no_unit(snow: range) -> None:
    """It melts: each day gives more than the one before."""
    frame = machine()
    for n, day in enumerate(snow):
        frame = times(0.02 + 0.07 * n, frame, day, day + 1)
    assert not told(judged(frame))


@pytest.mark.parametrize("left", [0.5, 0.66])
def test_of_half_hours_nobody_knows_whether_a_half_is_a_unit_or_a_loss(left: float) -> None:
    verdict = judged(times(left, machine(30)))
    assert ("or what a loss left" in told(verdict)) == (left == 0.5)
    assert not any(issue.blinding for issue in verdict.detection.quality.issues)
    assert verdict.history.spoilt.doubtful[:1] == (["2025-05-09"] if left == 0.5 else [])
    partial = [i for i in verdict.detection.incidents if i.kind == "underperformance"]
    assert partial
    assert left != 0.5 or all(incident.suspected for incident in partial)
