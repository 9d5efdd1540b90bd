"""The form of a loss: at which hours, and at how much light, it came on the last days.

One day alone does not tell where in it a small loss lies. What corrodes takes most at full load, a mast
takes the same hour each day, a limit takes the noon. So the days of a loss are laid over each other: what
was missing of a half hour is taken from half hours about as late and about as bright.

>>> days = np.arange(6)
>>> load = np.tile(np.sin(np.linspace(0.2, 2.9, 48)), (6, 1))
>>> forms = Forms(days, 0.08 * load, load, np.full(6, 0.05))  # a contact that corrodes
>>> says = forms.says(5)
>>> bool(says[24] > 0.0), bool(says[0] < 0.0)
(True, True)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ooda.detect.asset_history import KEEP_FORMS, best_first, filled, number_of
from ooda.detect.case import Case
from ooda.detect.daily_loss import WORTH
from ooda.detect.evidence import own_share
from ooda.detect.lasting import SMALLEST
from ooda.detect.sky import SLOTS, Floats, Ints, Mask
from ooda.detect.track import slots_of
from ooda.documents.asset_history import AssetHistory

LEAST_DAYS = 3
"""Days with a loss that have a form."""
HALF_HOURS, LOAD = 2.5, 0.08
"""Standard deviations of the kernel: half hours, and share of capacity, by which others are alike."""
MINUTES, LEAST_SPREAD, WELL_KNOWN = 30.0, 0.01, 0.1
"""Minutes of a half hour. Of what was due: what half hours are never trusted to scatter less, and how well
a reading's due must be known to teach."""
MOST_LOAD = 0.95
"""Of what was due: with more missing nobody knows how bright it was."""


@dataclass(frozen=True)
class Forms:
    """Of D days (`number`: since 1970, rising), by solar half hour, NaN for none: `missing`, (D, 48), the
    share of what was due; `load`, (D, 48), what was due as a share of capacity. `loss`, (D,): the whole
    day's."""

    number: Ints
    missing: Floats
    load: Floats
    loss: Floats

    def says(self, day: int) -> Floats:
        """The log likelihood that each half hour of a day (days since 1970) has part in the loss, against
        that it has none, (48,); 0 where nobody knows."""
        out = np.zeros(SLOTS)
        with np.errstate(invalid="ignore"):
            pool = (self.number <= day) & (self.number > day - KEEP_FORMS) & (self.loss > WORTH)
        row = int(np.searchsorted(self.number, day))
        if pool.sum() < LEAST_DAYS or row >= len(self.number) or self.number[row] != day:
            return out
        there = np.isfinite(self.missing[pool]) & np.isfinite(self.load[pool])
        if not there.any():
            return out
        at, late = self.load[pool][there], np.broadcast_to(np.arange(SLOTS), there.shape)[there]
        lit = np.flatnonzero(np.isfinite(self.load[row]))
        apart = ((lit[:, None] - late) / HALF_HOURS) ** 2 + (
            (self.load[row, lit][:, None] - at) / LOAD
        ) ** 2
        alike = np.exp(-0.5 * apart)
        gone, size = self.missing[pool][there], float(np.mean(self.loss[pool]))
        many = alike.sum(axis=1)
        mean = alike @ gone / many
        scatter = (alike * (gone - mean[:, None]) ** 2).sum(axis=1) / many
        info, prior = own_share(MINUTES) * many / (scatter + LEAST_SPREAD**2), size**-2
        mean = (mean * info + size * prior) / (info + prior)
        least = max(size / 2.0, min(SMALLEST, size))  # less than what is looked for is no part of it
        out[lit] = (mean - least) * size * info
        return out


def missing_of(case: Case, judged: Mask) -> Floats:
    """What was missing in each solar half hour of the case's days, (D, 48), of the readings that are
    `judged` and whose due is well known; none of a turbine, which has no half hours."""
    if case.track.asset.is_wind:
        return np.full((len(case.track.days), SLOTS), np.nan)
    there = (
        judged & np.isfinite(case.res.share) & (case.res.evidence > 0.0) & (case.res.spread < WELL_KNOWN)
    )
    return slots_of(
        case.track.days.row, case.track.sky.slot, case.res.share, there, len(case.track.days), SLOTS
    )


def forms_of(case: Case, history: AssetHistory, missing: Floats, daily: Floats) -> Forms:
    """The forms of the case's days, with those of the days before it."""
    number = case.track.days.number
    rows = [(int(n), missing[k], case.told.profile[k], daily[k]) for k, n in enumerate(number.tolist())]
    first = rows[0][0] if rows else 0
    for name in sorted(history.days, reverse=True):
        if first - KEEP_FORMS <= number_of(name) < first:
            parts = best_first(history.days[name])
            of_day, profile = (filled([getattr(p, what) for p in parts]) for what in ("missing", "profile"))
            if of_day and profile and parts[0].loss is not None:
                rows.insert(0, (number_of(name), np.array(of_day), np.array(profile), parts[0].loss))
    gone = np.array([row[1] for row in rows]).reshape(len(rows), SLOTS)
    came = np.array([row[2] for row in rows]).reshape(len(rows), SLOTS)
    with np.errstate(invalid="ignore"):
        left = 1.0 - np.clip(np.nan_to_num(gone), -1.0, MOST_LOAD)  # where too little was due, as it came
        load = np.where(gone >= MOST_LOAD, np.nan, came / left)
    return Forms(np.array([row[0] for row in rows]), gone, load, np.array([row[3] for row in rows]))


def says_of(case: Case, forms: Forms, rows: Ints) -> Floats:
    """What the forms say of some readings of one day, in order of time (`Forms.says`)."""
    track = case.track
    return forms.says(int(track.days.number[track.days.row[rows[0]]]))[track.sky.slot[rows]]
