"""Expected power: what a machine should have produced, from the best reference at hand.

    expected = capacity · driver(t) · gain · shape(solar half hour)          sun, peers, forecast
    expected = capacity · curve(density-corrected wind speed)                wind

The *driver* says what was there to be had; *gain* and *shape* are the machine's own, learned from its
earlier
days: azimuth, tilt, horizon, an off-plane sensor and a chronic offset all show in them. References in the
order in which they are tried (`docs/detection.md`):

1. `irradiance+peers`: PVWatts' DC form on the measured irradiance, times the median over the site's sound
   machines of power over the same form. Errors of the weather sensor cancel.
2. `irradiance`: the same form alone.   2w. `wind`: the power curve by wind-speed bins (IEC 61400-12-1).
3. `peers`: the median of the site's sound machines by nameplate.
4. `forecast`: the platform's own forecast.
5. `none`: nothing to compare with; only ranges and data quality are judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.config.detection import ReferenceRules
from ooda.detect.peers import BRIGHT, Beside, sun_driver
from ooda.detect.sky import SLOTS, Floats, Ints, Mask
from ooda.detect.track import Track, slots_of
from ooda.documents.detections import Basis

CLIPPED_SHARE = 0.97
STANDING_SHARE = 0.01
SHAPE_DRIVER = 0.08
BINS, BIN_M_S = 60, 0.5
GAIN_QUANTILE, GAIN_SIGMAS = 0.9, 1.2816
"""The gain is the 0.9-quantile of the days' gains less what their noise adds to it (the normal
distribution's): days with a fault, while they are not nearly all, do not lower it."""
FIRST_DAYS = 14
"""The first days known judge themselves too, for want of earlier ones."""
RELEARN_DAYS = 7
MIN_SHAPE_DAYS = 3
CLEAR, MIN_CLEAR_READINGS, MIN_CLEAR_DAYS = 0.75, 4, 0.2
"""A gain is best learned under a clear sky, if a fifth of the days have an hour of it."""
CHRONIC = 0.05
"""A machine this far below sound neighbours that agree is behind, whatever it always did."""
ALIKE, ALIKE_MACHINES = 0.03, 3
"""…unless so many others are like it: then it is another kind of machine."""
SITE_DOWN_SHARE = 0.05
STANDARD_DENSITY = 1.225
ASSUMED_GAIN = 0.9


@dataclass(frozen=True)
class Levels:
    """A machine's days against one driver: `gain`, `spread` and `cloudy` (spread under clouds) of shape
    (D,), `shape` of (D, S); NaN where a day tells nothing. `day` (D,) rises."""

    day: Ints
    gain: Floats
    spread: Floats
    cloudy: Floats
    shape: Floats

    @classmethod
    def none(cls, width: int = SLOTS) -> Levels:
        """No day."""
        return cls(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0), np.empty((0, width)))


@dataclass(frozen=True)
class Baseline:
    """What earlier days say of the D days judged: gain (D,), shape (D, S), how many days they are (D,), and
    their median gain (D,)."""

    gain: Floats
    shape: Floats
    known: Ints
    middle: Floats


@dataclass(frozen=True)
class Reference:
    """Expected power of one machine at n instants, kW, NaN where there is none.

    `family` is the driver that gain and shape belong to; `levels` what the file's days say for it, `by_sun`
    the same for the irradiance alone, `base` what earlier days say, `history` these days. `own` is the
    expectation without the neighbours' say. `partial_confidence` is how far a partial loss can be believed
    (0…1). `site_down` marks instants at which all neighbours were down too. `sensor_low`, (D,): how much
    less than before the irradiance sensor reads for what the machine gives, NaN where too few days are
    known.
    """

    expected: Floats
    own: Floats
    basis: Basis
    family: str
    reason: str
    partial_confidence: float
    site_down: Mask
    levels: Levels
    by_sun: Levels | None
    base: Baseline
    history: Levels
    sensor_low: Floats | None = None


