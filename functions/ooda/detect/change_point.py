"""Change-points: on which day the level of a daily number moved, and by how much.

The noise of a level comes from the differences between days, which a single step cannot widen. A step is
believed where the medians on its two sides lie further apart than that noise allows. Long and short sides
are tried, so that the newest day alone can show a large step, and ten days a small one.

>>> clock = np.array([3.0, -2.0, 4.0, 0.0, 1.0, 62.0, 59.0, 63.0])  # minutes late, by day
>>> change_points(clock, least=10.0, noise=3.0)
[Step(day=5, change=61.0)]
>>> levels(clock, change_points(clock, least=10.0, noise=3.0)).tolist()
[0.0, 0.0, 0.0, 0.0, 0.0, 61.0, 61.0, 61.0]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.sky import Floats

SIDES = ((10, 1), (10, 2), (10, 4), (10, 10), (4, 10), (2, 10), (1, 10))
"""Measured days before and after a possible step that are compared. Ten days are what the seasons leave
alone; our choice."""
SLACK = 3
"""Days by which the middle of a few others may miss a step."""
LEAST_BEFORE = 3
"""Days that must be known before a step (fewer where it is a way back)."""
SIGMAS = 5.0
"""A step is as many standard errors. Normal noise passes that once in 1.7 million comparisons; days have
heavier tails."""
MEDIAN_ERROR = 1.2533
"""Standard error of a median over that of a mean, √(π/2), for normal noise."""


@dataclass(frozen=True)
class Step:
    """The first day (its place) on the new level, and how much higher that is than the one before."""

    day: int
    change: float


def noise_of(values: Floats, least: float) -> float:
    """How much days of one level differ, 1.4826 · median |difference| / √2, at least `least`."""
    steps = np.abs(np.diff(values[np.isfinite(values)]))
    return max(least, 1.4826 * float(np.median(steps)) / math.sqrt(2.0)) if len(steps) else least


def change_points(values: Floats, *, least: float, noise: float) -> list[Step]:
    """The steps of D daily values in order, NaN where a day says nothing.

    `least`: a smaller step is of no interest; `noise`: days of one level are never trusted to differ less.
    """
    known = np.flatnonzero(np.isfinite(values))
    series = values[known]
    if len(series) < 2 or float(np.ptp(series)) < least:
        return []
    sigma = noise_of(series, noise)
    found: list[int] = []
    _search(series, 0, len(series), least, sigma, found)
    bounds = [0, *sorted(found), len(series)]
    steps = []
    for begin, place, end in zip(bounds, bounds[1:-1], bounds[2:], strict=False):
        before, after = series[max(begin, place - 10) : place], series[place : min(end, place + 10)]
        change = _middle(after) - _middle(before)
        if abs(change) >= least:
            steps.append(Step(int(known[_exact(series, begin, place, end)]), change))
    return sorted(steps, key=lambda step: step.day)  # the exact days of two near ones may change places


def _exact(series: Floats, begin: int, place: int, end: int) -> int:
    """The place of a step, which medians know to a few days: where each day is nearest to its own side."""
    before, after = _middle(series[begin:place][-10:]), _middle(series[place:end][:10])
    near = np.arange(max(begin + 1, place - SLACK), min(end - 1, place + SLACK) + 1)
    part = series[near[0] - 1 : near[-1] + 1] if len(near) else series[:0]
    costs = [
        float(np.abs(part[: n + 1] - before).sum() + np.abs(part[n + 1 :] - after).sum())
        for n in range(len(near))
    ]
    return int(near[int(np.argmin(costs))]) if costs else place


def levels(values: Floats, steps: Sequence[Step]) -> Floats:
    """By how much each of D days lies above the first level: the sum of the steps until then."""
    out = np.zeros(len(values))
    for step in steps:
        out[step.day :] += step.change
    return out


def _search(series: Floats, begin: int, end: int, least: float, sigma: float, found: list[int]) -> None:
    """Add the places of the steps between two places: the clearest one, then those on both sides of it."""
    best, place = SIGMAS, -1
    part = series[begin:end]
    n = len(part)
    lefts: dict[int, Floats] = {}
    rights: dict[int, Floats] = {}
    for before, after in SIDES:
        first = min(before, LEAST_BEFORE) if begin == 0 else 1
        if n < first + after:
            continue
        if before not in lefts:
            lefts[before] = bn.move_median(part, min(before, n), min_count=first)[:-1]
        if after not in rights:
            rights[after] = bn.move_median(part[::-1], min(after, n), min_count=after)[-2::-1]
        size = np.abs(rights[after] - lefts[before])
        there = np.minimum(np.arange(1, n), before)
        size[~(size >= least)] = 0.0  # what is not known is no step either
        size /= sigma * MEDIAN_ERROR * np.sqrt(1.0 / there + 1.0 / after)
        top = int(size.argmax())
        if size[top] > best:
            best, place = float(size[top]), begin + top + 1
    if place >= 0:
        found.append(place)
        _search(series, begin, place, least, sigma, found)
        _search(series, place, end, least, sigma, found)


def _middle(values: Floats) -> float:
    return float(np.median(values))
