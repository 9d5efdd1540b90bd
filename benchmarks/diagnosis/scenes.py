"""Scenes for the causes: weather that has nothing to do with the fault, switching by the operator, and
fault forms that `benchmarks/detection/faults.py` lacks.

The weather of a *distractor* is drawn at random, strong enough to be noticed and not strong enough to
explain the fault; the fault beside it is a plain one. Weather damage itself is here with another storm
than that of `faults.py`. The author of the table of signs made these scenes too: they show whether the
table does what it should, not how strangers fare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.detection.faults import ANY, Apply, Fault, Scene
from benchmarks.detection.plants import curve

_W = frozenset({"weather"})
_VW = frozenset({"voltage", "weather"})
_V = frozenset({"voltage"})
_P = frozenset({"peers"})
OPEN_CIRCUIT = 1.18
"""Voltage of modules without load over that at the maximum power point."""


@dataclass(frozen=True)
class Form:
    """A fault's form: the fault as the bench knows it, and which other names are as good an answer."""

    fault: Fault
    also: tuple[str, ...] = ()


def _off(s: Scene, rows: np.ndarray, *, volts: bool = True) -> None:
    """No power in `rows`; the modules stand at their open-circuit voltage where `volts`."""
    keep = s.inside.copy()
    s.inside[:] = rows
    s.set_power(np.zeros(len(s.frame)), with_dc=True)
    lit = rows & (s.frame["pot_kw"] > 0.02 * s.capacity).to_numpy()
    factor = OPEN_CIRCUIT if volts else 0.02
    s.frame["voltage_v"] = np.where(lit, s.frame["voltage_v"] * factor, s.frame["voltage_v"])
    s.inside[:] = keep


def _dead(s: Scene, x: float) -> None:
    _off(s, s.inside.copy())


def _after(storm: str, then: Apply) -> Apply:
    """The fault `then`, after weather that only happened to be there."""

    def apply(s: Scene, x: float) -> None:
        u = s.rng.uniform
        {
            "thunder": lambda: s.storm(rain=u(10, 30), peak=u(8, 18), gust=u(8, 18), drop=u(2, 5)),
            "rain": lambda: s.storm(rain=u(40, 85), peak=u(6, 12), gust=u(6, 14), drop=2, hours_before=16),
            "gust": lambda: s.storm(rain=u(0, 4), peak=u(0, 3), gust=u(10, 15.5), drop=u(1, 4)),
            "shower": lambda: s.storm(rain=u(6, 15), peak=u(6, 13), gust=u(6, 14), drop=u(3, 7)),
        }[storm]()
        then(s, x)

    return apply


def _string(s: Scene, x: float) -> None:
    s.dc_side(1 - x)


def _lightning(s: Scene, x: float) -> None:
    u = s.rng.uniform
    s.storm(rain=u(8, 30), peak=u(8, 20), gust=u(8, 20), drop=u(2, 6))
    _off(s, s.inside.copy(), volts=False)


def _flood(s: Scene, x: float) -> None:
    u = s.rng.uniform
    s.storm(rain=u(100, 180), peak=u(10, 30), gust=u(8, 16), drop=2, hours_before=20)
    _off(s, s.inside.copy(), volts=s.rng.random() < 0.5)


def _hail(s: Scene, x: float) -> None:
    u = s.rng.uniform
    s.storm(rain=u(14, 30), peak=u(14, 26), gust=u(12, 22), drop=u(8, 13))
    s.dc_side(1 - x)


def _wind(s: Scene, x: float) -> None:
    u = s.rng.uniform
    s.storm(rain=u(0, 6), peak=u(0, 4), gust=u(27, 36), drop=u(1, 4))
    s.dc_side(1 - x)


def _cell(s: Scene, x: float) -> None:
    """A warm spell; x % less a degree above 52 °C that the modules, not the device, reach."""
    if s.weather is not None:
        times = s.frame["timestamp"][s.inside]
        s.weather.loc[times.iloc[0] : times.iloc[-1], "temperature_c"] += 8.0
    load = (s.frame["pot_kw"] / s.capacity).clip(0, 1)
    air = s.frame["temperature_c"] - 20.0 * load + np.where(s.inside, 8.0, 0.0)
    cell = air + 30.0 * load
    s.frame["temperature_c"] += np.where(s.inside, 8.0, 0.0)
    factor = np.clip(1 - x / 100 * np.maximum(cell - 52.0, 0.0), 0.3, 1.0)
    s.set_power(np.where(s.inside, s.frame["power_kw"] * factor, s.frame["power_kw"]), with_dc=True)


