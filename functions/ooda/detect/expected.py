"""Expected power: what an asset should have produced, from the best reference at hand.

    expected = capacity · driver(t) · gain · shape(solar half hour)          sun, peers, forecast
    expected = capacity · curve(density-corrected wind speed)                wind

`levels.py` explains driver, gain and shape. References in the order in which they are tried
(`docs/detection.md`):

1. `irradiance+peers`: PVWatts' DC form on the measured irradiance, times the median over the site's sound
   assets of power over the same form. Errors of the weather sensor cancel.
2. `irradiance`: the same form alone.   2w. `wind`: the power curve by wind-speed bins (IEC 61400-12-1).
3. `peers`: the median of the site's sound assets by nameplate.
4. `forecast`: the platform's own forecast.
5. `none`: nothing to compare with; only ranges and data quality are judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.config.detection import ReferenceRules
from ooda.detect.levels import RELEARN_DAYS, Baseline, Levels, baseline, measure
from ooda.detect.peers import Beside, sun_driver
from ooda.detect.power_curve import BIN_M_S, BINS, curve_of, measure_wind, wind_speed_corrected
from ooda.detect.rolling import trailing_median
from ooda.detect.sky import SLOTS, Floats, Mask
from ooda.detect.track import Track
from ooda.documents.detections import Basis

CHRONIC = 0.05
"""Share of the neighbours' level. An asset this far below sound neighbours that agree has a chronic loss,
whatever it always gave. Chosen on the plants of the bench."""
ALIKE, ALIKE_MACHINES = 0.03, 3
"""…unless so many others have its level within 3 %: then it is another kind of asset."""
SITE_DOWN_SHARE = 0.05
"""Of capacity. Neighbours with less, in good light, are down too."""
ASSUMED_GAIN = 0.9
"""Power over PVWatts' form where nothing can be learned: typical of sound plants in the bench."""
DRIFT_DAYS, DRIFT_LEAST_DAYS = 5, 14
"""A sensor's drift is the median gain of 5 days against that of all before, of which 14 must be there."""


@dataclass(frozen=True)
class Reference:
    """Expected power of one asset at n instants, kW, NaN where there is none.

    `family` is the driver that gain and shape belong to; `levels` what the file's days say for it, `by_sun`
    the same for the irradiance alone, `base` what earlier days say, `history` these days. `own` is the
    expectation without the neighbours' say. `partial_confidence` is how far a partial loss can be believed
    (0…1). `site_down` marks instants at which all neighbours were down too. `sensor_low`, (D,): how much
    less than before the irradiance sensor reads for what the asset gives, NaN where there are too few days.
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


def reference(
    track: Track,
    *,
    beside: Beside,
    forecast: pd.Series | None,
    usable: Mask,
    history: dict[str, Levels],
    rules: ReferenceRules,
) -> Reference:
    """The best reference for an asset's n readings.

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
        settled, none = int(base.count.max(initial=0)) >= 2, int(base.count.max(initial=0)) == 0
        source = (
            f"{int(base.count.max(initial=0))} days" if settled else "the same day, for want of history"
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


def _sensor_low(earlier: Levels, sun: Levels, base: Baseline) -> Floats:
    recent = trailing_median(np.concatenate((earlier.gain, sun.gain)), DRIFT_DAYS)[-len(sun.gain) :]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(base.count >= DRIFT_LEAST_DAYS, recent / base.middle - 1.0, np.nan))


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
    first = base.count <= 2
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
        curve = curve_of(base.shape[start])
        low = np.clip(np.floor(np.nan_to_num(place[rows])), 0, BINS - 2).astype(int)
        part = np.clip(place[rows] - low, 0.0, 1.0)
        expected[rows] = track.capacity * (curve[low] * (1 - part) + curve[low + 1] * part)
    days = int(base.count.max(initial=0))
    never = np.zeros(len(track), dtype=bool)
    return Reference(
        expected, expected, "wind", "wind",
        f"power curve by density-corrected wind speed from {days} days", 0.9 if days >= 3 else 0.5,
        never, levels, None, base, history or Levels.none(BINS),
    )  # fmt: skip
