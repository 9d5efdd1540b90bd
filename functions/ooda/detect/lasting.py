"""Losses that last: a test over the days of an asset, whose answer is from which day on, and how much.

A generalised likelihood ratio (Willsky and Jones 1976): for each possible first day of the last month the
mean loss since, over its standard deviation under the noise of days (`day_noise.py`), against what the days
before gave. An alarm is the best of them beyond `ALARM`. The loss is *sure* where one of three days or more
has 5 % or more; else it is *suspected*.

>>> x = np.zeros(40)
>>> x[30:36] = 0.08  # log losses: six days at 8 %
>>> [(run.first, run.last, run.sure) for run in lasting(x, np.full(40, 100.0), np.arange(40))]
[(30, 35, True)]
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ooda.detect.day_noise import PHI, Noise, haze_before, noise_before
from ooda.detect.rolling import quantile_of_rows, windows
from ooda.detect.sky import Floats, Ints, Mask

ALARM = math.log(90.0)
"""Log likelihood ratio that alarms; by Lorden's bound once in so many sound days."""
SMALL, LONE_SMALL, SURE_DAYS = 0.05, 0.10, 3
"""Share of the expected energy that so many days must have missed, for a loss to be sure. Less stays
suspected, however long it is seen. The second for turbines and for lone machines by the clear sky: 3 %
that an anemometer reads too much in some weather are 10 % of the energy."""
SUNNY_SMALL = 0.15
"""The same where the weather service's sun tells of a fifth of the days: haze for weeks takes 12 %."""
SMALLEST = 0.02
"""Log loss. Less is not looked for."""
BACK = 30
"""Days. How far back the first day is looked for."""
BEFORE = 60
"""Days before these that tell what is usual."""
DOUBT = 0.01
"""Log loss. The usual is none, give or take so much, before any day tells it."""
MOST_USUAL = 0.02
"""Log loss. What is lost beyond it day after day is a loss, not the usual."""
FAR = 3.5
"""Standard deviations. Beyond them a day counts as far as the day before or after it shows as much: none
says it alone."""
GOOD_DAYS = 3
"""Days in a row below half the loss after which it has ended, and before which it had not begun."""


@dataclass(frozen=True)
class Lasting:
    """A loss from day `first` to day `last` (indices).

    `usual`: the log loss that was usual before, of which nothing is lost. `sure`: whether it is more than
    suspected; `mean` and `ratio`: its mean log loss a day beyond the usual, and the best log ratio
    for it; `small`: whether it would be sure if others bore it out.
    """

    first: int
    last: int
    usual: float
    sure: bool
    mean: float
    ratio: float
    small: bool = False

    @property
    def days(self) -> int:
        """How many judged days it has lasted."""
        return self.last - self.first + 1


def lasting(
    x: Floats,
    due: Floats,
    number: Ints,
    alone: Mask | None = None,
    haze: Mask | None = None,
    snow: Mask | None = None,
    doubt: Floats | None = None,
    sunny: Floats | None = None,
    unsure: Floats | None = None,
) -> list[Lasting]:
    """The losses of D judged days that last, in order of time; none share a day.

    `x`: log losses log(due / came), (D,); `due`: expected energy, kWh, (D,); `number`: days since 1970,
    rising; `alone`: days that a single witness tells of, (D,); `haze`: those that the clear sky alone does;
    `snow`: those on which snow may lie, which slides off one machine later than off the next: they make no
    loss sure.
    `sunny`, `unsure`: the standard deviation of the days that the weather service's sun tells of, 0 of
    others, and the variance of what is usual of them (`sunny_days.py`), (D,).
    `doubt`: the least standard deviation of each day's log loss, as its sky is known no better, (D,).
    """
    d = len(x)
    told = np.ones(d, dtype=bool) if sunny is None else sunny == 0.0
    noise = noise_before(np.where(told, x, np.nan), due, number)
    if haze is not None:
        hazy = np.zeros(d)
        hazy[told] = haze_before(x[told])
        noise = replace(noise, sd=np.where(haze & told, np.maximum(noise.sd, hazy), noise.sd))
    if doubt is not None:
        noise = replace(noise, sd=np.maximum(noise.sd, doubt))
    if sunny is not None:
        noise = replace(noise, sd=np.where(told, noise.sd, sunny))
    quiet, begin = np.ones(d, dtype=bool), 0
    found: list[Lasting] = []
    while True:
        usual = _usual(x, quiet, noise)
        if unsure is not None:
            usual = replace(usual, doubt=usual.doubt + unsure)
        ratio, back = _ratio(np.where(quiet, x, np.nan), usual, noise, SMALLEST)
        alarms = np.flatnonzero(ratio[begin:] >= ALARM)
        if not len(alarms):
            return found
        alarm = begin + int(alarms[0])
        first, usual = alarm - int(back[alarm]), usual.at(alarm, int(back[alarm]))
        over = x - usual.level[alarm]
        first, last = _begin(np.where(quiet, over, -np.inf), first, alarm), _end(over, first, alarm)
        inside = np.full(d, np.nan)
        inside[first : last + 1] = x[first : last + 1]
        free = inside if snow is None else np.where(snow, np.nan, inside)
        least = LONE_SMALL if alone is not None and alone[first : last + 1].mean() > 0.5 else SMALL
        if not told[first : last + 1].mean() > 0.8:
            least = SUNNY_SMALL
        sure, small = (
            bool((_ratio(free, usual, noise, -math.log1p(-of), SURE_DAYS)[0] >= ALARM).any())
            for of in (least, SMALL)
        )
        best, _ = _ratio(inside, usual, noise, SMALLEST)
        mean = float(np.mean(over[first : last + 1]))
        found.append(Lasting(first, last, float(usual.level[alarm]), sure, mean, float(best.max()), small))
        quiet[first : last + 1] = False
        begin = max(alarm, last) + 1


