"""What befalls photovoltaic machines, as physics on their light, strings, cells, cables and inverters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.detection.strangers.machines import FINE, Ill, Plant
from benchmarks.detection.strangers.noise import remembering, slowed
from benchmarks.detection.strangers.scene import PER_DAY, Scene, Trouble, When


def _lost(s: Scene, share: float) -> tuple[float, int]:
    """The share of strings nearest to what was asked for, at least one, and how many they are."""
    count = s.plant.machine(s.machine).strings
    gone = max(1, round(share * count))
    return gone / count, gone


def string_out(s: Scene, x: float) -> Ill:
    share, _ = _lost(s, x)
    return Ill(dc=1.0 - share, where=s.inside)


def growing_obstacle(s: Scene, x: float) -> Ill:
    """A tree or a mast: each day higher and wider, at one azimuth; takes `x` of the beam behind it."""
    centre = (90.0, 250.0, 120.0, 225.0)[int(s.rng.integers(0, 4))]
    grown = np.clip(s.days / max(s.days[s.inside].max(), 1.0), 0, 1)
    behind = np.abs((s.bearing - centre + 180) % 360 - 180) < 14 + 14 * grown
    return Ill(beam=np.where(behind & (s.height < 24 + 26 * grown), 1 - x, 1.0), where=s.inside)


def pid(s: Scene, x: float) -> Ill:
    """Shunted cells: grows over weeks, takes more under weak light, and lowers the voltage."""
    grown = x * np.clip(s.days / max(s.days[s.inside].max(), 1.0), 0, 1) ** 0.8
    weak = 1.35 - 0.55 * np.clip(s.light / 1000.0, 0, 1)
    return Ill(dc=1 - grown * weak, volts=1 - 0.6 * grown, where=s.inside)


def own_dirt(s: Scene, x: float) -> Ill:
    """Dust of a works beside it: grows by `x` a day, rain takes a part of it."""
    rain = s.rain / (60 / FINE)
    loss, out = 0.0, np.ones(len(rain))
    for n in np.flatnonzero(s.inside):
        loss = loss * float(np.exp(-rain[n] / 9.0)) + x / PER_DAY
        out[n] = 1 - min(loss, 0.5)
    return Ill(light=out, where=s.inside)


def cable(s: Scene, x: float) -> Ill:
    """A contact that corrodes: its resistance grows by day; the loss goes with the current."""
    load = np.clip(s.light / 1000.0, 0, 1.1)
    grown = np.clip(s.days / max(s.days[s.inside].max(), 1.0), 0, 1) * (
        1 + 0.1 * remembering(s.rng, len(load), 60)
    )
    drop = np.clip(x * load * np.clip(grown, 0, None), 0, 0.6)
    return Ill(dc=1 - drop, volts=1 - drop, where=s.inside)


def diode(s: Scene, x: float) -> Ill:
    """Bypass diodes shorted in `x` of the modules: a third of each one's voltage is gone for good."""
    gone = x / 3.0
    return Ill(dc=1 - 1.15 * gone, volts=1 - 0.8 * gone, where=s.inside)


def mppt_lost(s: Scene, x: float) -> Ill:
    """One of the inverter's MPP trackers stands still at a wrong voltage, and gives a part of its power."""
    inputs = s.plant.machine(s.machine).mppts
    hunt = np.clip(x + 0.1 * remembering(s.rng, len(s.days), 6), 0, 1)
    return Ill(dc=1 - hunt / inputs, volts=1 + 0.12 / inputs, where=s.inside)


def hot_cells(s: Scene, x: float) -> Ill:
    """Firmware that throttles by module temperature: `x` a degree above 46 °C of the cell."""
    return Ill(derate=(46.0, x, "cell"), where=s.inside)


def fan(s: Scene, x: float) -> Ill:
    """The fan stands: the heatsink runs hot, and the inverter throttles by it."""
    return Ill(heat=14.0 + 6.0 * x, derate=(58.0, 0.009 * x, "device"), where=s.inside)


def dead(s: Scene, x: float) -> Ill:
    return Ill(off=s.inside, open_volts=1.17)


def blown(s: Scene, x: float) -> Ill:
    """The DC side is gone too: no voltage."""
    return Ill(off=s.inside, open_volts=0.0)