def measure(track: Track, driver: Floats, usable: Mask) -> Levels:
    """Gain and shape of each day against a driver, shape (n,), from readings in light at work."""
    days = track.days
    with np.errstate(invalid="ignore", divide="ignore"):
        works = usable & (track.share > STANDING_SHARE) & (track.share < CLIPPED_SHARE)
        ratio = track.share / driver
        bright = works & (driver >= BRIGHT)
        dim = works & (driver >= SHAPE_DRIVER)
        clear = bright & (track.clearness >= CLEAR)
    gain = np.where(days.count(clear) >= MIN_CLEAR_READINGS, days.median(ratio, clear), np.nan)
    level = gain
    if not np.isfinite(gain).all():
        every = days.median(ratio, bright)
        if np.isfinite(gain).mean() < MIN_CLEAR_DAYS:  # a dull month, or a place that is not known
            gain = every
        level = np.where(np.isfinite(gain), gain, every)
    relative = ratio / level[days.row]
    dim &= np.isfinite(relative)
    shape = slots_of(days.row, track.sky.slot, relative, dim, len(days), SLOTS)
    unknown = np.full(len(days), np.nan)
    return Levels(days.number, gain, unknown, unknown, shape)


def measure_wind(track: Track, speed: Floats, usable: Mask) -> Levels:
    """Mean share of capacity by wind-speed bin of each day, as `shape`; the gain of a curve is 1."""
    days = track.days
    bins = np.clip(np.nan_to_num(speed) / BIN_M_S, 0, BINS - 1).astype(np.int64)
    works = usable & np.isfinite(speed) & np.isfinite(track.share)
    with np.errstate(invalid="ignore"):
        works &= ~((track.share <= STANDING_SHARE) & (speed > 4.0))
    shape = slots_of(days.row, bins, track.share, works, len(days), BINS)
    gain = np.where(np.isfinite(shape).any(axis=1), 1.0, np.nan)
    unknown = np.full(len(days), np.nan)
    return Levels(days.number, gain, unknown, unknown, shape)


def windows(values: Floats, ends: Ints, width: int) -> Floats:
    """The `width` values before each end, shape (len(ends), width), padded with NaN in front."""
    padded = np.concatenate((np.full(width, np.nan), values))
    views = np.lib.stride_tricks.sliding_window_view(padded, width)
    return np.asarray(views[ends])


def _ends(total: int, own: int) -> Ints:
    """Of `total` days, up to where each of the last `own` looks back: its yesterday, or the first
    `FIRST_DAYS` that are known."""
    return np.maximum(np.arange(total - own, total), min(FIRST_DAYS, total)).astype(np.int64)


def before_each(earlier: Floats, own: Floats, days: int = 30, quantile: float = 0.5) -> Floats:
    """Median (or another quantile) of the `days` values before each of the file's D days, (D,); the
    first `FIRST_DAYS` known stand in for what they lack before them."""
    values = np.concatenate((earlier, own))
    window = windows(values, _ends(len(values), len(own)), days)
    return np.asarray(bn.nanmedian(window, axis=1)) if quantile == 0.5 else _quantile(window, quantile)


def trailing_median(values: Floats, days: int) -> Floats:
    """Median of each value and those before it, `days` in all, (D,); NaN where none is known."""
    return np.asarray(bn.nanmedian(windows(values, np.arange(1, len(values) + 1), days), axis=1))


def _quantile(rows: Floats, q: float) -> Floats:
    """Quantile of each row without its NaN, linear between ranks; shape (n,)."""
    ranked = np.sort(rows, axis=1)
    count = np.isfinite(ranked).sum(axis=1)
    place = q * np.maximum(count - 1, 0)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    at = np.arange(len(rows))
    return np.asarray(ranked[at, low] + (place - low) * (ranked[at, high] - ranked[at, low]))


def baseline(history: Levels, levels: Levels, rules: ReferenceRules) -> Baseline:
    """Gain and shape for each of the file's D days, from the days before it.

    The first `FIRST_DAYS` days that are known at all stand for the history that they lack.
    """
    gains = np.concatenate((history.gain, levels.gain))
    d = len(levels.gain)
    ends = _ends(len(gains), d)
    window = windows(gains, ends, rules.baseline_days)
    known = np.isfinite(window).sum(axis=1)
    if d == 0 or not known.any():
        unknown = np.full(d, np.nan)
        return Baseline(unknown, np.ones((d, levels.shape.shape[1])), known, unknown)
    with np.errstate(invalid="ignore"):
        noise = 1.4826 / np.sqrt(2.0) * bn.nanmedian(np.abs(np.diff(window, axis=1)), axis=1)
        middle = bn.nanmedian(window, axis=1)
        gain = np.maximum(_quantile(window, GAIN_QUANTILE) - GAIN_SIGMAS * np.nan_to_num(noise), middle)
    shapes = np.concatenate((history.shape, levels.shape))
    shape = np.ones((d, shapes.shape[1]))
    for start in range(0, d, RELEARN_DAYS):
        end = int(ends[start])
        part = shapes[max(0, end - rules.shape_days) : end]
        learned = bn.nanmedian(part, axis=0) if len(part) else np.full(shapes.shape[1], np.nan)
        enough = np.isfinite(part).sum(axis=0) >= MIN_SHAPE_DAYS
        shape[start : start + RELEARN_DAYS] = np.where(enough, learned, np.nan)
    return Baseline(gain, shape, known, middle)


