"""Clock, unit and sensor as change-points over days: what is told, what is booked, and who looks like it.

The readings are made here, from a sun of their own, and share no code with the checks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ona.documents.assets import Asset, AssetRegistry
from ooda.detect.context import Context
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.documents.asset_history import AssetHistory
from tests.builders.detection import telemetry_file

BEFORE, DAYS = 25, 33
"""Days before something happens, and days in all."""
Trouble = Callable[[pd.DataFrame], pd.DataFrame]


def sun(times: pd.DatetimeIndex, latitude: float = -26.2, longitude: float = 28.05) -> np.ndarray:
    """Sine of the sun's elevation, by Cooper's declination and a mean equation of time."""
    day = times.dayofyear.to_numpy()
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    b = 2 * np.pi * (day - 81) / 364
    equation = 9.87 * np.sin(2 * b) - 7.53 * np.cos(b) - 1.5 * np.sin(b)
    minutes = times.hour * 60 + times.minute + 4 * longitude + equation
    hour = np.radians((minutes.to_numpy() - 720) / 4)
    phi = np.radians(latitude)
    height = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour)
    return np.maximum(np.asarray(height), 0.0)


def weeks(name: str = "INV-001", *, step: int = 15, seed: int = 1, gain: float = 0.85) -> pd.DataFrame:
    """Days of a sound inverter of 100 kW; every third day is dull, the same for all of a site."""
    times = pd.date_range("2025-01-05", periods=DAYS * 1440 // step, freq=f"{step}min", tz="UTC")
    sky, own = np.random.default_rng(99), np.random.default_rng(seed)
    clear = np.where(np.arange(DAYS) % 3 == 2, sky.uniform(0.25, 0.5, DAYS), sky.uniform(0.93, 1.0, DAYS))
    height = sun(times)
    light = 1050.0 * height**1.15 * clear[np.arange(len(times)) * step // 1440]
    power = 100.0 * gain * light / 1000.0 * (1 + own.normal(0, 0.01, len(times)))
    return pd.DataFrame(
        {
            "timestamp": times.as_unit("us"),
            "asset_id": name,
            "temperature_c": 20.0 + 15.0 * light / 1000.0,
            "voltage_v": np.where(light > 5, 600.0, 0.0),
            "power_kw": np.where(light > 2, power, 0.0),
            "irradiance_w_m2": light * (1 + sky.normal(0, 0.01, len(times))),
            "dc_power_kw": np.where(light > 2, power / 0.96, 0.0),
        }
    )


def roofs(step: int, *channels: str) -> list[pd.DataFrame]:
    """Two roofs to the east and three to the west under one sky, with power and some `channels`."""
    out = []
    for n in range(5):
        frame = weeks(f"INV-{n + 1:03d}", step=step, seed=n)
        earlier = frame["timestamp"] + pd.Timedelta(minutes=80 if n < 2 else -80)
        turned = sun(pd.DatetimeIndex(earlier)) / np.maximum(sun(pd.DatetimeIndex(frame["timestamp"])), 0.2)
        frame[["power_kw", "dc_power_kw"]] = frame[["power_kw", "dc_power_kw"]].mul(turned, axis=0)
        out.append(frame[["timestamp", "asset_id", "power_kw", *channels]])
    return out


def turbine() -> pd.DataFrame:
    """A lone turbine of 2 MW in wind that remembers, 10-minute means."""
    own = np.random.default_rng(4)
    times = pd.date_range("2025-01-05", periods=DAYS * 144, freq="10min", tz="UTC")
    wind = 8.0 + 14.0 * pd.Series(own.normal(size=len(times))).ewm(span=60).mean().to_numpy()
    wind = np.clip(wind, 0.2, 19.0)
    share = np.clip((wind / 11.0) ** 3, 0.0, 1.0) * (wind > 3.2) * (1 + own.normal(0, 0.03, len(times)))
    return pd.DataFrame(
        {
            "timestamp": times.as_unit("us"),
            "asset_id": "WT-1",
            "power_kw": 2000.0 * share,
            "wind_speed_m_s": wind,
        }
    )


def since(frame: pd.DataFrame, day: int = BEFORE) -> np.ndarray:
    return np.asarray(frame["timestamp"] >= pd.Timestamp("2025-01-05", tz="UTC") + pd.Timedelta(days=day))


def moved(minutes: float) -> Trouble:
    def clock(frame: pd.DataFrame) -> pd.DataFrame:
        late = frame["timestamp"] + pd.to_timedelta(np.where(since(frame), minutes, 0.0), unit="min")
        frame = frame.assign(timestamp=late.astype("datetime64[us, UTC]"))
        return frame.sort_values("timestamp").drop_duplicates("timestamp").reset_index(drop=True)

    return clock


def times(factor: float, *columns: str, day: int = BEFORE) -> Trouble:
    def scale(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for column in columns:
            frame.loc[since(frame, day), column] *= factor
        return frame

    return scale


def shaded(frame: pd.DataFrame) -> pd.DataFrame:
    """From a day on nothing before nine (solar time): a new building in the east."""
    hour = (frame["timestamp"].dt.hour + 28.05 / 15) % 24
    frame = frame.copy()
    frame.loc[since(frame) & (hour < 9).to_numpy(), ["power_kw", "dc_power_kw"]] *= 0.02
    return frame


def daily(frames: list[pd.DataFrame]) -> AssetVerdict:
    """INV-001 judged day by day; the last day's verdict."""
    whole = pd.concat(frames)
    histories: dict[str, AssetHistory] = {}
    for when, day in whole.groupby((whole["timestamp"] + pd.Timedelta(hours=2)).dt.floor("D")):
        file = telemetry_file(day.reset_index(drop=True), key=str(when))
        verdicts = judge_assets(file, Context(dict(histories)))
        histories |= {verdict.detection.asset_id: verdict.history for verdict in verdicts}
    return verdicts[0]