def short_stop(s: Scene, x: float) -> Ill:
    return Ill(off=s.inside, open_volts=1.17)


def grid_trips(s: Scene, x: float) -> Ill:
    """The grid's voltage rises with what is fed in: trips of 10 to 30 minutes around noon, some days."""
    load = s.healthy() / s.plant.machine(s.machine).capacity_kw
    rise = load + 0.25 * remembering(s.rng, len(load), 4) > 1.05 - x
    off = np.zeros(len(load), dtype=bool)
    at = 0
    for n in np.flatnonzero(rise & s.inside):
        if n >= at:
            length = int(s.rng.integers(2, 7))
            off[n : n + length] = True
            at = n + length + 3
    return Ill(off=off & s.inside, open_volts=1.17)


def ground_fault(s: Scene, x: float) -> Ill:
    """No start while the insulation is wet: after rain at night until `x` hours of sun have dried it."""
    wet, off = 0.0, np.zeros(len(s.days), dtype=bool)
    for n, (rain, light) in enumerate(zip(s.rain, s.light, strict=True)):
        wet = min(max(wet + rain * FINE / 60 * 1.5 - light / 400.0 * FINE / 60 / x, 0.0), 1.0)
        off[n] = wet > 0.25
    return Ill(off=off & s.inside, open_volts=1.15)


def stalled(s: Scene, x: float) -> Ill:
    """The tracker stands at `x` degrees (east below 0)."""
    count = len(s.days)
    return Ill(
        tilt=np.full(count, abs(x)), azimuth=np.full(count, 90.0 if x < 0 else 270.0), where=s.inside
    )


def reversed_tracker(s: Scene, x: float) -> Ill:
    """The motor's wires are swapped: it looks west in the morning; `x` of the way."""
    from benchmarks.detection.strangers.roofs import turned

    zenith, azimuth = s.plant.zenith[s.part], s.plant.bearing[s.part]
    tilt, toward = turned(s.plant.machine(s.machine), zenith, azimuth)
    return Ill(tilt=tilt * x, azimuth=(toward + 180.0) % 360.0, where=s.inside)


def set_point(s: Scene, x: float) -> Ill:
    return Ill(limit=x, where=s.inside)


def reactive(s: Scene, x: float) -> Ill:
    """A wrong power factor: the apparent power's limit leaves `x` of the active."""
    return Ill(limit=x + 0.004 * remembering(s.rng, len(s.days), 9), where=s.inside)


def late_start(s: Scene, x: float) -> Ill:
    """It needs `x` of full light before it starts in the morning, and stops so in the evening."""
    return Ill(off=s.inside & (slowed(s.light, 6) < 1000 * x) & (s.light > 15), open_volts=1.1)


def ice(s: Scene, x: float) -> Ill:
    """Snow on this roof only: `x` of it is under, it slides off from the third day."""
    left = x * np.clip(1.6 - s.days / max(s.days[s.inside].max(), 0.5), 0, 1)
    return Ill(light=1 - np.clip(left, 0, 1), where=s.inside)


def broken_glass(s: Scene, x: float) -> Ill:
    return Ill(dc=1 - x, volts=1 - 0.15 * x, where=s.inside)


# ------------------------------------------------------------------ when it may happen


