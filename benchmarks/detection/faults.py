"""Faults as physics: each changes what a sound asset's channels read, at three strengths.

`pot_kw` is what the asset could give without its limit: a fault on the DC side takes from it, and the
limit applies afterwards, so that on a clipping noon a small fault costs nothing, as in the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.detection.plants import curve


@dataclass
class Scene:
    """What a fault may touch: the asset's frame, which rows it holds, the site's other frames, the
    weather."""

    frame: pd.DataFrame
    inside: np.ndarray
    others: dict[str, pd.DataFrame]
    weather: pd.DataFrame | None
    capacity: float
    rng: np.random.Generator
    latitude: float
    longitude: float

    @property
    def days_in(self) -> np.ndarray:
        """Days since the fault began, by row; 0 before."""
        times = self.frame["timestamp"]
        begin = times[self.inside].iloc[0]
        return np.maximum((times - begin).dt.total_seconds().to_numpy() / 86400.0, 0.0)

    @property
    def solar_hour(self) -> np.ndarray:
        """Local solar hour, 0…24."""
        minutes = pd.DatetimeIndex(self.frame["timestamp"]).as_unit("s").asi8 / 60.0
        return ((minutes + 4 * self.longitude) % 1440) / 60.0

    def dc_side(self, factor: np.ndarray | float) -> None:
        """Multiply what reaches the inverter by a factor (n,) or a number, inside the fault."""
        factor = np.where(self.inside, factor, 1.0)
        self.frame["pot_kw"] = self.frame["pot_kw"] * factor
        limited = np.minimum(self.frame["pot_kw"], np.maximum(self.capacity, self.frame["power_kw"]))
        self.set_power(np.where(self.inside, limited, self.frame["power_kw"]), with_dc=True)

    def set_power(self, power: np.ndarray, *, with_dc: bool) -> None:
        """New AC power; DC follows at the asset's efficiency, or stays."""
        power = np.asarray(power, dtype=float)
        old = self.frame["power_kw"].to_numpy(dtype=float)
        if with_dc and "dc_power_kw" in self.frame:
            with np.errstate(all="ignore"):
                ratio = np.where(old > 1e-6, power / old, 0.0)
            self.frame["dc_power_kw"] = np.where(
                self.inside, self.frame["dc_power_kw"] * ratio, self.frame["dc_power_kw"]
            )
        if (
            self.frame["temperature_c"].notna().any()
            and "eff" in self.frame
            and self.frame["voltage_v"].notna().any()
        ):
            cooler = 20.0 * (old - power) / self.capacity
            self.frame["temperature_c"] = self.frame["temperature_c"] - np.where(self.inside, cooler, 0.0)
        self.frame["power_kw"] = np.where(self.inside, power, old)

    def storm(
        self, *, rain: float, peak: float, gust: float, drop: float, hours_before: float = 2.0
    ) -> None:
        """A storm that ends as the fault begins: rain and its peak (mm), wind (m/s), cooling (°C)."""
        if self.weather is None:
            return
        begin = self.frame["timestamp"][self.inside].iloc[0]
        w = self.weather
        hours = (w.index > begin - pd.Timedelta(hours=hours_before)) & (
            w.index <= begin + pd.Timedelta(hours=1)
        )
        n = max(int(hours.sum()), 1)
        w.loc[hours, "precipitation_mm"] = rain / n
        last = w.index[hours][-1] if hours.any() else None
        if last is not None:
            w.loc[last, "precipitation_mm"] = max(peak, rain / n)
            w.loc[last, "wind_speed_m_s"] = gust
            w.loc[last, "temperature_c"] -= drop


Apply = Callable[[Scene, float], None]


@dataclass(frozen=True)
class Fault:
    """One cause. `truth`: a cause of `configs/ooda/causes.yaml`, a data problem's kind, or what is
    recognised and
    is no fault. `nature`: asset, data or no_fault. `days`: how long it holds, by strength."""

    name: str
    truth: str
    nature: str
    strengths: tuple[float, float, float]
    days: tuple[float, float, float]
    needs: frozenset[str]
    apply: Apply
    kind: str = "solar"
    tracking: bool = False
    start_hour: float | None = None


def _string(s: Scene, x: float) -> None:
    s.dc_side(1 - x)


