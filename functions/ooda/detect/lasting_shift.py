"""A level of daily energies that moves for good, among seasons and days that are dull or snowed in.

`change_points` finds what ten days say of a ratio without season. Energies alone are rougher, and of an
asset without neighbours and sensor there is nothing else. So season and steps are fitted together, one
step after the other (orthogonal matching pursuit): the date whose step explains most of what is left, as
long as that pays for itself, in units of the noise with its memory. A level lasts a month, and single days
count no more than `CUT` spreads.

>>> index = np.tile([0.05, -0.05], 400)  # natural logarithms
>>> index[250:] += 0.3
>>> lasting_shifts(index)
[Step(day=250, change=0.2861)]
"""

from __future__ import annotations

from collections.abc import Mapping

import bottleneck as bn
import numpy as np

from ooda.detect.asset_history import name_of
from ooda.detect.change_point import Step
from ooda.detect.sky import Floats
from ooda.documents.detections import QualityIssue

LEAST = 0.1
"""A smaller shift, natural logarithm, is not told."""
SIDE = 30
"""Measured days that a level lasts: snow and repairs take less (ours)."""
CUT = 2.0
"""Spreads from the running median beyond which a day counts no more."""
PENALTY = 6.0
"""Logarithms of the number of days that a shift must explain, twice what a date and two levels cost in
plain noise: clouds come in weeks (ours)."""
HARMONICS = 3
"""Of the year, that make a season."""
YEAR, YEARS = 365.2425, 2.0
"""Days of a year; years that tell a season from a level."""
MOST = 12
"""Shifts that are looked for."""


def issues_of(energy: Mapping[int, float], readings: int) -> list[QualityIssue]:
    """What daily energies, kWh by days since 1970, say of an asset that nothing stands beside: since when
    its level is another one. `readings`: those of the file."""
    days = np.array(sorted(energy))
    kwh = np.array([energy[day] for day in days.tolist()], dtype=float)
    if len(days) < YEARS * YEAR:
        return []
    return [
        QualityIssue(
            kind="level_shift",
            statement=f"a day's energy is {np.exp(step.change):.0%} of what the season gave before, and "
            f"stays there (since {name_of(int(days[step.day]))}): array, meter or unit changed",
            readings=readings,
        )
        for step in lasting_shifts(np.log(np.where(kwh > 0.0, kwh, np.nan)), days)
    ]


def lasting_shifts(values: Floats, days: Floats | None = None) -> list[Step]:
    """The places at which a level moved for good, of daily values, natural logarithms, NaN where unknown;
    `days`: their dates, days since 1970, in order; one after the other where none are given."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2 * SIDE:
        return []
    at = (np.arange(len(values)) if days is None else np.asarray(days))[known] * (2.0 * np.pi / YEAR)
    season = [wave(n * at) for n in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]
    series, noise = _without_single_days(values[known])
    penalty = noise * PENALTY * np.log(len(series))
    count, places, changes = len(series), list[int](), np.empty(0)
    while len(places) < MOST:
        steps = [(np.arange(count) >= place).astype(float) for place in places]
        base = np.linalg.qr(np.column_stack((np.ones(count), *season, *steps)))[0]
        left = series - base @ (base.T @ series)
        size = np.arange(count, 0, -1) - (_tail(base) ** 2).sum(
            axis=1
        )  # of a step beyond the base, squared
        explained = _tail(left) ** 2 / np.maximum(size, 1.0)
        for edge in (0, *places, count):
            explained[max(0, edge - SIDE + 1) : edge + SIDE] = 0.0
        best = int(np.argmax(explained))
        if explained[best] <= penalty or abs(_tail(left)[best]) < LEAST * size[best]:
            break
        places = sorted([*places, best])
    if places:
        steps = [(np.arange(count) >= place).astype(float) for place in places]
        design = np.column_stack((*steps, np.ones(count), *season))
        changes = np.linalg.lstsq(design, series, rcond=None)[0][: len(places)]
    found = zip(places, changes.tolist(), strict=True)
    return [Step(int(known[place]), round(change, 4)) for place, change in found if abs(change) >= LEAST]


def _tail(values: Floats) -> Floats:
    """The sums from each place to the end."""
    return np.asarray(np.cumsum(values[::-1], axis=0)[::-1])


def _without_single_days(series: Floats) -> tuple[Floats, float]:
    """The values, none further from their running median than `CUT` spreads, and the variance of the noise
    of their sums, a day."""
    wide = np.pad(series, SIDE, constant_values=np.nan)
    middle = bn.nanmedian(np.lib.stride_tricks.sliding_window_view(wide, 2 * SIDE + 1), axis=1)
    off = series - middle
    sigma = max(1e-6, 1.4826 * float(bn.median(np.abs(off - bn.median(off)))))
    cut = np.clip(off, -CUT * sigma, CUT * sigma)
    memory = float(np.clip(np.corrcoef(cut[:-1], cut[1:])[0, 1], 0.0, 0.9))
    return middle + cut, float(np.var(cut)) * (1.0 + memory) / (1.0 - memory)
