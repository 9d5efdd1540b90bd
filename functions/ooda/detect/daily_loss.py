"""Small losses that go on for days: the loss of each whole day, and a cumulative sum over days.

>>> losses = np.array([0.0, 0.01, 0.0, 0.05, 0.05, 0.05])  # of each day's expected energy
>>> sustained(losses, np.full(6, 0.008)).tolist()
[False, False, False, True, True, True]
"""

from __future__ import annotations

import math

import bottleneck as bn
import numpy as np

from ooda.detect.case import Case
from ooda.detect.rolling import windows
from ooda.detect.sky import Floats, Mask

SLACK, SLACK_SIGMAS = 0.015, 1.0
ALARM, ALARM_SIGMAS = 0.06, 5.0
"""Of the cumulative sum over days (Page 1954): what a day may miss without counting, and the sum that
alarms. The first of each pair is a share of a day's expected energy, the second a number of spreads."""
MIN_DAY_SPREAD = 0.008
"""Of a day's expected energy. Healthy days are never trusted to differ less."""
UNKNOWN_DAY_SPREAD = 0.03
"""Of a day's expected energy: the spread while fewer than five days are there. Chosen on the plants of the
bench."""
MIN_DAY_HOURS = 2.0
"""Hours that must have been judged, before a day has a loss."""
LONE_LOSS = 0.10
"""Of a day's expected energy: what is told at least where only the clear sky is a witness."""
HEALTHY_DAYS = 2
"""Good days after which an incident has ended."""


def loss_by_day(case: Case, apart: Mask) -> Floats:
    """Of D days the share of the expected energy that did not come, over judged readings outside `apart`
    (n,); NaN where too little was judged."""
    days, judged = case.track.days, case.res.judged & ~apart & (case.res.evidence > 0.0)
    due = days.sum(case.ref.expected, judged)
    came = days.sum(case.track.power, judged)
    hours = days.count(judged) * case.track.hours
    with np.errstate(invalid="ignore", divide="ignore"):
        loss = np.asarray(np.where(hours >= MIN_DAY_HOURS, (due - came) / due, np.nan))
        if case.ref.basis == "clear_sky":  # haze and warmth move it by less
            loss = np.where(loss < LONE_LOSS, np.minimum(loss, 0.0), loss)
    return loss


def sustained(losses: Floats, spread: Floats) -> Mask:
    """Days on which less than was due came, day after day: a one-sided cumulative sum.

    `losses`, `spread`: (D,), D days in order, NaN where nothing was judged. True from the day on which
    the sum began to rise until two days in a row are good again. Source: Page, Biometrika 41, 1954.
    """
    active = np.zeros(len(losses), dtype=bool)
    total, began, alarmed, good = 0.0, 0, False, 0
    for day, loss in enumerate(losses):
        if not math.isfinite(loss):
            active[day] = alarmed
            continue
        slack = max(SLACK, SLACK_SIGMAS * spread[day])
        limit = max(ALARM, ALARM_SIGMAS * spread[day])
        if total <= 0.0:
            began = day
        total = max(0.0, total + loss - slack)
        if alarmed:
            good = good + 1 if loss < slack else 0
            if good >= HEALTHY_DAYS:
                alarmed, total, good = False, 0.0, 0
                active[day - HEALTHY_DAYS + 1 : day] = False
                continue
            active[day] = True
        elif total >= limit:
            alarmed, good = True, 0
            active[began : day + 1] = True
    return active


def spreads_before(losses: Floats, wide: bool) -> Floats:
    """How much healthy days' loss shares usually differ, (D,): 1.4826 · median |difference| / √2 of the up
    to 30 days before each (for the first ten days: of these ten). A level that shifts once does not widen
    it.

    `losses`: (D,), NaN where nothing was judged. `wide`: without neighbours days differ more.
    """
    if not len(losses):
        return np.empty(0)
    ends = np.maximum(np.arange(len(losses)), min(10, len(losses)))
    measured_days = np.flatnonzero(np.isfinite(losses))
    steps = np.full(len(losses), np.nan)
    steps[measured_days[1:]] = np.abs(np.diff(losses[measured_days]))
    window, there = windows(steps, ends, 30), np.isfinite(windows(losses, ends, 30))
    first = there.argmax(axis=1)  # what it differs from lies before the window
    window[np.arange(len(window)), first] = np.nan
    measured = 1.4826 * bn.nanmedian(window, axis=1) / math.sqrt(2.0)
    unknown = UNKNOWN_DAY_SPREAD * (2.0 if wide else 1.0)
    few = there.sum(axis=1) < 5
    return np.where(few, unknown, np.clip(measured, MIN_DAY_SPREAD, 0.25))