def _connector(s: Scene, x: float) -> None:
    load = s.frame["pot_kw"] / s.capacity
    noise = np.abs(s.rng.normal(0, 0.15, len(load)))
    s.frame["voltage_v"] *= np.where(s.inside, 1 - 0.5 * x * load, 1.0)
    s.dc_side(np.clip(1 - x * load * (1 + noise), 0.1, 1))


def _soiling(s: Scene, x: float) -> None:
    total = s.days_in[s.inside].max()
    washed = s.days_in > total - 3  # rain three days before the end
    s.dc_side(np.where(washed, 1 - 0.05 * x * total, 1 - x * s.days_in))
    if s.weather is not None:
        begin = s.frame["timestamp"][s.inside].iloc[0]
        times = (s.weather.index - begin).total_seconds().to_numpy() / 86400.0
        dry = (times > 0) & (times < total - 3.2)
        s.weather.loc[dry, "precipitation_mm"] = np.minimum(s.weather.loc[dry, "precipitation_mm"], 0.3)
        s.weather.loc[np.abs(times - (total - 3.1)) < 0.1, "precipitation_mm"] = 6.0


def _degradation(s: Scene, x: float) -> None:
    loss = x * s.days_in
    s.frame["voltage_v"] *= np.where(s.inside, 1 - 0.7 * loss, 1.0)
    s.dc_side(1 - loss)


def _shading(s: Scene, x: float) -> None:
    first = 14.0 if s.rng.random() < 0.5 else 7.5
    shade = (s.solar_hour >= first) & (s.solar_hour < first + 2.5)
    s.dc_side(np.where(shade, 1 - x * s.frame["beam"], 1.0))


def _tracker(s: Scene, x: float) -> None:
    """Stuck x hours of sun away from noon (x < 0 before noon): the cosine of the wrong angle, beam only."""
    off = np.radians(15.0 * (s.solar_hour - 12.0 - x))
    lost = np.clip(1 - np.maximum(np.cos(off), 0.0), 0, 1)
    s.dc_side(1 - lost * s.frame["beam"])


def _stop(s: Scene, x: float) -> None:
    s.set_power(np.zeros(len(s.frame)), with_dc=True)


def _derating(s: Scene, x: float) -> None:
    """A heat wave: +14 °C on air and device, 2·x % less a degree above 57 °C."""
    hot = s.frame["temperature_c"] + np.where(s.inside, 14.0, 0.0)
    derate = np.clip(1 - 0.02 * x * np.maximum(hot - 57.0, 0.0), 0.2, 1.0)
    s.frame["temperature_c"] = hot
    if s.weather is not None:
        times = s.frame["timestamp"][s.inside]
        s.weather.loc[times.iloc[0] : times.iloc[-1], "temperature_c"] += 14.0
    s.set_power(np.where(s.inside, s.frame["power_kw"] * derate, s.frame["power_kw"]), with_dc=True)


def _fan(s: Scene, x: float) -> None:
    load = (s.frame["power_kw"] / s.capacity).clip(lower=0)
    hot = s.frame["temperature_c"] + np.where(s.inside, (18 + 8 * x) * load, 0.0)
    derate = np.clip(1 - 0.02 * x * np.maximum(hot - 58.0, 0.0), 0.2, 1.0)
    power = np.where(s.inside, s.frame["power_kw"] * derate, s.frame["power_kw"])
    s.set_power(power, with_dc=True)
    s.frame["temperature_c"] = np.where(s.inside, hot, s.frame["temperature_c"])


def _mppt(s: Scene, x: float) -> None:
    hunt = np.abs(s.rng.normal(0, 0.5, len(s.frame)))
    s.frame["voltage_v"] *= np.where(s.inside, 1.06 + 0.15 * x, 1.0)
    s.dc_side(np.clip(1 - x * (0.7 + 0.6 * hunt), 0.05, 1.0))


def _dc_bus(s: Scene, x: float) -> None:
    s.set_power(np.zeros(len(s.frame)), with_dc=True)
    s.frame.loc[s.inside, "voltage_v"] = (
        10.0 if x < 2 else np.where(s.frame["power_kw"][s.inside] >= 0, 8.0, 8.0)
    )


