"""A site's own physics: what its weather makes of its modules or turbines, fitted to what it gave.

A fitted physics goes on where a learner of power ends: a summer that no training row has seen is still
irradiance times gain. It has few numbers, each drawn to what a sound plant has (the prior), so that seven
days already help and a year decides alone.

Solar: share = min(dc · gain + bends, clip). `dc` is PVWatts' DC share of the hour. The gain may differ by
the forecast's clear-sky index: a weather service that is too bright under clouds shows there. Each bend is
a number times something that scales with the sun or the clear sky, so that it holds in another season. All
numbers are found by least absolute errors. Wind: `wind_physics`. How far the site was from its physics
gives the quantiles.

>>> default("solar").gains
(0.85, 0.85, 0.85, 0.85)
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.model import tracker, wind_physics
from forecasting.model.booster import TARGET, at_levels
from forecasting.model.features import dc_share
from forecasting.model.wind_physics import Turbines
from ona.documents.base import Document
from ona.sky.sun import Floats

GAIN = 0.85
"""What a sound plant makes of its DC rating after wiring, inverter and mismatch (PVWatts' 14 % losses)."""
KNOTS = (0.15, 0.5, 0.8, 1.0)
"""Clear-sky indices at which the gain is fitted; linear between them, flat beyond. Ours."""
BENDS = ("low_sun", "afternoon", "near_hours", "far_hours", "cloud_cover")
"""Names of the bends, in the order of `_terms`; one that a stored physics lacks is 0."""
LOW_SUN_DEG = 8.0
"""Elevation over which the loss near the horizon fades (to 1/e). Ours."""
PRIOR_DAYS = 5.0
"""Days of data that weigh as much as the default gain. Ours: 2 to 10 hardly differ."""
SHAPE_PRIOR_DAYS = 5.0
"""The same for each number that bends it. Ours: 20 is better with a week, 5 with a year."""
MUCH_BETTER = 0.92
"""A tracker must err by less than this share of the error of the features' plane. Ours."""
MOUNT_DAYS = 5.0
"""Days of data with which a tracker is tried. Ours."""
MIN_HOURS = 5
"""Hours of sun without which the default stands."""
LEAST_DC = 0.02
"""DC share under which an hour says nothing of the gain."""
Mount = Literal["fixed", "tracker"]
DOWN = 0.4
"""A day with less than this share of a good day's gain is one of snow or standstill. Ours."""
BEYOND = 1.06
"""How far the gain must lead beyond the greatest power to tell a limit of the inverter. Ours."""
CLIPPED_HOURS = 8
"""Hours beyond it that must have stayed at the greatest power. Ours."""
CLIP_WIDTH = 0.02
"""How near to the greatest power an hour is at the limit, as a share of it. Ours."""
LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
"""Levels at which the spread about physics is kept."""
CLASSES = (0.35, 0.7)
"""Clear-sky indices (wind: shares of capacity) between which the spread differs. Ours."""
DEFAULT_SPREAD = (0.05, 0.15, 0.28, 0.45, 0.68, 0.84, 0.93, 1.0, 1.05, 1.1, 1.16, 1.25, 1.35, 1.5, 1.7)
"""Quantiles at `LEVELS` as multiples of physics, without data. Ours: weather forecasts err by that much."""
ENVELOPE_FLOOR = 0.05
"""Errors are scaled by the clear sky, which is never taken to give less than this share of capacity."""
MIN_SPREAD_HOURS = 20
"""Hours of a class without which all hours of the site stand in for it."""


class Physics(Document):
    """The fitted numbers of one site. `gains`: share of capacity per kW/m² of DC at `KNOTS`; `bends`: by
    name; `clip`: greatest share; `mount`: how the modules lie; `turbines`: of a wind site; `spread`:
    quantiles at `LEVELS` of the error over the envelope, by class; `days`: days of data behind them, 0 for
    the default."""

    kind: Literal["solar", "wind"]
    gains: tuple[float, ...] = (GAIN,) * len(KNOTS)
    bends: dict[str, float] = {}
    clip: float = 1.0
    mount: Mount = "fixed"
    turbines: Turbines | None = None
    spread: tuple[tuple[float, ...], ...] = ()
    days: float = 0.0


def default(kind: Literal["solar", "wind"]) -> Physics:
    """The physics of a site of which nothing was measured."""
    return Physics(kind=kind, turbines=wind_physics.default() if kind == "wind" else None)


def fit(frame: pd.DataFrame) -> Physics:
    """The physics of a training frame (`features.build` with `share`); the default where nothing can be
    used."""
    if "poa" in frame:
        fitted = _fit_solar(frame)
    else:
        turbines = wind_physics.fit(frame)
        fitted = Physics(kind="wind", turbines=turbines, days=turbines.days)
    error = frame[TARGET].to_numpy(dtype=float) - share(frame, fitted)
    known = frame["daylight"].to_numpy(dtype=bool) & ~np.isnan(error)
    if fitted.days == 0 or known.sum() < MIN_SPREAD_HOURS:
        return fitted
    relative, kind = error[known] / _envelope(frame, fitted)[known], _class(frame, fitted)[known]
    spread = []
    for number in range(len(CLASSES) + 1):
        own = relative[kind == number]
        of_all = relative if len(own) < MIN_SPREAD_HOURS else own
        spread.append(tuple(np.quantile(of_all, LEVELS).round(5).tolist()))
    return fitted.model_copy(update={"spread": tuple(spread)})


def quantiles(table: pd.DataFrame, fitted: Physics, levels: tuple[float, ...]) -> Floats:
    """Quantiles of the share of capacity, shape (n, levels), rising, 0…1; NaN without weather.

    The site's own spread counts by its days, the default spread for `PRIOR_DAYS`.
    """
    middle = share(table, fitted)
    spread = middle[:, None] * (np.array(DEFAULT_SPREAD) - 1.0)
    if fitted.spread:
        own = _envelope(table, fitted)[:, None] * np.array(fitted.spread)[_class(table, fitted)]
        spread = (fitted.days * own + PRIOR_DAYS * spread) / (fitted.days + PRIOR_DAYS)
    lit = table["daylight"].to_numpy(dtype=bool)
    out = np.clip(at_levels(middle[:, None] + spread, LEVELS, np.asarray(levels)), 0.0, 1.0)
    return np.asarray(np.where(lit[:, None], np.sort(out, axis=1), 0.0))


def share(table: pd.DataFrame, fitted: Physics) -> Floats:
    """What physics gives, share of capacity 0…1, shape (n,); NaN without weather, 0 outside daylight."""
    if fitted.kind == "wind":
        return wind_physics.share(table, fitted.turbines or wind_physics.default())
    raw = _terms(table, fitted.mount) @ np.array(
        [*fitted.gains, *(fitted.bends.get(name, 0.0) for name in BENDS)]
    )
    lit = table["daylight"].to_numpy(dtype=bool)
    return np.asarray(np.where(lit, np.clip(raw, 0.0, fitted.clip), 0.0))


def _envelope(table: pd.DataFrame, fitted: Physics) -> Floats:
    """What errors are scaled by: the clear sky on the plane, share of capacity; 1 for wind."""
    if fitted.kind == "wind":
        return np.ones(len(table))
    return np.maximum(table["clear_poa"].to_numpy(dtype=float) / 1000.0, ENVELOPE_FLOOR)


def _class(table: pd.DataFrame, fitted: Physics) -> NDArray[np.int_]:
    """The class of each row's spread."""
    by = share(table, fitted) if fitted.kind == "wind" else table["clear_sky_index"].to_numpy(dtype=float)
    return np.asarray(np.searchsorted(CLASSES, np.nan_to_num(by, nan=0.5)))


def _dc(table: pd.DataFrame, mount: Mount) -> Floats:
    """DC share by irradiance and temperature; by irradiance alone where the temperature is unknown."""
    poa = table["poa"].to_numpy(dtype=float) if mount == "fixed" else tracker.irradiance(table)
    if "temperature_c" not in table:
        return poa / 1000.0
    warm = dc_share(poa, table["temperature_c"].to_numpy(dtype=float))
    return np.where(np.isnan(warm), poa / 1000.0, warm)


def _terms(table: pd.DataFrame, mount: Mount) -> Floats:
    """What each number is multiplied by, share of capacity, shape (n, knots + bends)."""
    dc, clear = _dc(table, mount), table["clear_poa"].to_numpy(dtype=float) / 1000.0
    index = np.nan_to_num(table["clear_sky_index"].to_numpy(dtype=float), nan=0.5)
    by_index = [dc * np.interp(index, KNOTS, row) for row in np.eye(len(KNOTS))]
    elevation = np.maximum(table["elevation"].to_numpy(dtype=float), 0.0)
    afternoon = -np.sin(np.radians(table["sun_azimuth"].to_numpy(dtype=float)))
    near, far = (_around(table, index, hours) - index for hours in (1, 2))
    cloud = table.get("cloud_cover_percent", pd.Series(50.0, index=table.index)).to_numpy(dtype=float)
    bends = (
        dc * np.exp(-elevation / LOW_SUN_DEG),
        dc * afternoon,
        clear * near,
        clear * far,
        clear * (np.nan_to_num(cloud, nan=50.0) / 100.0 - 0.5),
    )
    return np.column_stack([*by_index, *bends])


def _around(table: pd.DataFrame, index: Floats, hours: int) -> Floats:
    """Mean clear-sky index so many hours before and after; the hour's own where one is unknown."""
    sides = [table[f"clear_sky_index{side:+d}h"].to_numpy(dtype=float) for side in (-hours, hours)]
    return np.asarray(np.mean([np.where(np.isnan(side), index, side) for side in sides], axis=0))


def _fit_solar(frame: pd.DataFrame) -> Physics:
    """The physics of the plane of the features, or of a tracker that explains power much better."""
    best, least = _fit_mount(frame, "fixed")
    if best.days < MOUNT_DAYS:
        return best
    turning, error = _fit_mount(frame, "tracker")
    return turning if error < MUCH_BETTER * least else best


def _fit_mount(frame: pd.DataFrame, mount: Mount) -> tuple[Physics, float]:
    """The physics of a mount, and its mean absolute error over the hours in which the plant ran."""
    dc, power = _dc(frame, mount), frame[TARGET].to_numpy(dtype=float)
    good = frame["daylight"].to_numpy(dtype=bool) & (dc > LEAST_DC) & ~np.isnan(power)
    if good.sum() < MIN_HOURS:
        return default("solar"), float("inf")
    day = pd.DatetimeIndex(frame.index[good]).floor("D")
    dc, power, terms = dc[good], power[good], _terms(frame[good], mount)
    days = float(day.nunique())
    runs = _runs(dc, power, day)
    numbers, clip = np.array([*default("solar").gains, *np.zeros(len(BENDS))]), 1.0
    for _ in range(3):  # hours at the limit say nothing of the gain; which ones are is known after a fit
        expected = terms @ numbers
        clip = _clip(power, expected)
        free = runs & (np.maximum(power, expected) < (1 - CLIP_WIDTH) * clip)
        if free.sum() < MIN_HOURS:
            break
        numbers = _robust(terms[free], power[free], dc[free], days)
    error = np.abs(power - np.clip(terms @ numbers, 0.0, clip))[runs]
    fitted = Physics(
        kind="solar",
        gains=tuple(numbers[: len(KNOTS)].round(5).tolist()),
        bends=dict(zip(BENDS, numbers[len(KNOTS) :].round(5).tolist(), strict=True)),
        clip=round(clip, 4),
        mount=mount,
        days=days,
    )
    return fitted, float(error.mean())


def _clip(power: Floats, expected: Floats) -> float:
    """The limit of the inverter, share of capacity: 1 where brighter hours than those at the greatest power
    gave no less and no more."""
    top = min(float(np.quantile(power, 0.998)), 1.0)
    held = np.abs(power[expected > BEYOND * top] - top) < CLIP_WIDTH * top
    return top if held.sum() >= CLIPPED_HOURS and held.mean() > 0.5 else 1.0


def _runs(dc: Floats, power: Floats, day: pd.DatetimeIndex) -> np.ndarray:
    """Hours of days on which the plant ran, without snow or standstill."""
    daily = pd.DataFrame({"dc": dc, "power": power}).groupby(day).transform("sum")
    gain = (daily["power"] / daily["dc"]).to_numpy()
    return np.asarray(gain >= DOWN * float(np.quantile(gain, 0.75)))


def _robust(x: Floats, y: Floats, dc: Floats, days: float) -> Floats:
    """Numbers b with least Σ|y − x b|, drawn to the prior: first one gain, drawn to the default; then all
    numbers, drawn to that gain and to no bend. Iteratively reweighted least squares (Holland, Welsch,
    Communications in Statistics A6(9), 1977)."""
    order = np.argsort(y / dc)
    heap = np.cumsum(dc[order])
    middle = float((y / dc)[order][np.searchsorted(heap, heap[-1] / 2)])
    gain = (middle * days + GAIN * PRIOR_DAYS) / (days + PRIOR_DAYS)
    centre = np.array([*(gain for _ in KNOTS), *(0.0 for _ in BENDS)])
    numbers, hours_a_day = centre, len(y) / days
    for _ in range(12):
        miss = np.abs(y - x @ numbers)
        weight = 1.0 / np.maximum(miss, max(0.25 * float(np.median(miss)), 1e-4))
        strength = SHAPE_PRIOR_DAYS * hours_a_day * float((weight * dc**2).mean()) / len(KNOTS)
        left = (x * weight[:, None]).T @ x + strength * np.eye(x.shape[1])
        numbers = np.linalg.solve(left, (x * weight[:, None]).T @ y + strength * centre)
    return numbers