def at_once(frames: list[pd.DataFrame]) -> AssetVerdict:
    return judge_assets(telemetry_file(pd.concat(frames).reset_index(drop=True)), Context())[0]


def told(verdict: AssetVerdict) -> dict[str, str]:
    return {issue.kind: issue.statement for issue in verdict.detection.quality.issues}


def booked(verdict: AssetVerdict) -> list[str]:
    return [incident.kind for incident in verdict.history.incidents]


SOAK = pytest.mark.soak
"""Of cases whose size is proved at once and whose way, day by day, is proved by another size."""


@pytest.mark.parametrize(
    ("judged", "minutes"),
    [
        *((at_once, minutes) for minutes in (-120, -60, -30, 30, 60, 120)),
        *((daily, minutes) for minutes in (-60, 30)),
        *(pytest.param(daily, minutes, marks=SOAK) for minutes in (-120, -30, 60, 120)),
    ],
)
def test_a_clock_that_moves_is_told_with_its_date_and_nothing_is_booked(
    judged: Callable[[list[pd.DataFrame]], AssetVerdict], minutes: float
) -> None:
    verdict = judged([moved(minutes)(weeks())])
    statement = told(verdict)["clock_shift"]
    assert ("late" if minutes > 0 else "early") in statement
    assert "(since 2025-01-30)" in statement
    assert booked(verdict) == []


@pytest.mark.parametrize("name", ["shaded in the morning", "sound", "half of the strings"])
def test_what_looks_like_a_wrong_clock_or_unit_is_none(name: str) -> None:
    trouble = {
        "shaded in the morning": shaded,
        "sound": lambda frame: frame,
        "half of the strings": times(0.5, "power_kw", "dc_power_kw"),
    }[name]
    verdict = at_once([trouble(weeks())])
    assert not {"clock_shift", "unit_error", "sensor_drift"} & set(told(verdict))
    assert bool(booked(verdict)) == (name != "sound")


@pytest.mark.parametrize("step", [5, 10, 15, 30])
@pytest.mark.parametrize("day", [0, BEFORE])
def test_energy_read_as_power_is_told_and_nothing_is_booked(step: int, day: int) -> None:
    verdict = at_once([times(step / 60, "power_kw", day=day)(weeks(step=step))])
    assert f"interval of {step} minutes" in told(verdict)["unit_error"]
    assert booked(verdict) == []


