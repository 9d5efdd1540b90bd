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

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import bottleneck as bn
import numpy as np
import pandas as pd

from ona.runtime.words import counted
from ooda.config.detection import ReferenceRules
from ooda.detect import not_judged
from ooda.detect.levels import Baseline, Levels, baseline, measure
from ooda.detect.peers import Beside, sun_driver
from ooda.detect.sky import SLOTS, Floats, Mask
from ooda.detect.track import Track
from ooda.detect.wind_expected import ALL, WindExpectation, by_wind
from ooda.documents.detections import Basis

CHRONIC = 0.05
"""Share of the neighbours' level. An asset this far below sound neighbours that agree has a chronic loss,
whatever it always gave. Chosen on the plants of the bench."""
ALIKE, ALIKE_ASSETS = 0.03, 3
"""…unless so many others have its level within 3 %: then it is another kind of asset."""
SITE_DOWN_SHARE = 0.05
"""Of capacity. Neighbours with less, in good light, are down too."""
ASSUMED_GAIN = 0.9
"""Power over PVWatts' form where nothing can be learned: our assumption for a sound asset."""


@dataclass(frozen=True)
class Reference:
    """Expected power of one asset at n instants, kW, NaN where there is none.

    `family` is the driver that gain and shape belong to; `levels` what the file's days say for it,
    `by_sun` the same for the irradiance alone, `base` what earlier days say, `history` these days. `own`
    is the expectation without the neighbours' say. `partial_confidence` is how far a partial loss can be
    believed (0…1). `site_down` marks instants at which all neighbours were down too. `witnesses`: what the
    file's days say of a turbine's witnesses, by driver. `sigma`: the relative spread of what was due, (n,),
    where the reference knows it. `anemometer`: what is wrong with it, in words.
    `fleet_loss`, (D,): median log(due / came) of the site's other assets, NaN below three.
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
    witnesses: dict[str, Levels] = field(default_factory=dict)
    sigma: Floats | None = None
    anemometer: str = ""
    fleet_loss: Floats | None = None


@dataclass(frozen=True)
class _Given:
    """What a reference is made of: an asset's readings, its neighbours, the readings that may teach, (n,),
    its earlier days by driver, and the rules."""

    track: Track
    beside: Beside
    usable: Mask
    history: dict[str, Levels]
    rules: ReferenceRules

    def earlier(self, driver: str) -> Levels:
        """The earlier days' levels against a driver."""
        return self.history.get(driver, Levels.none())

    def covered(self, values: Floats) -> bool:
        """Whether a driver is there in at least half of the light."""
        light = self.usable if self.track.asset.is_wind else self.track.sky.light
        return bool(light.any() and np.isfinite(values[light]).mean() >= 0.5)


@dataclass(frozen=True)
class _BySun:
    """What the irradiance alone says: the driver, (n,), the days' levels against it, their baseline, and
    the expected power that follows, kW, (n,)."""

    driver: Floats
    levels: Levels
    base: Baseline
    own: Floats


def reference(
    track: Track,
    *,
    beside: Beside,
    turbines: Sequence[Track] = (),
    weather: pd.DataFrame | None = None,
    forecast: pd.Series | None,
    usable: Mask,
    history: dict[str, Levels],
    rules: ReferenceRules,
) -> Reference:
    """The best reference for an asset's n readings.

    `beside`: its neighbours; `turbines`: those of its site; `weather`: its hours; `forecast`: predicted
    power, kW by UTC time; `usable` marks readings in light that may teach and be judged; `history`:
    earlier days by driver."""
    given = _Given(track, beside, usable, history, rules)
    if track.asset.is_wind:
        wind = by_wind(track, turbines, usable, history, weather)
        if wind is not None:
            return _by_wind(wind)
    driver = sun_driver(track.irradiance, track.temperature)
    have_sun, have_peers = not track.asset.is_wind and given.covered(driver), given.covered(beside.share)
    if have_sun:
        levels = measure(track, driver, usable)
        base = baseline(given.earlier("sun"), levels, rules)
        sun = _BySun(driver, levels, base, _expected(track, driver, base, 1.0))
        return _by_peers(given, sun) if have_peers else _by_irradiance(given, sun)
    if have_peers:
        return _by_peers(given, None)
    return _by_forecast(given, forecast)


def _by_irradiance(given: _Given, sun: _BySun) -> Reference:
    days = int(sun.base.count.max(initial=0))
    source = counted(days, "day") if days >= 2 else "the same day, for want of history"
    if days:
        gain = float(np.nanmedian(sun.base.gain))
        reason = f"irradiance and temperature, gain {gain:.2f} from {source}"
    else:
        reason = (
            f"irradiance with an assumed gain of {ASSUMED_GAIN}: no reading of the asset is usable "
            "for a fit"
        )
    return Reference(
        expected=sun.own,
        own=sun.own,
        basis="irradiance",
        family="sun",
        reason=reason,
        partial_confidence=0.9 if days >= 2 else 0.6 if days else 0.5,
        site_down=np.zeros(len(given.track), dtype=bool),
        levels=sun.levels,
        by_sun=sun.levels,
        base=sun.base,
        history=given.earlier("sun"),
    )