def _pid(s: Scene, x: float) -> None:
    """Shunts: the voltage falls, and in weak light more is lost than in strong."""
    grown = x * s.days_in / max(s.days_in[s.inside].max(), 1.0)
    load = (s.frame["pot_kw"] / s.capacity).clip(0, 1)
    loss = np.clip(grown * (0.7 + 1.3 * (1 - load)), 0, 0.9)
    s.frame["voltage_v"] *= np.where(s.inside, 1 - 0.5 * grown, 1.0)
    s.dc_side(1 - loss)


def _cable(s: Scene, x: float) -> None:
    """Resistance that grows: the loss follows the current, the inverter sees less voltage."""
    grown = x * s.days_in / max(s.days_in[s.inside].max(), 1.0)
    load = (s.frame["pot_kw"] / s.capacity).clip(0, 1)
    s.frame["voltage_v"] *= np.where(s.inside, 1 - 0.6 * grown * load, 1.0)
    s.dc_side(1 - grown * load)


def _diode(s: Scene, x: float) -> None:
    s.frame["voltage_v"] *= np.where(s.inside, 1 - x, 1.0)
    s.dc_side(1 - x)


def _hours(s: Scene, first: float, length: float) -> np.ndarray:
    rows: np.ndarray = s.inside & (s.solar_hour >= first) & (s.solar_hour < first + length)
    return rows


def _rotation(s: Scene, x: float) -> None:
    """The operator rests one machine after the other, x hours each, in the same order every day."""
    turns = s.rng.permutation(len(s.others) + 1)
    first = 8.5 + (turns * x) % 7.0
    _off(s, _hours(s, first[0], x))
    at = s.frame.set_index("timestamp").index
    for number, frame in enumerate(s.others.values()):
        rows = pd.Series(_hours(s, first[number + 1], x), at)
        still = frame["timestamp"].map(rows).fillna(False).to_numpy(dtype=bool)
        frame["power_kw"] = np.where(still, 0.0, frame["power_kw"])


def _schedule(s: Scene, x: float) -> None:
    """Switched off by a clock: x hours from 11:00 on."""
    _off(s, _hours(s, 11.0, x))


