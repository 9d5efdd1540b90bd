"""Further forms of faults as physics, by a third hand that had not read how Diagnose tells causes apart.

Other shapes in time than `solar_faults` and `wind_faults`: steps, cycles, growth that ends, two at once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.detection.strangers.machines import FINE, Ill, Output, times_of
from benchmarks.detection.strangers.noise import Floats, remembering, slowed
from benchmarks.detection.strangers.roofs import in_plane
from benchmarks.detection.strangers.scene import PER_DAY, Act, Scene

HOUR = 60 // FINE


def strings(s: Scene, share: float) -> float:
    """The share that whole strings make, at least one."""
    count = s.plant.machine(s.machine).strings
    return max(1, round(share * count)) / count


def grown(s: Scene) -> Floats:
    """0 at the fault's begin, 1 at its end."""
    return np.clip(s.days / max(float(s.days[s.inside].max()), 1.0), 0, 1)


def load(s: Scene) -> Floats:
    """What a sound machine would give, as a share of its capacity."""
    return s.healthy() / s.plant.machine(s.machine).capacity_kw


def together(first: Act, second: Act, share: float) -> Act:
    """Two faults at once, the second at `share` of the strength."""

    def act(s: Scene, x: float) -> Ill:
        one, two = first(s, x), second(s, x * share)
        count = len(s.days)

        def product(name: str) -> Floats:
            return times_of(getattr(one, name), one.where, count) * times_of(
                getattr(two, name), two.where, count
            )

        offs = [i.off for i in (one, two) if i.off is not None]
        return Ill(
            beam=product("beam"), light=product("light"), dc=product("dc"), volts=product("volts"),
            off=np.any(offs, axis=0) if offs else None,
            derate=one.derate or two.derate, heat=one.heat if one.heat is not None else two.heat,
            where=s.inside if one.derate or two.derate else None,
        )  # fmt: skip

    return act


# ------------------------------------------------------------------ strings, contacts, modules


def strings_in_steps(s: Scene, x: float) -> Ill:
    """One combiner's fuses blow one after the other, in three steps."""
    steps = np.floor(grown(s) * 3 + 1).clip(1, 3) / 3
    return Ill(dc=1 - strings(s, x) * steps, where=s.inside)


def warm_contact(s: Scene, x: float) -> Ill:
    """A fuse's spring opens when it is warm, and closes again in the evening."""
    hot = slowed(s.light, 8) > 480
    return Ill(dc=np.where(hot, 1 - strings(s, x), 1.0), where=s.inside)


def lost_strings(s: Scene, x: float) -> Ill:
    return Ill(dc=1 - strings(s, x), where=s.inside)


def steady_contact(s: Scene, x: float) -> Ill:
    """A loose terminal since a service: it takes what goes with the current, and does not grow."""
    drop = x * np.clip(s.light / 1000, 0, 1.1)
    return Ill(dc=1 - drop, volts=1 - drop, where=s.inside)


def burns_through(s: Scene, x: float) -> Ill:
    """A contact gets worse for two thirds of the time, then it is open and its strings are gone."""
    gone, part = grown(s) > 0.66, strings(s, x)
    drop = 0.8 * part * (grown(s) / 0.66) ** 2 * np.clip(s.light / 1000, 0, 1.1)
    return Ill(dc=np.where(gone, 1 - part, 1 - drop), volts=np.where(gone, 1.0, 1 - drop), where=s.inside)


def quick_pid(s: Scene, x: float) -> Ill:
    """An S over time; shunts cost most under weak light, and draw the voltage down."""
    rise = x / (1 + np.exp(-9 * (grown(s) - 0.45)))
    weak = 1.5 - 0.7 * np.clip(s.light / 900, 0, 1)
    return Ill(dc=1 - np.clip(rise * weak, 0, 0.8), volts=1 - 0.75 * rise, where=s.inside)


def burst_of_dust(s: Scene, x: float) -> Ill:
    """A dust storm or a harvest in one afternoon; each rain takes of it."""
    left, out = x, np.ones(len(s.days))
    for n in np.flatnonzero(s.inside):
        left *= float(np.exp(-s.rain[n] / HOUR / 5.0)) if s.rain[n] > 0 else 1.0
        out[n] = 1 - left
    return Ill(light=out, where=s.inside)