@pytest.mark.parametrize("step", [5, 15])
@pytest.mark.parametrize("day", [0, BEFORE])
def test_neighbours_of_any_roof_tell_energy_read_as_power(step: int, day: int) -> None:
    """Two roofs to the east and three to the west, nothing measured but power."""
    frames = roofs(step)
    frames[0] = times(step / 60, "power_kw", day=day)(frames[0])
    verdict = at_once(frames)
    assert f"interval of {step} minutes" in told(verdict)["unit_error"]
    assert booked(verdict) == []


@pytest.mark.parametrize("day", [0, BEFORE])
def test_what_two_strings_of_nine_leave_is_no_unit(day: int) -> None:
    frames = roofs(15, "dc_power_kw")
    frames[0] = times(2 / 9, "power_kw", "dc_power_kw", day=day)(frames[0])
    verdict = at_once(frames)
    assert "unit_error" not in told(verdict)
    assert bool(booked(verdict)) == (day > 0)


@pytest.mark.parametrize("day", [0, BEFORE])
def test_a_lone_turbines_wind_tells_energy_read_as_power(day: int) -> None:
    asset = Asset(id="WT-1", type="Wind Turbine", capacity_kw=2000.0)
    frame = times(1 / 6, "power_kw", day=day)(turbine())
    verdict = judge_assets(telemetry_file(frame, AssetRegistry(assets=[asset])), Context())[0]
    assert "interval of 10 minutes" in told(verdict)["unit_error"]
    assert booked(verdict) == []


@pytest.mark.parametrize("gain", [0.2, 0.4, 0.55])
def test_a_weak_plant_or_an_oversized_nameplate_is_no_unit(gain: float) -> None:
    assert "unit_error" not in told(at_once([weeks(gain=gain)]))


@pytest.mark.parametrize("factor", [0.85, 1.15])
@pytest.mark.parametrize("others", [0, 4])
def test_a_sensor_that_moves_is_told_and_nothing_is_booked(factor: float, others: int) -> None:
    names = [f"INV-{n:03d}" for n in range(1, others + 2)]
    frames = [times(factor, "irradiance_w_m2")(weeks(name, seed=n)) for n, name in enumerate(names)]
    verdict = at_once(frames)
    assert ("less" if factor < 1 else "more") in told(verdict)["sensor_drift"]
    assert booked(verdict) == []


def under_a_flat_sensor(frame: pd.DataFrame, dull: range, by_season: float = 0.0) -> pd.DataFrame:
    """Steep modules beside a flat sensor: clouds take a fifth of what they have over it, and a clear day's
    share of it grows by `by_season` a day. `dull`: days that are cloudy without end."""
    day = ((frame["timestamp"] - pd.Timestamp("2025-01-05", tz="UTC")) / pd.Timedelta(days=1)).astype(int)
    spell = day.isin(dull).to_numpy()
    frame = frame.copy()
    clear = np.asarray(day % 3 != 2)
    light = np.where(spell & clear, 0.4, 1.0)
    steep = np.where(spell | ~clear, 0.8, 1.0 + by_season * day.to_numpy())
    frame["irradiance_w_m2"] *= light
    frame[["power_kw", "dc_power_kw"]] = frame[["power_kw", "dc_power_kw"]].mul(light * steep, axis=0)
    return frame


@pytest.mark.parametrize("others", [0, 4])
def test_a_dull_week_moves_no_sensor_that_lies_otherwise(others: int) -> None:
    frames = [under_a_flat_sensor(frame, range(18, 27)) for frame in site(weeks(gain=0.7), others)]
    assert "sensor_drift" not in told(at_once(frames))


