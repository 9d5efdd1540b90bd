"""Wind farms for tests, by a simulator of their own: nothing of it is known to the method or the benches.

Wind is a Gaussian process of three time constants made Weibull, with a season and a course over the day;
turbulence and gusts differ from turbine to turbine. Direction wanders about two prevailing ones; wakes
take wind by direction. Air density follows temperature, weather systems and height. The power curve is a
skewed logistic one, between hysteresis at cut-in and storm at 24 m/s. Nacelle anemometers have a gain, an
offset, noise and a slow wander of their own, and read higher behind a rotor that stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr

from ona.documents.assets import Asset, AssetRegistry, Location
from tests.builders.assets import make_asset

Floats = NDArray[np.float64]
RATED_KW = 2050.0
"""As of a turbine of 82 m diameter."""
MINUTES = 10
"""Of a usual SCADA export."""


@dataclass
class Farm:
    """Telemetry by turbine; `free`: the wind in front of each rotor at standard density, m/s, (n,)."""

    registry: AssetRegistry
    frames: dict[str, pd.DataFrame]
    free: dict[str, Floats]

    def changed(self, name: str, begin: int, end: int, change: object) -> Floats:
        """Change one turbine's frame between two days (since the start); what power it took, kW, (n,)."""
        frame = self.frames[name] = self.frames[name].copy()
        day = np.arange(len(frame)) * MINUTES / 1440.0
        inside = (day >= begin) & (day < end)
        before = frame["power_kw"].to_numpy().copy()
        change(frame, inside, self.free[name], np.clip((day - begin) / (end - begin), 0, 1))  # type: ignore[operator]
        return np.asarray(before - frame["power_kw"].to_numpy())

    @property
    def telemetry(self) -> pd.DataFrame:
        """All turbines in one canonical frame."""
        return pd.concat(self.frames.values(), ignore_index=True)


def curve(speed: Floats) -> Floats:
    """Share of rated power: a skewed logistic curve, nothing below 2.9 m/s and in a storm above 24."""
    share = (1.0 + np.exp(-(speed - 7.6) / 1.25)) ** -1.6
    share = np.clip((share - 0.006) / 0.985, 0.0, 1.0)
    return np.where((speed < 2.9) | (speed > 24.0), 0.0, share)


def _wander(rng: np.random.Generator, n: int, hours: float) -> Floats:
    """A Gaussian process of unit variance and one time constant, (n,)."""
    phi = np.exp(-MINUTES / 60.0 / hours)
    steps = rng.normal(0.0, np.sqrt(1 - phi**2), n)
    steps[0] = rng.normal()
    return np.asarray(lfilter([1.0], [1.0, -phi], steps))