def _end(over: Floats, first: int, alarm: int) -> int:
    """The last day of a loss that is known since day `alarm`: all, where it has not ended."""
    half = float(np.mean(over[first : alarm + 1])) / 2.0
    last, ended = _goes_on(over[alarm + 1 :], half)
    return alarm + last if ended else len(over) - 1


def _begin(over: Floats, first: int, alarm: int) -> int:
    """The first day of a loss that is known since day `alarm`, and surest from day `first` on: what grows
    has begun before, and so has what a dull day hid."""
    half = float(np.mean(over[first : alarm + 1])) / 2.0
    return first - _goes_on(over[:first][::-1], max(half, SMALLEST))[0]


def _goes_on(over: Floats, half: float) -> tuple[int, bool]:
    """After how many days a loss was last seen, and whether it has ended by then: good days in a row."""
    good, last = 0, 0
    for day, lost in enumerate(over.tolist(), start=1):
        good = good + 1 if lost < half else 0
        if good == GOOD_DAYS:
            return last, True
        last = last if good else day
    return last, False


@dataclass(frozen=True)
class _Usual:
    """The usual log loss before each of D days, (D,), and its variance `doubt`, (D,), for losses that began
    less than `room` days before, (D,); older ones have none, give or take `DOUBT`."""

    level: Floats
    doubt: Floats
    room: Ints

    def at(self, day: int, back: int) -> _Usual:
        """What was usual before one day, for all, where the loss began so many days before it."""
        known = back < self.room[day]
        level, doubt = (self.level[day], self.doubt[day]) if known else (0.0, DOUBT**2)
        d = len(self.level)
        return _Usual(np.full(d, level), np.full(d, doubt), np.full(d, BACK))


def _usual(x: Floats, quiet: Mask, noise: Noise) -> _Usual:
    """The lower quartile of the quiet days, and what noise takes off it: days with a loss do not raise it.

    They end a month before each day, or with the first half of all.
    """
    day = np.arange(len(x))
    ends = np.maximum(day // 2, day - BACK)
    window = windows(np.where(quiet, x, np.nan), ends, BEFORE)
    sd = windows(np.where(quiet, noise.sd, np.nan), ends, BEFORE)
    count = np.maximum(np.isfinite(window).sum(axis=1), 1)
    low, middle, spread = (quantile_of_rows(v, q) for v, q in ((window, 0.25), (window, 0.5), (sd, 0.5)))
    seen = np.minimum(low + 0.6745 * spread, middle)
    long = np.minimum(noise.slow * (1 + PHI) / (1 - PHI) / count, noise.slow)
    doubt = 1.57 * spread**2 * (long + (1.0 - noise.slow) / count)
    with np.errstate(invalid="ignore"):
        trust = np.where(np.abs(seen) <= MOST_USUAL, 1.0 / (1.0 + doubt / DOUBT**2), 0.0)
    return _Usual(np.nan_to_num(seen) * trust, DOUBT**2 * (1.0 - trust), day - ends)


def _ratio(
    x: Floats, usual: _Usual, noise: Noise, least: float, least_days: int = 2
) -> tuple[Floats, Ints]:
    """The best log likelihood ratio of each day, (D,), and how many days before it the loss then began.

    `x`: log losses, NaN where they do not count; `least`: the mean beyond the usual that is looked for,
    over `least_days` at least.
    """
    d, there = len(x), np.isfinite(x)
    u = np.where(there, 1.0 / noise.sd, 0.0)
    z = np.where(there, np.nan_to_num(x) / noise.sd, 0.0)
    before, after = np.append(0.0, z[:-1]), np.append(z[1:], 0.0)
    newest, older = (
        np.clip(z, -FAR, np.maximum(FAR, seen)) for seen in (before, np.maximum(before, after))
    )
    best, back = np.zeros(d), np.zeros(d, dtype=np.int64)
    weight, total, whole, handed, variance = (np.zeros(d) for _ in range(5))
    for k in range(min(BACK, d)):
        u_k, z_k, x_k = (_earlier(v, k) for v in (u, older if k else newest, z))
        handed *= PHI
        variance += u_k**2 + 2.0 * noise.slow * u_k * handed
        handed += u_k
        weight += u_k**2
        total += u_k * z_k
        whole += u_k * x_k
        known = k < usual.room
        level, doubt = np.where(known, usual.level, 0.0), np.where(known, usual.doubt, DOUBT**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / weight - level
            ratio = mean**2 / (2.0 * (variance / weight**2 + doubt))
        begins = (u_k > 0) & there & (k >= least_days - 1)
        better = begins & (whole >= (least + level) * weight) & (mean > 0) & (ratio > best)
        best, back = np.where(better, ratio, best), np.where(better, k, back)
    return best, back


def _earlier(values: Floats, days: int) -> Floats:
    """The value so many days before each, (D,); 0 before the first."""
    return np.concatenate((np.zeros(min(days, len(values))), values[: max(len(values) - days, 0)]))