def _by_peers(given: _Given, sun: _BySun | None) -> Reference:
    """By the neighbours; `sun`: what the irradiance says, None where it is not measured."""
    track, beside = given.track, given.beside
    driver = beside.share if sun is None else _scaled_by_peers(given, sun.driver)
    levels = measure(track, driver, given.usable & np.isfinite(beside.share))
    base = _against_peers(baseline(given.earlier("peers"), levels, given.rules), beside)
    expected = _expected(track, driver, base, 1.05)
    down = np.zeros(len(track), dtype=bool)
    if sun is not None:
        with np.errstate(invalid="ignore"):
            down = (beside.share < SITE_DOWN_SHARE) & (sun.own > 4 * SITE_DOWN_SHARE * track.capacity)
        expected = np.where(down, sun.own, expected)
    reason = (
        "median of the site's other machines by nameplate; no irradiance is measured"
        if sun is None
        else "irradiance and temperature, scaled by the median of the site's other machines"
    )
    return Reference(
        expected=expected,
        own=expected if sun is None else sun.own,
        basis="peers" if sun is None else "irradiance+peers",
        family="peers",
        reason=reason,
        partial_confidence=0.9 if sun is None else 0.95,
        site_down=down,
        levels=levels,
        by_sun=None if sun is None else sun.levels,
        base=base,
        history=given.earlier("peers"),
    )


def _scaled_by_peers(given: _Given, driver: Floats) -> Floats:
    """The irradiance's driver times what the neighbours give for it; where they are silent, times what they
    gave that day, or usually."""
    scaled = given.beside.scaled
    out = np.where(np.isfinite(scaled), driver * scaled, given.beside.share)
    if not np.isfinite(out).all():
        usual = bn.nanmedian(scaled) if np.isfinite(scaled).any() else 1.0
        of_day = given.track.days.median(scaled)
        fill = np.where(np.isfinite(of_day), of_day, usual)[given.track.days.row]
        out = np.where(np.isfinite(out), out, driver * fill)
    return out


def _against_peers(base: Baseline, beside: Beside) -> Baseline:
    """The baseline with a gain of 1 where an asset has always been behind: its chronic loss is a loss."""
    limit = np.maximum(CHRONIC, 3.0 * np.nan_to_num(beside.scatter))
    with np.errstate(invalid="ignore"):
        alike = (np.abs(beside.relatives - base.gain[:, None]) <= ALIKE).sum(axis=1)
        behind = base.gain < 1.0 - limit
    first = base.count <= 2
    chronic = (behind & (alike < ALIKE_ASSETS)) | (first & ~(alike >= ALIKE_ASSETS))
    gain = np.where(chronic, np.fmax(base.gain, 1.0), base.gain)
    return replace(base, gain=np.where(np.isfinite(gain), gain, 1.0))


def _by_wind(wind: WindExpectation) -> Reference:
    return Reference(
        expected=wind.expected,
        own=wind.expected,
        basis="wind",
        family="wind",
        reason=wind.reason,
        partial_confidence=wind.partial_confidence,
        site_down=wind.site_down,
        levels=wind.levels[ALL],
        by_sun=None,
        base=wind.base,
        history=wind.earlier,
        witnesses=wind.levels,
        sigma=wind.sigma,
        anemometer=wind.anemometer,
    )


def _by_forecast(given: _Given, forecast: pd.Series | None) -> Reference:
    """By the platform's own forecast; without one nothing is expected."""
    track, has_forecast = given.track, forecast is not None and not forecast.empty
    if forecast is not None and has_forecast:
        predicted = forecast.reindex(track.times).to_numpy(dtype=float) / track.capacity
        if np.isfinite(predicted).any():
            expected = np.clip(predicted, 0.0, 1.0) * track.capacity
            reason = "the platform's forecast; neither irradiance nor enough peers"
            return _without_levels(track, expected, "forecast", reason, 0.6)
    nothing = np.full(len(track), np.nan)
    reason = not_judged.why(track, given.beside, given.usable, has_forecast)
    return _without_levels(track, nothing, "none", reason, 0.0)


def _without_levels(
    track: Track, expected: Floats, basis: Literal["forecast", "none"], reason: str, confidence: float
) -> Reference:
    """A reference that learns nothing from days."""
    d = len(track.days)
    unknown = np.full(d, np.nan)
    levels = Levels(track.days.number, unknown, unknown, unknown, np.full((d, SLOTS), np.nan))
    return Reference(
        expected=expected,
        own=expected,
        basis=basis,
        family=basis,
        reason=reason,
        partial_confidence=confidence,
        site_down=np.zeros(len(track), dtype=bool),
        levels=levels,
        by_sun=None,
        base=Baseline(unknown, levels.shape, np.zeros(d, dtype=np.int64), unknown),
        history=Levels.none(),
    )


def _expected(track: Track, driver: Floats, base: Baseline, most: float) -> Floats:
    """capacity · driver · gain · shape, kW, (n,), at most `most` times the capacity."""
    row = track.days.row
    gain = np.where(np.isfinite(base.gain), base.gain, ASSUMED_GAIN)
    shape = base.shape[row, track.sky.slot]
    shape = np.where(np.isfinite(shape), shape, 1.0)
    return np.asarray(track.capacity * np.minimum(driver * gain[row] * shape, most))