def _curve(shape: Floats) -> Floats:
    """A power curve by bin from medians with holes: rising to rated, holes bridged; NaN beyond the
    known."""
    known = np.flatnonzero(np.isfinite(shape))
    if len(known) < 3:
        return np.full(len(shape), np.nan)
    out = np.interp(np.arange(len(shape)), known, np.maximum.accumulate(shape[known]))
    out[known[-1] + 2 :] = np.nan
    return np.asarray(out)


def wind_speed_corrected(track: Track) -> Floats:
    """Wind speed at standard air density, m/s: v · (ρ/1.225)^⅓ with ρ = p/(R·T) at 1 013 hPa.

    Source: IEC 61400-12-1, eq. 5 (normalisation for turbines with active power control).
    """
    kelvin = np.where(np.isfinite(track.temperature), track.temperature, 15.0) + 273.15
    density = 101_325.0 / (287.05 * kelvin)
    return np.asarray(track.wind * (density / STANDARD_DENSITY) ** (1.0 / 3.0))


def reference(
    track: Track,
    *,
    beside: Beside,
    forecast: pd.Series | None,
    usable: Mask,
    history: dict[str, Levels],
    rules: ReferenceRules,
) -> Reference:
    """The best reference for a machine's n readings.

    `beside`: its neighbours; `usable` marks readings in light that may teach and be judged; `history`:
    earlier days by family.
    """
    light = track.sky.light if not track.asset.is_wind else usable

    def covered(values: Floats) -> bool:
        return bool(light.any() and np.isfinite(values[light]).mean() >= 0.5)

    if track.asset.is_wind:
        speed = wind_speed_corrected(track)
        if covered(speed):
            return _by_wind(track, speed, usable, history.get("wind"), rules)
    x = sun_driver(track.irradiance, track.temperature)
    have_sun, have_peers = not track.asset.is_wind and covered(x), covered(beside.share)
    if have_sun:
        sun = measure(track, x, usable)
        base = baseline(history.get("sun", Levels.none()), sun, rules)
        own = _expected(track, x, base, 1.0)
        if have_peers:
            by_peers = _by_peers(track, x, own, sun, beside, usable, history, rules)
            return replace(by_peers, sensor_low=_sensor_low(history.get("sun", Levels.none()), sun, base))
        settled, none = int(base.known.max(initial=0)) >= 2, int(base.known.max(initial=0)) == 0
        source = (
            f"{int(base.known.max(initial=0))} days" if settled else "the same day, for want of history"
        )
        reason = (
            f"irradiance and temperature, gain {float(np.nanmedian(base.gain)):.2f} from {source}"
            if not none
            else (
                f"irradiance with an assumed gain of {ASSUMED_GAIN}: no reading of the asset is usable "
                "for a fit"
            )
        )
        confidence = 0.5 if none else 0.9 if settled else 0.6
        never = np.zeros(len(track), dtype=bool)
        return Reference(own, own, "irradiance", "sun", reason, confidence, never, sun, sun, base,
                         history.get("sun", Levels.none()))  # fmt: skip
    if have_peers:
        return _by_peers(track, None, None, None, beside, usable, history, rules)
    if forecast is not None and not forecast.empty:
        predicted = forecast.reindex(track.times).to_numpy(dtype=float) / track.capacity
        if np.isfinite(predicted).any():
            expected = np.clip(predicted, 0.0, 1.0) * track.capacity
            return _plain(track, expected, "forecast", "forecast",
                          "the platform's forecast; neither irradiance nor enough peers", 0.6)  # fmt: skip
    nothing = np.full(len(track), np.nan)
    return _plain(track, nothing, "none", "none",
                  "no irradiance, too few peers, no forecast: power cannot be judged, only ranges and data",
                  0.0)  # fmt: skip


DRIFT_DAYS, DRIFT_KNOWN = 5, 14


def _sensor_low(earlier: Levels, sun: Levels, base: Baseline) -> Floats:
    recent = trailing_median(np.concatenate((earlier.gain, sun.gain)), DRIFT_DAYS)[-len(sun.gain) :]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(base.known >= DRIFT_KNOWN, recent / base.middle - 1.0, np.nan))