def _isolation(s: Scene, x: float) -> None:
    """Down from sunrise for x hours after a wet night, on two of three days."""
    rise = pd.Series(s.frame["pot_kw"] > 0.02 * s.capacity)
    day = (s.frame["timestamp"] + pd.Timedelta(minutes=4 * s.longitude)).dt.floor("D")
    first = s.frame["timestamp"].where(rise).groupby(day).transform("min")
    number = s.days_in.astype(int)
    wet = number % 3 != 2
    down = s.inside & wet & ((s.frame["timestamp"] - first).dt.total_seconds().to_numpy() < x * 3600)
    if s.weather is not None:
        for moment in first[down].unique():
            moment = pd.Timestamp(moment)
            s.weather.loc[
                moment - pd.Timedelta(hours=9) : moment - pd.Timedelta(hours=3), "precipitation_mm"
            ] = 1.5
    keep = s.inside.copy()
    s.inside[:] = down
    s.set_power(np.zeros(len(s.frame)), with_dc=True)
    s.inside[:] = keep


def _limit(s: Scene, x: float) -> None:
    s.set_power(np.minimum(s.frame["power_kw"], x * s.capacity), with_dc=True)


def _curtailment(s: Scene, x: float) -> None:
    _limit(s, x)
    for frame in s.others.values():
        held = np.minimum(frame["power_kw"], x * s.capacity)
        frame["power_kw"] = np.where(s.inside, held, frame["power_kw"])


def _hail(s: Scene, x: float) -> None:
    s.storm(rain=14, peak=16, gust=17, drop=9)
    s.dc_side(1 - x)


def _wind_damage(s: Scene, x: float) -> None:
    s.storm(rain=3, peak=2, gust=29, drop=2)
    s.dc_side(1 - x)


def _lightning(s: Scene, x: float) -> None:
    s.storm(rain=20, peak=15, gust=15, drop=4)
    _stop(s, x)
    s.frame.loc[s.inside, "voltage_v"] = 0.0


def _flood(s: Scene, x: float) -> None:
    s.storm(rain=110, peak=12, gust=12, drop=2, hours_before=16)
    _stop(s, x)


def _capacitor(s: Scene, x: float) -> None:
    load = s.frame["pot_kw"] / s.capacity
    s.frame["voltage_v"] += np.where(s.inside & (load > 0.05), s.rng.normal(0, 25, len(load)), 0.0)
    s.set_power(s.frame["power_kw"] * (1 - x * np.clip(load, 0, 1) ** 1.5), with_dc=False)


def _efficiency(s: Scene, x: float) -> None:
    grown = np.minimum(s.days_in / 15.0, 1.0)
    s.set_power(s.frame["power_kw"] * (1 - x * grown), with_dc=False)


def _fade(s: Scene, x: float) -> None:
    """A ceiling that comes down a little every day."""
    total = s.days_in[s.inside].max()
    ceiling = s.capacity * (0.97 - x * s.days_in / total)
    soft = s.capacity * 0.01 * s.rng.normal(0, 0.3, len(s.frame))
    s.set_power(np.minimum(s.frame["power_kw"], ceiling + soft), with_dc=True)


def _snow(s: Scene, x: float) -> None:
    if s.weather is not None:
        times = s.frame["timestamp"][s.inside]
        begin, end = times.iloc[0] - pd.Timedelta(hours=10), times.iloc[-1]
        s.weather.loc[begin:end, "temperature_c"] = -4.0
        s.weather.loc[begin : begin + pd.Timedelta(hours=9), "precipitation_mm"] = 2.0
    s.dc_side(1 - x)
    for frame in s.others.values():
        frame["power_kw"] = np.where(s.inside, frame["power_kw"] * (1 - x), frame["power_kw"])


# ------------------------------------------------------------------ data


def _gap(s: Scene, x: float) -> None:
    s.frame = s.frame[~s.inside]


def _stuck(s: Scene, x: float) -> None:
    columns = [c for c in ("power_kw", "voltage_v", "temperature_c", "dc_power_kw") if c in s.frame]
    lit = s.inside & (s.frame["pot_kw"] > 0.1 * s.capacity).to_numpy()
    first = int(np.flatnonzero(lit)[0]) if lit.any() else int(np.flatnonzero(s.inside)[0])
    rows = s.inside & (np.arange(len(s.frame)) >= first)
    s.frame.loc[rows, columns] = s.frame.loc[s.frame.index[first], columns].to_numpy()