def quick_dust(s: Scene, x: float) -> Ill:
    """A building site beside it for two weeks, then it stays until rain takes it."""
    left, out, rain = 0.0, np.ones(len(s.days)), s.rain / HOUR
    for n in np.flatnonzero(s.inside):
        left = left * float(np.exp(-rain[n] / 7.0)) + (x / 14 / PER_DAY if s.days[n] < 14 else 0.0)
        out[n] = 1 - left
    return Ill(light=out, where=s.inside)


def parked(s: Scene, x: float) -> Ill:
    """A container or scaffold is put up on one side, whole from the first day."""
    centre = (105.0, 255.0)[int(s.rng.integers(0, 2))]
    if s.plant.recipe.latitude < 0:
        centre = 180.0 - centre if centre < 180 else 540.0 - centre
    behind = np.abs((s.bearing - centre + 180) % 360 - 180) < 38
    return Ill(beam=np.where(behind & (s.height < 38), 1 - x, 1.0), sky=0.96, where=s.inside)


def house(s: Scene, x: float) -> Ill:
    """The neighbour builds: storey by storey in three weeks, up to `x` degrees; it stays, and takes some of
    the sky."""
    centre = float(s.rng.choice([95.0, 140.0, 220.0, 265.0]))
    if s.plant.recipe.latitude < 0:
        centre = (180.0 - centre) % 360.0
    storeys = np.clip(np.floor(s.days / 7.0) + 1, 1, 3) / 3
    behind = np.abs((s.bearing - centre + 180) % 360 - 180) < 28
    return Ill(
        beam=np.where(behind & (s.height < x * storeys), 0.0, 1.0),
        sky=1 - 0.002 * x * storeys,
        where=s.inside,
    )


def crane(s: Scene, x: float) -> Ill:
    """A crane beside the roof around noon: a narrow shadow, its place is another one each day."""
    day = np.floor(s.days).astype(int)
    shift = s.rng.uniform(-1.0, 1.0, 400)[np.clip(day, 0, 399)]
    over = np.abs(s.solar - 12.3 - shift) < 1.1
    return Ill(beam=np.where(over, 1 - x, 1.0), where=s.inside)


def grass(s: Scene, x: float) -> Ill:
    """High grass before the lowest rows: morning and evening, under low sun."""
    low = np.clip((34 - s.height) / 12, 0, 1)
    return Ill(beam=1 - x * low * np.clip(0.4 + grown(s), 0, 1), where=s.inside)


# ------------------------------------------------------------------ inverters


def dead(s: Scene, x: float) -> Ill:
    return Ill(off=s.inside, open_volts=1.15)


def no_volts(s: Scene, x: float) -> Ill:
    """The DC switch is open or its fuses are gone."""
    return Ill(off=s.inside, open_volts=0.0)


def hot_trips(s: Scene, x: float) -> Ill:
    """It trips for 25 to 60 minutes when it is hot, up to three times a day."""
    warm = s.air + 30 * slowed(load(s), 6)
    limit = (
        np.quantile(warm[s.inside & (s.light > 200)], 1 - x) if (s.inside & (s.light > 200)).any() else 1e9
    )
    off, at = np.zeros(len(warm), dtype=bool), 0
    for n in np.flatnonzero(s.inside & (warm > limit)):
        if n >= at:
            length = int(s.rng.integers(5, 13))
            off[n : n + length] = True
            at = n + length + 18
    return Ill(off=off & s.inside, open_volts=1.16)


def restarts(s: Scene, x: float) -> Ill:
    """`x` stops of 20 to 70 minutes at hours of their own, spread over the days."""
    off = np.zeros(len(s.days), dtype=bool)
    lit = np.flatnonzero(s.inside & (s.light > 250))
    for n in s.rng.choice(lit, min(int(x), len(lit)), replace=False) if len(lit) else ():
        off[n : n + int(s.rng.integers(4, 14))] = True
    return Ill(off=off & s.inside, open_volts=1.16)