def after_storm(kind: str, hail: bool | None = None) -> When:
    """Within the hour after a storm of that kind."""

    def when(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
        start = plant.weather.start
        fits = [
            s for s in plant.weather.storms
            if s.kind == kind and (hail is None or s.hail == hail)
        ]  # fmt: skip
        if not fits:
            return None
        storm = fits[int(rng.integers(0, len(fits)))]
        return int((storm.begin - start) / pd.Timedelta(minutes=FINE)) + int(rng.integers(2, 12))

    return when


def in_heat(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
    """In a heat wave, or else in the warmest tenth of the year."""
    daily = plant.air[: len(plant.air) // PER_DAY * PER_DAY].reshape(-1, PER_DAY).max(axis=1)
    days = np.flatnonzero(daily > np.quantile(daily, 0.88))
    return int(rng.choice(days)) * PER_DAY


def in_frost(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
    """After rain or snow in frost."""
    daily = plant.air[: len(plant.air) // PER_DAY * PER_DAY].reshape(-1, PER_DAY).mean(axis=1)
    wet = plant.weather.rain.reshape(-1, 24).sum(axis=1)[: len(daily)]
    days = np.flatnonzero((daily < 0.5) & (wet > 1.0))
    return int(rng.choice(days)) * PER_DAY + int(0.9 * PER_DAY) if len(days) else None


def after_gust(plant: Plant, rng: np.random.Generator, length: int) -> int | None:
    """In the hours after a windy or a wet hour that is no storm."""
    weather = plant.weather
    hours = np.flatnonzero((weather.wind > np.quantile(weather.wind, 0.985)) | (weather.rain > 2.0))
    return int(rng.choice(hours)) * (60 // FINE) + 12


SOLAR = (
    Trouble("string out", "string_loss", (0.04, 0.09, 0.22), (14, 12, 9), string_out),
    Trouble("string out after a gust or shower", "string_loss", (0.1, 0.2), (9, 8), string_out, when=after_gust,
            also=()),
    Trouble("growing obstacle", "shading", (0.5, 0.7, 0.9), (30, 24, 18), growing_obstacle),
    Trouble("PID", "module_degradation", (0.08, 0.16, 0.3), (60, 60, 60), pid, needs=("voltage",), slow=True),
    Trouble("own dirt", "soiling", (0.0015, 0.003, 0.006), (60, 60, 45), own_dirt, slow=True,
            also=("maintenance_overdue",)),
    Trouble("cable grows", "connector_wear", (0.08, 0.16, 0.3), (60, 60, 60), cable, needs=("voltage",), slow=True),
    Trouble("bypass diodes", "string_loss", (0.12, 0.25, 0.5), (14, 12, 10), diode, also=("module_degradation",)),
    Trouble("MPPT lost", "mppt_fault", (0.35, 0.7, 1.0), (9, 8, 7), mppt_lost, also=("string_loss",),
            needs=("voltage",)),
    Trouble("derating by cell", "overtemperature_derating", (0.006, 0.012, 0.02), (9, 8, 7), hot_cells, when=in_heat),
    Trouble("fan stands", "fan_failure", (0.8, 1.3, 2.0), (9, 8, 7), fan, also=("overtemperature_derating",),
            needs=("temperature",), when=in_heat),
    Trouble("inverter dead", "inverter_failure", (1, 2, 3), (1.5, 3, 12), dead, hour=10.2),
    Trouble("dead after a thunderstorm, voltage there", "inverter_failure", (1, 2), (2, 4), dead,
            needs=("voltage",), when=after_storm("thunderstorm")),
    Trouble("lightning, voltage gone", "lightning_damage", (1, 2), (2, 4), blown, also=("dc_bus_fault",),
            needs=("voltage",), when=after_storm("thunderstorm")),
    Trouble("short stop", "inverter_trip", (1, 2, 3), (0.045, 0.09, 0.16), short_stop, hour=11.1),
    Trouble("trips at high grid voltage", "inverter_trip", (0.0, 0.12, 0.3), (8, 7, 6), grid_trips,
            also=("grid_outage",)),
    Trouble("ground fault after rain", "isolation_fault", (1.0, 2.0, 4.0), (14, 12, 12), ground_fault),
    Trouble("tracker stalled", "tracker_stuck", (0.0, -35.0, 50.0), (8, 7, 6), stalled, only=("tracked",)),
    Trouble("tracker reversed", "tracker_stuck", (0.4, 0.7, 1.0), (6, 5, 5), reversed_tracker, only=("tracked",)),
    Trouble("set-point", "wrong_setpoint", (0.7, 0.5, 0.3), (9, 7, 6), set_point),
    Trouble("wrong power factor", "clipping_beyond_design", (0.88, 0.82, 0.76), (14, 12, 10), reactive,
            also=("wrong_setpoint",)),
    Trouble("late start", "", (0.15, 0.2, 0.32), (10, 9, 8), late_start),
    Trouble("snow on one roof", "snow", (0.7, 0.9, 1.0), (2, 3, 4), ice, when=in_frost, only=("roofs",),
            no_fault=True),
    Trouble("torn by a gale", "wind_damage", (0.1, 0.2, 0.4), (10, 9, 8), broken_glass, when=after_storm("gale")),
    Trouble("hail", "hail_damage", (0.08, 0.16, 0.3), (12, 10, 9), broken_glass,
            when=after_storm("thunderstorm", hail=True)),
)  # fmt: skip