def _watts(s: Scene, x: float) -> None:
    s.frame.loc[s.inside, "power_kw"] *= x


def _clock(s: Scene, x: float) -> None:
    """The logger's clock is x minutes off: all channels move together."""
    steps = round(x / 15)
    columns = [c for c in s.frame.columns if c not in ("timestamp", "asset_id")]
    moved = s.frame[columns].shift(steps)
    s.frame.loc[s.inside, columns] = moved[s.inside]


def _sensor_drift(s: Scene, x: float) -> None:
    """The station's pyranometer reads less each day, for all assets."""
    total = s.days_in[s.inside].max()
    factor = np.where(s.inside, 1 - x * s.days_in / total, 1.0)
    for frame in (s.frame, *s.others.values()):
        frame["irradiance_w_m2"] = frame["irradiance_w_m2"] * factor


# ------------------------------------------------------------------ wind


def _yaw(s: Scene, x: float) -> None:
    """x degrees off: power as that of cos(x) of the wind speed, nothing lost at rated."""
    less = curve(s.frame["true_wind"].to_numpy() * np.cos(np.radians(x)))
    full = curve(s.frame["true_wind"].to_numpy())
    with np.errstate(all="ignore"):
        ratio = np.where(full > 1e-3, less / full, 1.0)
    s.set_power(s.frame["power_kw"] * ratio, with_dc=False)


def _pitch(s: Scene, x: float) -> None:
    s.set_power(s.frame["power_kw"] * (1 - x), with_dc=False)


def _icing(s: Scene, x: float) -> None:
    total = s.days_in[s.inside].max()
    s.frame["temperature_c"] = np.where(
        s.inside, -3.0 + 0.1 * s.rng.normal(0, 1, len(s.frame)), s.frame["temperature_c"]
    )
    if s.weather is not None:
        times = s.frame["timestamp"][s.inside]
        s.weather.loc[times.iloc[0] : times.iloc[-1], "temperature_c"] = -3.0
        s.weather.loc[times.iloc[0] : times.iloc[-1], "precipitation_mm"] = 0.3
    s.set_power(s.frame["power_kw"] * np.clip(1 - x * s.days_in / total * 2, 0, 1), with_dc=False)


def _bearing(s: Scene, x: float) -> None:
    load = s.frame["power_kw"] / s.capacity
    s.frame["temperature_c"] += np.where(s.inside, (12 + 40 * x) * load.clip(0.5, 1.0), 0.0)
    s.set_power(s.frame["power_kw"] * (1 - x), with_dc=False)


_ALL = frozenset({"voltage", "dc", "weather"})
_V, _D, _W, _P, _I, _T = (
    frozenset({n}) for n in ("voltage", "dc", "weather", "peers", "irradiance", "temperature")
)
ANY: frozenset[str] = frozenset()

