"""What befalls the data while the machines are well: clocks, units, loggers, sensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.detection.strangers.scene import Scene

Frames = dict[str, pd.DataFrame]
Spoil = Callable[[Frames, Scene, float], None]


@dataclass(frozen=True)
class Spoilt:
    """One way in which data are wrong. `told`: kinds of data problems by which it is rightly told.
    `days`: how long it holds. `needs`: a channel, "sensor" or "others" that the plant must have."""

    name: str
    told: tuple[str, ...]
    strengths: tuple[float, ...]
    days: float
    spoil: Spoil
    only: tuple[str, ...] = ("roofs", "tracked", "wind")
    needs: tuple[str, ...] = ()


def _rows(frame: pd.DataFrame, s: Scene) -> np.ndarray:
    first, last = s.plant.times[s.begin], s.plant.times[s.end - 1]
    return np.asarray(frame["timestamp"].between(first, last))


def clock(frames: Frames, s: Scene, minutes: float) -> None:
    """From a day on the logger's clock is wrong: its readings carry another time."""
    frame = frames[s.machine]
    rows = _rows(frame, s)
    moved = frame["timestamp"].where(~rows, frame["timestamp"] + pd.Timedelta(minutes=minutes))
    frame = frame.assign(timestamp=moved.astype(frame["timestamp"].dtype))
    frames[s.machine] = frame.drop_duplicates("timestamp", keep="last").sort_values(
        "timestamp", ignore_index=True
    )


def clock_of_all(frames: Frames, s: Scene, minutes: float) -> None:
    """The site's logger: all machines and the sensor together."""
    for machine in s.plant.machines:
        one = Scene(s.plant, machine.name, s.part, s.begin, s.end, s.rng, s.weather)
        clock(frames, one, minutes)


def scaled(frames: Frames, s: Scene, factor: float) -> None:
    frame = frames[s.machine]
    frame.loc[_rows(frame, s), "power_kw"] *= factor


def energy_for_power(frames: Frames, s: Scene, from_first: float) -> None:
    """kWh of the interval stand where kW should; `from_first`: from the first day on."""
    frame = frames[s.machine]
    rows = np.ones(len(frame), bool) if from_first else _rows(frame, s)
    frame.loc[rows, "power_kw"] *= s.plant.recipe.step / 60.0


def zeros(frames: Frames, s: Scene, share: float) -> None:
    """The logger writes zeros for power in a share of the days; DC power, volts and warmth go on."""
    frame = frames[s.machine]
    day = frame["timestamp"].dt.dayofyear.to_numpy()
    hit = np.random.default_rng(int(s.begin)).random(400) < share
    frame.loc[_rows(frame, s) & hit[day], "power_kw"] = 0.0


def sensor_off(frames: Frames, s: Scene, factor: float) -> None:
    """The station's sensor reads wrong by a factor from a day on, for all machines."""
    for frame in frames.values():
        frame.loc[_rows(frame, s), "irradiance_w_m2"] *= factor


def anemometer_off(frames: Frames, s: Scene, factor: float) -> None:
    frame = frames[s.machine]
    frame.loc[_rows(frame, s), "wind_speed_m_s"] *= factor


def interpolated(frames: Frames, s: Scene, hours: float) -> None:
    """Gaps that the portal filled with straight lines, every other day."""
    frame = frames[s.machine]
    solar = (frame["timestamp"] + pd.Timedelta(hours=s.plant.recipe.longitude / 15.0)).dt
    at = (solar.hour + solar.minute / 60.0).to_numpy()
    rows = (
        _rows(frame, s)
        & (solar.dayofyear.to_numpy() % 2 == 0)
        & (at > 13 - hours / 2)
        & (at < 13 + hours / 2)
    )
    for name in frame.columns.drop(["timestamp", "asset_id"]):
        frame[name] = frame[name].astype(float).where(~rows).interpolate()


def outliers(frames: Frames, s: Scene, count: float) -> None:
    """Single readings far off: doubled or fallen to a tenth."""
    frame = frames[s.machine]
    high = _rows(frame, s) & (frame["power_kw"] > 0.25 * s.plant.machine(s.machine).capacity_kw).to_numpy()
    where = np.flatnonzero(high)
    if len(where):
        chosen = s.rng.choice(where, min(int(count), len(where)), replace=False)
        frame.loc[chosen, "power_kw"] *= s.rng.choice([0.1, 2.2, 3.0], len(chosen))


_SENSOR = ("sensor_drift", "sensor_fault", "sensor_level", "sensor_shift")
DATA = (
    Spoilt("clock off by an hour", ("clock_shift",), (60, -60), 12, clock),
    Spoilt("clock of the whole site off", ("clock_shift",), (60, -60), 12, clock_of_all, only=("roofs", "tracked")),
    Spoilt("kWh of the interval as kW", ("unit_error",), (0, 1), 15, energy_for_power),
    Spoilt("logger writes zeros", ("logger_zeros", "stale_values", "communication_gap", "implausible_power",
           "unusable_readings"), (0.4, 1.0), 8, zeros, only=("roofs", "tracked"), needs=("dc",)),
    Spoilt("W as kW", ("unit_error",), (1000, 0.001), 6, scaled),
    Spoilt("irradiance sensor off", _SENSOR, (0.75, 0.9, 1.12, 1.25), 30, sensor_off, only=("roofs", "tracked"),
           needs=("sensor",)),
    Spoilt("anemometer off", (*_SENSOR, "anemometer_fault"), (0.75, 0.9, 1.1, 1.25), 30, anemometer_off,
           only=("wind",)),
    Spoilt("interpolated stretches", ("interpolated_values", "stale_values", "interpolated"), (3, 6), 20, interpolated),
    Spoilt("meter's level up", ("level_shift", "unit_error", "calibration", "implausible_power"), (1.12, 1.25), 30,
           scaled),
    Spoilt("single outliers", ("outliers", "implausible_power"), (6, 20), 20, outliers),
)  # fmt: skip
