"""Expected power: what an asset should have produced, by everything that measures the sky.

    expected = capacity · what the witnesses tell of its plane · gain · shape(solar half hour)
    expected = capacity · curve(density-corrected wind speed)                                    wind

The witnesses are the site's other assets and its irradiance sensors (`witnesses/`). What is left when none
of them is there: the platform's own forecast, or nothing (`docs/detection.md`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from ona.runtime.words import counted, listed
from ooda.config.detection import ReferenceRules
from ooda.detect import not_judged
from ooda.detect.always_less import Standing, first_levels
from ooda.detect.levels import Levels
from ooda.detect.rolling import FIRST_DAYS
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track
from ooda.detect.wind_expected import ALL, OWN, WindExpectation, by_wind
from ooda.detect.witnesses.telling import STANDING, Told
from ooda.documents.detections import Basis


@dataclass(frozen=True)
class Reference:
    """Expected power of one asset at n instants, kW, NaN where there is none.

    `own` is the expectation by the irradiance (without a sensor by the clear sky), without the neighbours'
    say. `sigma`, (n,): how uncertain the expectation is by itself, as a share of it, None by forecast.
    `partial_confidence` is how far a partial loss can be believed (0…1). `site_down` marks instants at
    which all neighbours were down too. Of D days, natural logs, NaN below three others: `fleet_loss`, what
    more than half of the others lost of the day; `company`, what so many of them lost that it is no chance.
    Of a turbine: `by_driver`, what the file's days say of its witnesses; `anemometer`, what is wrong with
    it, in words. `turned`, (D,): whether all that tells is an irradiance sensor that lies otherwise than
    the modules: the season moves what it tells. `standing`: how it stands beside its neighbours, None
    without three.
    """

    expected: Floats
    own: Floats
    basis: Basis
    family: str
    reason: str
    partial_confidence: float
    site_down: Mask
    sigma: Floats | None = None
    fleet_loss: Floats | None = None
    company: Floats | None = None
    by_driver: dict[str, Levels] = field(default_factory=dict)
    anemometer: str = ""
    turned: Mask | None = None
    standing: Standing | None = None

    @property
    def alone(self) -> bool:
        """Whether on all days nobody contradicts what is due: a clear sky, or the wind, of which each
        turbine has its own, measured by an anemometer that reads a little more in some weather."""
        return self.basis in ("clear_sky", "wind")

    @property
    def anemometer_only(self) -> bool:
        """Whether a turbine's own anemometer is all that says what is due."""
        return self.family == "wind" and self.by_driver.keys() <= {OWN, ALL}


def reference(
    track: Track,
    *,
    told: Told,
    turbines: Sequence[Track] = (),
    weather: pd.DataFrame | None = None,
    forecast: pd.Series | None,
    usable: Mask,
    history: dict[str, Levels],
    best: float = math.nan,
    rules: ReferenceRules,
) -> Reference:
    """The best reference for an asset's n readings.

    `told`: what the site's witnesses say; `turbines`: those of its site; `weather`: its hours; `forecast`:
    predicted power, kW by UTC time; `usable` marks readings in light that may teach and be judged;
    `history`: earlier days by driver (wind); `best`: its highest level beside its neighbours before.
    """
    if track.asset.is_wind:
        wind = by_wind(track, turbines, usable, history, weather)
        if wind is not None:
            return _by_wind(wind)
    light = usable if track.asset.is_wind else track.sky.light
    alone = told.others == 0 and told.sensors == 0 and told.plane.days >= FIRST_DAYS
    enough = told.sensors > 0 or told.others >= rules.min_peers or alone
    due = told.due
    if told.others >= rules.min_peers:  # where all stand still nothing is due of one of them
        with np.errstate(invalid="ignore"):
            due = np.where(np.isnan(due) & (told.standing >= 0.5), 0.0, due)
    if enough and light.any() and np.isfinite(due[light]).mean() >= 0.5:
        return _by_witnesses(track, told, due, best, rules)
    return _by_forecast(track, told, usable, forecast)