def _plain(
    track: Track, expected: Floats, basis: Basis, family: str, reason: str, confidence: float
) -> Reference:
    d = len(track.days)
    unknown = np.full(d, np.nan)
    levels = Levels(track.days.number, unknown, unknown, unknown, np.full((d, SLOTS), np.nan))
    never = np.zeros(len(track), dtype=bool)
    none = Baseline(unknown, levels.shape, np.zeros(d, dtype=np.int64), unknown)
    return Reference(expected, expected, basis, family, reason, confidence, never, levels, None, none,
                     Levels.none())  # fmt: skip


def _expected(track: Track, driver: Floats, base: Baseline, most: float) -> Floats:
    row = track.days.row
    gain = np.where(np.isfinite(base.gain), base.gain, ASSUMED_GAIN)
    shape = base.shape[row, track.sky.slot]
    shape = np.where(np.isfinite(shape), shape, 1.0)
    return np.asarray(track.capacity * np.minimum(driver * gain[row] * shape, most))


def _by_peers(
    track: Track,
    x: Floats | None,
    own: Floats | None,
    sun: Levels | None,
    beside: Beside,
    usable: Mask,
    history: dict[str, Levels],
    rules: ReferenceRules,
) -> Reference:
    row = track.days.row
    if x is None:
        driver = beside.share
    else:
        driver = np.where(np.isfinite(beside.scaled), x * beside.scaled, beside.share)
        if not np.isfinite(driver).all():
            usual = bn.nanmedian(beside.scaled) if np.isfinite(beside.scaled).any() else 1.0
            of_day = track.days.median(beside.scaled)
            fill = np.where(np.isfinite(of_day), of_day, usual)[row]
            driver = np.where(np.isfinite(driver), driver, x * fill)
    levels = measure(track, driver, usable & np.isfinite(beside.share))
    base = baseline(history.get("peers", Levels.none()), levels, rules)
    limit = np.maximum(CHRONIC, 3.0 * np.nan_to_num(beside.scatter))
    with np.errstate(invalid="ignore"):
        alike = (np.abs(beside.relatives - base.gain[:, None]) <= ALIKE).sum(axis=1)
        behind = base.gain < 1.0 - limit
    first = base.known <= 2
    chronic = (behind & (alike < ALIKE_MACHINES)) | (first & ~(alike >= ALIKE_MACHINES))
    gain = np.where(chronic, np.fmax(base.gain, 1.0), base.gain)
    base = replace(base, gain=np.where(np.isfinite(gain), gain, 1.0))
    expected = _expected(track, driver, base, 1.05)
    down = np.zeros(len(track), dtype=bool)
    if own is not None:
        with np.errstate(invalid="ignore"):
            down = (beside.share < SITE_DOWN_SHARE) & (own > 4 * SITE_DOWN_SHARE * track.capacity)
        expected = np.where(down, own, expected)
    basis: Basis = "peers" if x is None else "irradiance+peers"
    reason = (
        "median of the site's other machines by nameplate; no irradiance is measured"
        if x is None
        else "irradiance and temperature, scaled by the median of the site's other machines"
    )
    return Reference(
        expected, expected if own is None else own, basis, "peers", reason, 0.9 if x is None else 0.95,
        down, levels, sun, base, history.get("peers", Levels.none()),
    )  # fmt: skip


def _by_wind(
    track: Track, speed: Floats, usable: Mask, history: Levels | None, rules: ReferenceRules
) -> Reference:
    levels = measure_wind(track, speed, usable)
    base = baseline(history or Levels.none(BINS), levels, rules)
    expected = np.full(len(track), np.nan)
    place = speed / BIN_M_S - 0.5
    for start in range(0, len(track.days), RELEARN_DAYS):
        rows = (track.days.row >= start) & (track.days.row < start + RELEARN_DAYS)
        curve = _curve(base.shape[start])
        low = np.clip(np.floor(np.nan_to_num(place[rows])), 0, BINS - 2).astype(int)
        part = np.clip(place[rows] - low, 0.0, 1.0)
        expected[rows] = track.capacity * (curve[low] * (1 - part) + curve[low + 1] * part)
    days = int(base.known.max(initial=0))
    never = np.zeros(len(track), dtype=bool)
    return Reference(
        expected, expected, "wind", "wind",
        f"power curve by density-corrected wind speed from {days} days", 0.9 if days >= 3 else 0.5,
        never, levels, None, base, history or Levels.none(BINS),
    )  # fmt: skip
