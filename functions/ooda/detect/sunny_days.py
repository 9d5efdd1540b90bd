"""Days that only the weather service's sun tells of: a lone machine on days that are not clear.

Few days are clear by their form, and on a day with a loss at noon none is. But in hours that the weather
service calls sunny a sound machine gives most of what it owes. One such day says little, as clouds are seen
coarsely and late; a week of them says as much as some clear days. What is usual of them is learned of the
days before, so that no service needs to be right on average.

>>> x, weather = np.full(40, -0.05), np.ones(40, dtype=bool)
>>> levelled(x, np.full(40, 0.1), weather).x[[4, 39]].round(3).tolist()
[nan, 0.0]
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.case import Case
from ooda.detect.rolling import quantile_of_rows, windows
from ooda.detect.sky import Floats, Mask

LEAST_HOURS = 0.3
"""Hours at full power that must have been due under the told sun, before a day says something."""
LEAST_DOUBT, OF_AN_HOUR = 0.08, 0.14
"""Log loss. What such a day errs by at least, and what one with an hour's worth of sun does besides."""
SUN_ERRS = -0.3
"""Share of a day's energy. With more beyond what was due a day has no part in a loss."""
BACK, BEFORE, LEAST_BEFORE = 30, 60, 5
"""Such days: a loss began at most so many ago; so many before them tell what is usual, and at least."""
LEAST_USUAL = -0.1
"""Log loss. A machine that gave more than it owes, by what is known of it, is not known to lose."""
TRUSTED = 10
"""Such days as which the doubt that is assumed weighs."""
FAR, BEST = 0.9, 1.0
"""Quantile of what they differ from the usual, by which it is seen how much a service errs; of
what is assumed so much at least."""


@dataclass(frozen=True)
class Levelled:
    """Of D days: `x`, the log loss beyond what is usual under the told sun, NaN where that is not known
    yet; `sd`, its standard deviation; `unsure`, the variance of what is usual. Of days that are told
    otherwise `x` as it was, and 0."""

    x: Floats
    sd: Floats
    unsure: Floats


@dataclass(frozen=True)
class Sunny:
    """What the weather service's sun tells of, on days on which it says more than the clear sky does:
    `told`, (n,), the readings, with those that the clear sky tells of; `doubt`, (D,), that of each such
    day's log loss, 0 of others."""

    told: Mask
    doubt: Floats


def sunny(case: Case, apart: Mask) -> Sunny:
    """The days that the told sun tells of. `apart`: readings of stops, which do not count."""
    days, res = case.track.days, case.res
    if case.ref.basis != "clear_sky":
        return Sunny(np.zeros(len(case.track), dtype=bool), np.zeros(len(days)))
    told = res.judged & ~apart & (res.evidence > 0.0)
    by_sun = told & (res.evidence < 1.0)
    capacity = case.track.capacity / case.track.hours
    under_sun, clear = (days.sum(case.ref.expected, part) / capacity for part in (by_sun, told & ~by_sun))
    more = (under_sun > clear) & (under_sun >= LEAST_HOURS)
    with np.errstate(divide="ignore"):
        doubt = np.hypot(LEAST_DOUBT, OF_AN_HOUR / np.sqrt(under_sun))
    return Sunny(told & more[days.row], np.where(more, doubt, 0.0))


def levelled(x: Floats, doubt: Floats, weather: Mask) -> Levelled:
    """The log losses of D days, (D,), those under the told sun (`weather`) beyond what was usual of them.

    `doubt`: what each errs by at least, (D,)."""
    at = np.flatnonzero(weather)
    out, sd, unsure = x.copy(), np.zeros(len(x)), np.zeros(len(x))
    if not len(at):
        return Levelled(out, sd, unsure)
    day = np.arange(len(at))
    before, errs = (windows(v[at], np.maximum(day // 2, day - BACK), BEFORE) for v in (x, doubt))
    count = np.isfinite(before).sum(axis=1)
    usual = np.asarray(bn.nanmedian(before, axis=1))
    off = np.abs(before - usual[:, None]) / errs
    seen = np.log(np.maximum(np.nan_to_num(quantile_of_rows(off, FAR) / 1.645), BEST))
    sd[at] = doubt[at] * np.exp(count * seen / (count + TRUSTED))
    out[at] = np.where(count >= LEAST_BEFORE, x[at] - np.maximum(usual, LEAST_USUAL), np.nan)
    unsure[at] = 1.57 * sd[at] ** 2 / np.maximum(count, 1)
    return Levelled(out, sd, unsure)