@pytest.mark.parametrize("factor", [1.0, 0.88])
def test_a_sensor_that_moves_is_told_from_its_season(factor: float) -> None:
    """One that lies otherwise than the modules goes with the season; it moves on one day."""
    frames = [under_a_flat_sensor(frame, range(0), 0.002) for frame in site(weeks(gain=0.7), 4)]
    said = told(at_once([times(factor, "irradiance_w_m2")(frame) for frame in frames]))
    assert ("sensor_drift" in said) == (factor != 1.0)
    assert factor == 1.0 or "(since 2025-01-30)" in said["sensor_drift"]


@pytest.mark.parametrize("others", [0, 4])
def test_energy_from_the_first_day_is_told_of_an_array_that_outdoes_its_nameplate(others: int) -> None:
    """DC power says that it is a unit; where it is as low as AC power, the array is weak."""
    frames = [times(0.72, "irradiance_w_m2", day=0)(frame) for frame in site(weeks(), others)]
    frames[0] = times(0.25, "power_kw", day=0)(frames[0])
    verdict = at_once(frames)
    assert "interval of 15 minutes" in told(verdict)["unit_error"]
    assert "(since 2025-01-05)" in told(verdict)["unit_error"]
    assert booked(verdict) == []
    if not others:
        weak = times(0.25, "dc_power_kw", day=0)(frames[0])
        assert "unit_error" not in told(at_once([weak]))


@pytest.mark.parametrize("others", [0, 4])
def test_a_machine_that_moves_is_no_sensor(others: int) -> None:
    names = [f"INV-{n:03d}" for n in range(1, others + 2)]
    frames = [weeks(name, seed=n) for n, name in enumerate(names)]
    frames[0] = times(0.85, "power_kw", "dc_power_kw")(frames[0])
    verdict = at_once(frames)
    assert "sensor_drift" not in told(verdict)
    assert booked(verdict) == ["underperformance"]


def site(first: pd.DataFrame, others: int) -> list[pd.DataFrame]:
    return [first, *(weeks(f"INV-{n + 2:03d}", seed=n + 2) for n in range(others))]


@pytest.mark.parametrize(
    ("judged", "factor"),
    [(at_once, 1.12), (at_once, 1.25), (daily, 1.12), pytest.param(daily, 1.25, marks=SOAK)],
)
@pytest.mark.parametrize("witness", ["DC power", "neighbours"])
def test_a_meter_that_reads_more_is_told_with_its_date(
    judged: Callable[[list[pd.DataFrame]], AssetVerdict], factor: float, witness: str
) -> None:
    frames = site(times(factor, "power_kw")(weeks()), 0 if witness == "DC power" else 4)
    if witness == "neighbours":
        frames = [frame.drop(columns="dc_power_kw") for frame in frames]
    verdict = judged(frames)
    assert f"{factor - 1:.0%}" in told(verdict)["level_shift"]
    assert "(since 2025-01-30)" in told(verdict)["level_shift"]
    assert booked(verdict) == []


@pytest.mark.parametrize("channel", ["with DC power", "without"])
def test_a_repair_and_a_wash_are_no_meter(channel: str) -> None:
    """A tenth of the strings was out from the first day, and all is well since: level with the others."""
    ill = weeks()
    ill.loc[~since(ill), ["power_kw", "dc_power_kw"]] *= 0.9
    frames = site(ill, 4)
    if channel == "without":
        frames = [frame.drop(columns="dc_power_kw") for frame in frames]
    assert "level_shift" not in told(at_once(frames))


@pytest.mark.parametrize("witness", ["irradiance", "neighbours"])
def test_megawatts_are_a_unit_and_no_stop(witness: str) -> None:
    frames = site(times(0.001, "power_kw", "dc_power_kw")(weeks()), 4)
    if witness == "neighbours":
        frames = [frame.drop(columns="irradiance_w_m2") for frame in frames]
    verdict = at_once(frames)
    assert "megawatts" in told(verdict)["unit_error"]
    assert booked(verdict) == []


def test_what_was_booked_falls_away_when_the_days_after_explain_it() -> None:
    """A clock that is half an hour late is not certain on its first day; a week later nothing is left."""
    verdict = daily([moved(30.0)(weeks())])
    assert booked(verdict) == []