def cell_heat(s: Scene, x: float) -> Ill:
    return Ill(derate=(50.0, x, "cell"), where=s.inside)


def device_heat(s: Scene, x: float) -> Ill:
    """No air: a cover stands before its grille; it throttles by its heatsink."""
    return Ill(heat=12 + 8 * x, derate=(54.0, 0.014 * x, "device"), where=s.inside)


def heat_in_steps(s: Scene, x: float) -> Ill:
    """A heatsink's switch: above its limit it gives `x` of its rating for half an hour, then tries anew."""
    warm = s.air + 34 * slowed(load(s), 5)
    lit = s.inside & (s.light > 250)
    limit = np.quantile(warm[lit], 0.62) if lit.any() else 1e9
    most, at = np.full(len(warm), 1.2), 0
    for n in np.flatnonzero(s.inside & (warm > limit)):
        if n >= at:
            length = int(s.rng.integers(5, 9))
            most[n : n + length] = x
            at = n + length + 3
    return Ill(limit=most, heat=17.0, where=s.inside)


def filter_clogs(s: Scene, x: float) -> Ill:
    """The filter mat gets full over weeks."""
    return Ill(heat=30 * grown(s) * x, derate=(52.0, 0.015, "device"), where=s.inside)


def wrong_point(s: Scene, x: float) -> Ill:
    """One MPPT stays at its morning's voltage: right in the morning, wrong as the modules get warm."""
    inputs = s.plant.machine(s.machine).mppts
    warm = np.clip((s.light - 150) / 500, 0, 1)
    away = np.clip(x * warm + 0.06 * remembering(s.rng, len(s.days), 9), 0, 1)
    return Ill(dc=1 - away / inputs, volts=1 + 0.1 * warm / inputs, where=s.inside)


def hunts(s: Scene, x: float) -> Ill:
    """It looks for the best point up and down without end: power jumps, the mean is lower."""
    jump = np.clip(np.abs(remembering(s.rng, len(s.days), 2.0)), 0, 2.2) * x
    return Ill(dc=1 - np.clip(jump, 0, 0.9), volts=1 + 0.25 * jump * np.sign(s.rng.normal(size=len(jump))),
               where=s.inside)  # fmt: skip


def two_limits(s: Scene, x: float) -> Ill:
    """Somebody sets `x` of the rating, and after some days once more 0.7 of that."""
    return Ill(limit=np.where(grown(s) < 0.5, x, 0.7 * x), where=s.inside)


def fixed_limit(s: Scene, x: float) -> Ill:
    return Ill(limit=x, where=s.inside)


def dew(s: Scene, x: float) -> Ill:
    """Dew on nine days of ten wets the insulation: it starts `x` hours after the sun, and not in rain."""
    first = float(s.solar[s.inside & (s.light > 15)].min()) if (s.inside & (s.light > 15)).any() else 6.0
    day = np.floor(s.days).astype(int)
    late = x * s.rng.uniform(0.6, 1.3, 400)[np.clip(day, 0, 399)]
    dry = s.rng.random(400)[np.clip(day, 0, 399)] < 0.1
    off = (s.solar < first + late) & ~dry | (slowed(s.rain, 6) > 0.4)
    return Ill(off=off & s.inside, open_volts=1.1)


def rain_trips(s: Scene, x: float) -> Ill:
    """A junction box leaks: it stops in rain and starts `x` hours after it."""
    wet = pd.Series(s.rain > 0.2).rolling(int(x * HOUR), min_periods=1).max().to_numpy() > 0
    return Ill(off=wet & s.inside, open_volts=1.12)


def less_of_dc(s: Scene, out: Output, x: float) -> Output:
    """The power stage makes less of the same DC power, at all loads alike."""
    return replace(out, ac=np.where(s.inside, out.ac * (1 - x), out.ac))


def less_at_load(s: Scene, out: Output, x: float) -> Output:
    """Old capacitors: ripple costs with the square of the load, and more each week."""
    part = np.clip(load(s), 0, 1) ** 1.5
    return replace(out, ac=np.where(s.inside, out.ac * (1 - x * part * (0.5 + 0.5 * grown(s))), out.ac))


