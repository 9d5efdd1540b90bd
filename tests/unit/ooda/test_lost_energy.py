"""How much of what a machine lost is booked to it, on light that pvlib makes (`test_witnesses.py`)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ooda.detect.context import Context
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.detect.witnesses.clear_sky import index_of_weather
from tests.builders.detection import telemetry_file
from tests.unit.ooda.test_witnesses import (
    EAST,
    FLAT,
    LATITUDE,
    LONGITUDE,
    SOUTH,
    WEST,
    Roof,
    Weather,
    registry,
    seen,
)

ILL = 10
"""Days at the end on which the first machine is ill."""


def frames_of(weather: Weather, roofs: list[Roof], sensor: Roof | None = None) -> list[pd.DataFrame]:
    return [weather.frame(n, roof, sensor) for n, roof in enumerate(roofs)]


def last_days(frame: pd.DataFrame, days: int = ILL) -> pd.Series:
    return frame["timestamp"] >= frame["timestamp"].iloc[-96 * days]


def booked(verdict: AssetVerdict) -> float:
    return sum(i.lost_energy_kwh for i in verdict.detection.incidents)


def test_a_machines_own_loss_is_no_loss_of_its_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    """On two sides its one neighbour alone tells what it was due: its loss pulls down that one's most."""
    frames = frames_of(Weather(60, seed=5), [EAST] * 2 + [WEST] * 2)
    ill = last_days(frames[0])
    lost = 0.25 * 0.2 * frames[0].loc[ill, "power_kw"].sum()
    frames[0].loc[ill, "power_kw"] *= 0.8
    kept, verdicts = seen(pd.concat(frames), 4, monkeypatch)
    fleet = kept["INV-000"].ref.fleet_loss
    assert fleet is not None
    assert np.nanmedian(np.abs(fleet[-ILL:])) < 0.01
    assert 0.9 < booked(verdicts["INV-000"]) / lost < 1.1
    assert all(booked(verdicts[f"INV-{n:03d}"]) < 0.1 * lost for n in (1, 2, 3))


def test_what_all_lose_is_booked_to_none(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = frames_of(Weather(60, seed=6), [EAST] * 2 + [WEST] * 2, FLAT)
    for frame in frames:
        frame.loc[last_days(frame), "power_kw"] *= 0.9
    _, verdicts = seen(pd.concat(frames), 4, monkeypatch)
    assert all(booked(verdict) < 20.0 for verdict in verdicts.values())


def test_a_stop_is_booked_from_dawn_to_dusk_and_on_dull_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """In winter a tenth of the light is below a tenth of capacity."""
    frames = frames_of(Weather(60, seed=7, start="2023-11-10"), [SOUTH] * 4, SOUTH)
    ill = last_days(frames[0])
    lost = 0.25 * frames[0].loc[ill, "power_kw"].sum()
    frames[0].loc[ill, "power_kw"] = 0.0
    _, verdicts = seen(pd.concat(frames), 4, monkeypatch)
    assert 0.98 < booked(verdicts["INV-000"]) / lost < 1.03
    assert [i.kind for i in verdicts["INV-000"].detection.incidents if not i.suspected] == ["outage"]


def test_a_late_riser_is_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts where 6 % of its capacity are due: that is too little to tell a stop of."""
    frames = frames_of(Weather(60, seed=8, start="2023-11-10"), [SOUTH] * 4, SOUTH)
    late = last_days(frames[0]) & (frames[0]["power_kw"] < 6.0)
    frames[0].loc[late, "power_kw"] = 0.0
    _, verdicts = seen(pd.concat(frames), 4, monkeypatch)
    stops = [i for i in verdicts["INV-000"].detection.incidents if i.kind == "outage"]
    assert sum(i.lost_energy_kwh for i in stops) < 30.0
    assert not [i for n in (1, 2, 3) for i in verdicts[f"INV-{n:03d}"].detection.incidents]


def hours_of(weather: Weather) -> pd.DataFrame:
    """What a service says of the light, by hours at their ends."""
    flat = pd.Series(weather.on(FLAT), index=weather.times)
    return pd.DataFrame({"ghi_w_m2": flat.resample("h", closed="left", label="right").mean()})


@pytest.mark.parametrize("served", [True, False])
def test_a_lone_machines_stop_costs_what_clouds_left(served: bool) -> None:
    """It stands on the dullest days: by what is usual it would be booked more than it lost."""
    weather = Weather(60, seed=11)
    frame = weather.frame(0, SOUTH, None)
    day = np.arange(len(frame)) // 96
    energy = frame.groupby(day)["power_kw"].sum().to_numpy()
    dull = 45 + np.argsort(energy[45:])[:4]
    ill = np.isin(day, dull)
    lost = 0.25 * frame.loc[ill, "power_kw"].sum()
    frame.loc[ill, "power_kw"] = 0.0
    site = {"roofs": hours_of(weather)} if served else {}
    (verdict,) = judge_assets(telemetry_file(frame, registry(1)), Context(weather=site))
    assert verdict.detection.basis == "clear_sky"
    ratio = booked(verdict) / lost
    assert 0.7 < ratio < 1.3 if served else ratio > 1.3


def test_the_weather_service_tells_how_clear_it_is_only_where_it_has_hours() -> None:
    weather = Weather(3, seed=12)
    hours = hours_of(weather)
    noon = (hours.index - pd.Timedelta(minutes=30)).hour == 11
    clear = index_of_weather(np.zeros(1), None, (LATITUDE, LONGITUDE))
    assert np.isnan(clear).all()
    half = hours.copy()
    minutes = half.index[noon].as_unit("us").asi8 / 60e6 - 30.0
    whole = index_of_weather(minutes, half, (LATITUDE, LONGITUDE))
    half["ghi_w_m2"] *= 0.5
    assert index_of_weather(minutes, half, (LATITUDE, LONGITUDE)) == pytest.approx(0.5 * whole, rel=0.1)
    gone = index_of_weather(minutes + 10 * 1440.0, half, (LATITUDE, LONGITUDE))
    assert np.isnan(gone).all()
    assert np.isnan(index_of_weather(minutes, half, None)).all()


def test_a_loss_that_lasts_is_booked_at_dawn_and_dusk_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """In December a string that is out takes much of its share below a tenth of capacity; a machine beside
    it has a short stop, and nothing more is booked to that one."""
    frames = frames_of(Weather(40, seed=8, start="2023-11-25"), [EAST] * 3 + [WEST] * 3, FLAT)
    ill = last_days(frames[0])
    lost = 0.25 * 0.08 * frames[0]["power_kw"].where(ill, 0.0)
    frames[0].loc[ill, "power_kw"] *= 0.92
    frames[1].loc[frames[1].index[96 * 35 + 46 : 96 * 35 + 54], "power_kw"] = 0.0
    _, verdicts = seen(pd.concat(frames), 6, monkeypatch)
    incidents = verdicts["INV-000"].detection.incidents
    spans = [part.window for incident in incidents for part in incident.episodes]
    held = np.logical_or.reduce([frames[0]["timestamp"].between(s.start, s.end) for s in spans])
    assert lost[held].sum() > 0.8 * lost.sum()
    assert 0.57 < booked(verdicts["INV-000"]) / lost.sum() < 1.1
    assert (
        booked(verdicts["INV-001"]) < 0.25 * frames[2]["power_kw"].iloc[96 * 35 + 40 : 96 * 35 + 60].sum()
    )