def _by_witnesses(track: Track, told: Told, due: Floats, best: float, rules: ReferenceRules) -> Reference:
    many = told.others >= rules.min_peers
    standing = None
    if many:
        standing = Standing.of(told.level, told.levels, told.known, best, first_levels(track, told))
        due = due * standing.owes[track.days.row]
    expected = track.capacity * np.minimum(due, 1.0)
    own = np.where(np.isfinite(told.own), track.capacity * told.own, expected)
    with np.errstate(invalid="ignore"):
        down = (told.standing >= 0.5) & (told.own > 4 * STANDING)
    days = int(told.known.max(initial=0))
    basis: Basis = "irradiance+peers" if told.sensors else "peers"
    if not told.others:
        basis = "irradiance" if told.sensors else "clear_sky"
    reason, confidence = _words(track, told, many, days)
    return Reference(
        expected=expected,
        own=own,
        basis=basis,
        family="sky",
        reason=reason,
        partial_confidence=confidence,
        site_down=down,
        sigma=told.sigma,
        fleet_loss=told.fleet_loss,
        company=told.company,
        turned=told.turned,
        standing=standing,
    )


def _words(track: Track, told: Told, many: bool, days: int) -> tuple[str, float]:
    """What the record says of the reference, and how far a partial loss is believed."""
    if told.others:
        by = ["irradiance", "temperature"] if told.sensors else []
        names = [*by, counted(told.others, "other machine")]
        lies = (
            "" if np.isnan(told.sigma).all() or told.plane.days == 0 else f", tilt {told.plane.tilt:.0f}°"
        )
        towards = f" towards {told.plane.azimuth:.0f}°" if lies and told.plane.tilt else ""
        none = "" if told.sensors else "; no irradiance is measured"
        if not (told.sensors or told.plane.days or track.asset.is_described):
            return f"{listed(names, 3)}; nobody knows yet how they lie", 0.6
        return f"{listed(names, 3)}{lies}{towards}{none}", 0.95 if many or days >= 2 else 0.6
    if not told.sensors:
        roof = f"tilt {told.plane.tilt:.0f}° towards {told.plane.azimuth:.0f}°"
        return f"the clear sky on {roof}, as {counted(days, 'clear day')} showed it", 0.9
    if not days:
        return "irradiance with an assumed gain: no reading of the asset is usable for a fit", 0.5
    source = counted(days, "day") if days >= 2 else "the same day, for want of history"
    gain = float(np.nanmedian(told.level))
    return f"irradiance and temperature, gain {gain:.2f} from {source}", 0.9 if days >= 2 else 0.6


def _by_wind(wind: WindExpectation) -> Reference:
    return Reference(
        expected=wind.expected,
        own=wind.expected,
        basis="wind",
        family="wind",
        reason=wind.reason,
        partial_confidence=wind.partial_confidence,
        site_down=wind.site_down,
        by_driver=wind.levels,
        sigma=wind.sigma,
        anemometer=wind.anemometer,
    )


def _by_forecast(track: Track, told: Told, usable: Mask, forecast: pd.Series | None) -> Reference:
    """By the platform's own forecast; without one nothing is expected."""
    has_forecast = forecast is not None and not forecast.empty
    if forecast is not None and has_forecast:
        predicted = forecast.reindex(track.times).to_numpy(dtype=float) / track.capacity
        if np.isfinite(predicted).any():
            expected = np.clip(predicted, 0.0, 1.0) * track.capacity
            reason = "the platform's forecast; neither irradiance nor enough peers"
            return _without_levels(track, expected, "forecast", reason, 0.6)
    nothing = np.full(len(track), np.nan)
    reason = not_judged.why(track, told, usable, has_forecast)
    return _without_levels(track, nothing, "none", reason, 0.0)


def _without_levels(
    track: Track, expected: Floats, basis: Literal["forecast", "none"], reason: str, confidence: float
) -> Reference:
    """A reference that learns nothing from days."""
    return Reference(
        expected=expected,
        own=expected,
        basis=basis,
        family=basis,
        reason=reason,
        partial_confidence=confidence,
        site_down=np.zeros(len(track), dtype=bool),
    )