def nothing(s: Scene, x: float) -> Ill:
    return Ill()


# ------------------------------------------------------------------ trackers


def some_trackers(s: Scene, x: float) -> Ill:
    """`x` of its rows stand at 25° to the west, the others turn."""
    plant, count = s.plant, len(s.days)
    drive = plant.drives[s.machine]
    beam, sky = in_plane(
        plant.machine(s.machine), s.dni, np.asarray(drive.dhi[s.part], dtype=float), plant.zenith[s.part],
        plant.bearing[s.part], plant.mass[s.part], np.full(count, 1361.0), np.full(count, 25.0),
        np.full(count, 270.0),
    )  # fmt: skip
    ratio = np.clip((beam + sky) / np.maximum(s.light, 5.0), 0, 1.3)
    return Ill(light=1 - x + x * ratio, where=s.inside)


def flat_tracker(s: Scene, x: float) -> Ill:
    """In stow: the wind sensor is stuck, all rows lie flat."""
    count = len(s.days)
    return Ill(tilt=np.full(count, x), azimuth=np.full(count, 90.0), where=s.inside)


# ------------------------------------------------------------------ snow, weather


def lower_rows(s: Scene, x: float) -> Ill:
    """Snow stays on the lower rows of one roof for days, and goes in warm hours."""
    left, out = x, np.ones(len(s.days))
    for n in np.flatnonzero(s.inside):
        left = max(left - 0.0016 * max(float(s.air[n]) - 1.0, 0.0), 0.0)
        out[n] = 1 - left
    return Ill(light=out, where=s.inside)


def panes(s: Scene, x: float) -> Ill:
    return Ill(dc=1 - x, volts=1 - 0.25 * x, where=s.inside)


# ------------------------------------------------------------------ turbines


def vane_slips(s: Scene, x: float) -> Ill:
    """The vane's clamp slips: the error grows from 5 to `x` degrees."""
    off = np.radians(5 + (x - 5) * grown(s) + 2.5 * remembering(s.rng, len(s.days), 20))
    return Ill(speed=np.cos(off) ** 0.85, where=s.inside)


def blade_table(s: Scene, x: float) -> Ill:
    """A wrong table of pitch angles since an update: less in the middle, and a little less at rated."""
    return Ill(thrust=1 - x, ac=1 - 0.25 * x, where=s.inside)


def ice_stops(s: Scene, x: float) -> Ill:
    """Ice grows in the wet frost; with much of it the turbine stops by its vibration until it thaws."""
    ice, much, off = 0.0, np.zeros(len(s.days)), np.zeros(len(s.days), dtype=bool)
    for n in np.flatnonzero(s.inside):
        ice = min(ice + 0.006, 1.0) if s.air[n] < 0.5 else max(ice - 0.012, 0.0)
        much[n], off[n] = ice, ice > x
    return Ill(thrust=1 - 0.6 * much, off=off, where=s.inside)


def quiet_nights(s: Scene, x: float) -> Ill:
    """Noise mode at night, set by mistake on one machine."""
    night = (s.solar >= 22) | (s.solar < 6)
    return Ill(limit=np.where(night, x, 1.2), where=s.inside)


def strong_wind_stops(s: Scene, x: float) -> Ill:
    """The converter trips for 30 to 90 minutes when it gives more than `x`."""
    high, off, at = slowed(load(s), 3) > x, np.zeros(len(s.days), dtype=bool), 0
    for n in np.flatnonzero(high & s.inside):
        if n >= at:
            length = int(s.rng.integers(6, 19))
            off[n : n + length] = True
            at = n + length + 30
    return Ill(off=off & s.inside)


def hot_gear(s: Scene, x: float) -> Ill:
    """The bearing's friction grows in a straight line; it runs hot and brakes."""
    return Ill(heat=34 * (0.2 + 0.8 * grown(s)), ac=1 - x * (0.3 + 0.7 * grown(s)), where=s.inside)


def wind_dead(s: Scene, x: float) -> Ill:
    return Ill(off=s.inside)