def wind_farm(
    seed: int,
    *,
    turbines: int = 4,
    days: int = 120,
    start: str = "2021-01-05",
    direction: bool = True,
    longitude: float = 5.6,
) -> Farm:
    """A sound farm. `direction`: whether its direction is exported."""
    rng = np.random.default_rng(seed)
    times = pd.date_range(start, periods=days * 1440 // MINUTES, freq=f"{MINUTES}min", tz="UTC")
    n = len(times)
    year = 2 * np.pi * (times.day_of_year.to_numpy() - 15) / 365.25
    hour = 2 * np.pi * (times.hour.to_numpy() + times.minute.to_numpy() / 60.0 - 14) / 24.0
    state = 0.86 * _wander(rng, n, 30.0) + 0.45 * _wander(rng, n, 4.0) + 0.25 * _wander(rng, n, 0.7)
    mean = rng.uniform(6.3, 8.2) * (1 + 0.14 * np.cos(year)) * (1 + 0.05 * np.cos(hour))
    wind = mean / 0.886 * (-np.log(np.clip(1.0 - ndtr(state), 1e-9, 1))) ** (1.0 / 2.05)
    bearing = (rng.uniform(190, 260) + 75 * _wander(rng, n, 20.0) + 12 * _wander(rng, n, 1.0)) % 360
    air = 9 - 8 * np.cos(year) + 3.5 * np.cos(hour) + 3.0 * _wander(rng, n, 60.0)
    height = rng.uniform(50, 600)
    pressure = 101_325 * np.exp(-height / 8_400) * (1 + 0.009 * _wander(rng, n, 70.0))
    density = pressure / (287.05 * (air + 273.15)) / 1.225
    stability = 0.012 * np.cos(hour) - 0.012 * np.cos(year) + 0.012 * _wander(rng, n, 50.0)
    places = rng.uniform(-1.0, 1.0, (turbines, 2)) * 900.0
    registry, frames, free = [], {}, {}
    for t in range(turbines):
        name = f"WT-{t + 1:02d}"
        deficit = np.ones(n)
        for other in range(turbines):
            if other != t:
                gap = places[other] - places[t]
                away = np.hypot(*gap)
                towards = np.degrees(np.arctan2(gap[0], gap[1])) % 360
                off = (bearing - towards + 180) % 360 - 180
                deficit *= 1 - min(0.3, 75.0 / max(away, 250.0)) * np.exp(-0.5 * (off / 11.0) ** 2)
        speedup = 1 + 0.04 * np.cos(np.radians(bearing) - rng.uniform(0, 6.28)) + rng.normal(0, 0.02)
        own = 1 + 0.05 * _wander(rng, n, 0.4) + 0.03 * _wander(rng, n, 5.0)
        rotor = wind * deficit * speedup * np.maximum(own, 0.3) * (1 + stability)
        normal = rotor * density ** (1.0 / 3.0)
        power = curve(normal * (1 + 0.012 * rng.normal(size=n))) * RATED_KW * (1 + rng.normal(0, 0.012))
        sensor = 1 + rng.normal(0, 0.03) + 0.006 * _wander(rng, n, 24.0 * 20)
        read = wind * deficit * speedup * np.maximum(own, 0.3) * sensor + rng.normal(0.1, 0.18, n)
        frame = pd.DataFrame(
            {
                "timestamp": times.as_unit("us"),
                "asset_id": name,
                "temperature_c": air + 1.5 + rng.normal(0, 0.4, n),
                "voltage_v": 690.0 + rng.normal(0, 2.0, n),
                "power_kw": np.clip(power, 0.0, RATED_KW * 1.01),
                "wind_speed_m_s": np.maximum(read, 0.0),
            }
        )
        if direction:
            frame["wind_direction_deg"] = (bearing + rng.normal(0, 4) + rng.normal(0, 3, n)) % 360
        registry.append(_turbine(name, longitude))
        frames[name], free[name] = frame, normal
    return Farm(AssetRegistry(assets=registry), frames, free)


def _turbine(name: str, longitude: float) -> Asset:
    place = Location(latitude=48.45, longitude=longitude)
    return make_asset(name, type="Wind Turbine", capacity_kw=RATED_KW, location=place, site_id="ridge")


def _shaped(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, speed: Floats) -> None:
    """The power that another speed at the rotor gives, inside."""
    full, less = curve(free), curve(speed)
    ratio = np.where(full > 1e-3, less / np.maximum(full, 1e-3), 1.0)
    frame["power_kw"] = np.where(inside, frame["power_kw"] * ratio, frame["power_kw"])


def yaw(degrees: float) -> object:
    """A rotor that looks past the wind: what it sees falls by the cosine to the power of 1.2."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, grown: Floats) -> None:
        _shaped(frame, inside, free, free * np.cos(np.radians(degrees)) ** 1.2)

    return change


def blades(share: float) -> object:
    """Pitch or blades: a share is missing, less of it near rated power, where the control makes up for
    it."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, grown: Floats) -> None:
        _shaped(frame, inside, free, free * (1 - share) ** (1.0 / 2.6))

    return change


def quiet_nights(top: float) -> object:
    """Noise mode from 22 to 6 UTC: the curve ends at a lower power and turns a little earlier."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, grown: Floats) -> None:
        hour = frame["timestamp"].dt.hour
        quiet = inside & ((hour >= 22) | (hour < 6)).to_numpy()
        power = np.minimum(frame["power_kw"] * 0.97, top * RATED_KW)
        frame["power_kw"] = np.where(quiet, power, frame["power_kw"])

    return change


def ice(worst: float) -> object:
    """Ice that grows on the blades, at −3 °C."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, grown: Floats) -> None:
        frame["temperature_c"] = np.where(inside, -3.0, frame["temperature_c"])
        frame["power_kw"] = np.where(inside, frame["power_kw"] * (1 - worst * grown), frame["power_kw"])

    return change


def limit(share: float) -> object:
    """Held at a share of rated power."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, grown: Floats) -> None:
        held = np.minimum(frame["power_kw"], share * RATED_KW)
        frame["power_kw"] = np.where(inside, held, frame["power_kw"])

    return change


def stopped() -> object:
    """No power; the anemometer reads the free wind, 6 % more than behind a rotor that turns."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, grown: Floats) -> None:
        frame["power_kw"] = np.where(inside, 0.0, frame["power_kw"])
        frame["wind_speed_m_s"] = np.where(inside, frame["wind_speed_m_s"] * 1.06, frame["wind_speed_m_s"])

    return change


def anemometer(factor: float) -> object:
    """An anemometer that reads so many times what it did."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], free: Floats, grown: Floats) -> None:
        frame["wind_speed_m_s"] = np.where(
            inside, frame["wind_speed_m_s"] * factor, frame["wind_speed_m_s"]
        )

    return change