def _group(s: Scene, x: float) -> None:
    """A third of the site is switched off with it."""
    _off(s, s.inside.copy())
    for frame in list(s.others.values())[: max(2, len(s.others) // 3)]:
        times = s.frame["timestamp"][s.inside]
        still = frame["timestamp"].between(times.iloc[0], times.iloc[-1]).to_numpy()
        frame["power_kw"] = np.where(still, 0.0, frame["power_kw"])


def _loose(s: Scene, x: float) -> None:
    """A loose contact: a string that comes and goes by the day."""
    day = s.days_in.astype(int)
    gone = np.random.default_rng(int(s.days_in[s.inside].max() * 10)).random(day.max() + 1) < 0.75
    s.dc_side(np.where(gone[day], 1 - x, 1.0))


def _icing(s: Scene, x: float) -> None:
    """Ice at temperatures around zero that the nacelle's thermometer shows warmer; it falls off at noon of
    the last day."""
    u = s.rng.uniform
    ice = np.clip(s.days_in / max(s.days_in[s.inside].max(), 0.1) * 1.6, 0.25, 1.0)
    s.frame["temperature_c"] = np.where(
        s.inside, u(-3, 2.5) + s.rng.normal(0, 0.8, len(s.frame)), s.frame["temperature_c"]
    )
    if s.weather is not None:
        times = s.frame["timestamp"][s.inside]
        hours = slice(times.iloc[0], times.iloc[-1])
        n = len(s.weather.loc[hours])
        s.weather.loc[hours, "temperature_c"] = u(-4, 1) + s.rng.normal(0, 1, n)
        s.weather.loc[hours, "precipitation_mm"] = 0.1
    wind = s.frame["true_wind"].to_numpy()
    less, full = curve(wind * (1 - x * ice)), curve(wind)
    ratio = np.where(full > 1e-3, less / np.maximum(full, 1e-3), 1.0)
    s.set_power((s.frame["power_kw"] * np.minimum(ratio, 1.0)).to_numpy(), with_dc=False)


def _reversed(s: Scene, x: float) -> None:
    """A tracker that turns the wrong way: right at noon, edge-on in the morning and evening."""
    off = np.radians(np.clip(np.abs(30.0 * (s.solar_hour - 12.0)), 0, 110))
    s.dc_side(1 - np.clip(1 - np.maximum(np.cos(off), 0.0), 0, 1) * s.frame["beam"])


def _f(name: str, truth: str, x: tuple[float, float, float], days: tuple[float, float, float],
       needs: frozenset[str], apply: Apply, *also: str, kind: str = "solar", tracking: bool = False,
       start: float | None = None) -> Form:  # fmt: skip
    return Form(Fault(name, truth, "asset", x, days, needs, apply, kind, tracking, start), also)


_STOP_DAYS = (1.2, 2.2, 3.2)
FORMS: tuple[Form, ...] = (
    _f("dead after a thunderstorm", "inverter_failure", (1, 2, 3), _STOP_DAYS, _VW, _after("thunder", _dead), start=13.0),
    _f("dead after heavy rain", "inverter_failure", (1, 2, 3), _STOP_DAYS, _VW, _after("rain", _dead), start=11.0),
    _f("dead after a gust", "inverter_failure", (1, 2, 3), _STOP_DAYS, _VW, _after("gust", _dead), start=13.0),
    _f("string after a gust", "string_loss", (0.08, 0.17, 0.30), (12, 10, 8), _W, _after("gust", _string), start=14.0),
    _f("string after a shower", "string_loss", (0.08, 0.17, 0.30), (12, 10, 8), _W, _after("shower", _string), start=14.0),
    _f("lightning, other storm", "lightning_damage", (1, 2, 3), _STOP_DAYS, _VW, _lightning, start=13.0),
    _f("flood, other storm", "flood_damage", (1, 2, 3), _STOP_DAYS, _VW, _flood, start=11.0),
    _f("hail, other storm", "hail_damage", (0.1, 0.2, 0.4), (12, 10, 8), _W, _hail, start=14.0),
    _f("wind, other storm", "wind_damage", (0.1, 0.25, 0.5), (12, 10, 8), _W, _wind, start=14.0),
    _f("derating by cell temperature", "overtemperature_derating", (1.5, 2.5, 4.0), (8, 8, 8), _VW, _cell),
    _f("PID", "module_degradation", (0.12, 0.2, 0.3), (40, 35, 30), _V, _pid),
    _f("cable resistance grows", "connector_wear", (0.15, 0.25, 0.4), (30, 25, 20), _V, _cable),
    _f("bypass diode", "module_degradation", (0.05, 0.08, 0.12), (12, 10, 8), _V, _diode),
    _f("one of the MPP trackers lost", "mppt_fault", (1 / 4, 1 / 3, 1 / 2), (8, 8, 8), ANY, _string, "string_loss"),
    _f("loose contact", "string_loss", (0.1, 0.2, 0.3), (12, 10, 8), ANY, _loose, "connector_wear"),
    _f("rested in turn", "switched_off", (1.0, 1.5, 2.0), (5, 4, 3), _P, _rotation, start=0.0),
    _f("switched off by the clock", "switched_off", (1.0, 2.0, 3.0), (6, 5, 4), _V, _schedule, start=0.0),
    _f("switched off in a group", "switched_off", (1, 2, 3), (0.1, 0.2, 0.3), _P, _group, "grid_outage", start=10.5),
    _f("icing around zero", "icing", (0.15, 0.25, 0.4), (3, 3, 4), ANY, _icing, kind="wind"),
    _f("tracker reversed", "tracker_stuck", (1, 2, 3), (8, 8, 8), ANY, _reversed, tracking=True),
)  # fmt: skip