FAULTS: tuple[Fault, ...] = (
    Fault("string lost", "string_loss", "asset", (0.08, 0.17, 0.35), (12, 10, 8), ANY, _string),
    Fault("connector wear", "connector_wear", "asset", (0.15, 0.25, 0.40), (14, 12, 10), _V, _connector),
    Fault("soiling", "soiling", "asset", (0.003, 0.006, 0.010), (35, 30, 25), ANY, _soiling),
    Fault("module degradation", "module_degradation", "asset", (0.002, 0.004, 0.008), (45, 40, 30), _V, _degradation),
    Fault("shading", "shading", "asset", (0.5, 0.7, 0.9), (14, 12, 10), ANY, _shading),
    Fault("tracker stuck", "tracker_stuck", "asset", (0.0, -3.0, 4.0), (8, 8, 8), ANY, _tracker, tracking=True),
    Fault("trip", "inverter_trip", "asset", (1, 2, 3), (0.04, 0.085, 0.17), ANY, _stop, start_hour=10.5),
    Fault("inverter dead", "inverter_failure", "asset", (1, 2, 3), (1.5, 2.5, 4.0), ANY, _stop, start_hour=10.0),
    Fault("derating in heat", "overtemperature_derating", "asset", (1.0, 1.5, 2.5), (6, 6, 6), _V | _W, _derating),
    Fault("fan failure", "fan_failure", "asset", (1.0, 1.6, 2.4), (8, 6, 6), _V, _fan),
    Fault("MPPT fault", "mppt_fault", "asset", (0.12, 0.22, 0.40), (8, 6, 6), _V, _mppt),
    Fault("DC bus fault", "dc_bus_fault", "asset", (1, 2, 3), (1.2, 2.2, 3.2), _V, _dc_bus, start_hour=9.5),
    Fault("isolation fault", "isolation_fault", "asset", (1.5, 2.5, 4.0), (9, 9, 9), _W, _isolation),
    Fault("clipped too early", "clipping_beyond_design", "asset", (0.84, 0.80, 0.76), (10, 10, 10), ANY, _limit),
    Fault("wrong set-point", "wrong_setpoint", "asset", (0.70, 0.50, 0.30), (8, 6, 5), ANY, _limit),
    Fault("hail", "hail_damage", "asset", (0.10, 0.20, 0.40), (12, 10, 8), _W, _hail, start_hour=14.0),
    Fault("wind damage", "wind_damage", "asset", (0.10, 0.25, 0.50), (12, 10, 8), _W, _wind_damage, start_hour=14.0),
    Fault("lightning", "lightning_damage", "asset", (1, 2, 3), (1.2, 2.2, 3.2), _W | _V, _lightning, start_hour=13.0),
    Fault("flooding", "flood_damage", "asset", (1, 2, 3), (1.2, 2.2, 3.2), _W, _flood, start_hour=11.0),
    Fault("capacitor wear", "capacitor_wear", "asset", (0.08, 0.15, 0.25), (16, 12, 10), _D, _capacitor),
    Fault("efficiency loss", "efficiency_loss", "asset", (0.06, 0.10, 0.16), (25, 22, 20), _D, _efficiency),
    Fault("capacity fade", "capacity_fade", "asset", (0.25, 0.35, 0.50), (30, 30, 25), ANY, _fade),
    Fault("curtailment", "curtailment", "no_fault", (0.6, 0.4, 0.2), (0.12, 0.15, 0.2), _P, _curtailment, start_hour=10.5),
    Fault("snow", "snow", "no_fault", (0.8, 0.9, 1.0), (1.0, 2.0, 3.0), _W, _snow, start_hour=4.0),
    Fault("communication gap", "communication_gap", "data", (1, 2, 3), (0.15, 0.5, 2.0), ANY, _gap, start_hour=10.0),
    Fault("stuck logger", "stale_values", "data", (1, 2, 3), (0.1, 0.2, 0.3), ANY, _stuck, start_hour=9.0),
    Fault("wrong unit", "unit_error", "data", (1000.0, 1000.0, 0.001), (1.0, 2.0, 3.0), ANY, _watts, start_hour=0.0),
    Fault("clock off", "clock_shift", "data", (60.0, -60.0, 120.0), (3.0, 4.0, 4.0), ANY, _clock, start_hour=0.0),
    Fault("pyranometer drift", "sensor_drift", "data", (0.15, 0.20, 0.30), (25, 25, 20), _P | _I, _sensor_drift),
    Fault("yaw misaligned", "yaw_misalignment", "asset", (15, 20, 28), (25, 20, 15), ANY, _yaw, kind="wind"),
    Fault("pitch misaligned", "pitch_misalignment", "asset", (0.08, 0.15, 0.25), (25, 20, 15), ANY, _pitch, kind="wind"),
    Fault("turbine derated", "turbine_derating", "asset", (0.7, 0.5, 0.3), (15, 12, 10), ANY, _limit, kind="wind"),
    Fault("icing", "icing", "asset", (0.3, 0.5, 0.8), (4, 4, 4), ANY, _icing, kind="wind"),
    Fault("bearing wear", "bearing_wear", "asset", (0.08, 0.15, 0.25), (20, 15, 12), ANY, _bearing, kind="wind"),
    Fault("turbine dead", "inverter_failure", "asset", (1, 2, 3), (1.5, 2.5, 4.0), ANY, _stop, kind="wind"),
)  # fmt: skip
