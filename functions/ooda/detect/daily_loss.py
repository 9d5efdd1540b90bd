"""The loss of each whole day, of which losses that last are made (`lasting.py`)."""

from __future__ import annotations

import numpy as np

from ooda.detect.case import Case
from ooda.detect.sky import Floats, Mask
from ooda.detect.sunny_days import Sunny

ROUGH = 0.3
"""Of expected power. Readings whose due is known less well say nothing of a day's small loss."""
MIN_DAY_HOURS = 2.0
"""Hours that must have been judged, before a day has a loss."""
WORTH = 0.01
"""Share of a day's expected energy from which on the day is kept as an episode: it may belong to a loss
that lasts."""

SHARED = 0.7
"""Of what is not known of a reading's sky: how much of it all readings of a day have in common."""


def loss_by_day(case: Case, apart: Mask, sun: Sunny) -> Floats:
    """Of D days the share of the expected energy that did not come, over judged readings outside `apart`
    (n,), and those of which the `sun` tells; NaN where too little was judged."""
    days, judged = case.track.days, case.res.judged & ~apart & (case.res.evidence > 0.0)
    judged &= case.res.spread < ROUGH
    judged |= sun.told
    due = days.sum(case.ref.expected, judged)
    came = days.sum(case.track.power, judged)
    hours = days.count(judged) * case.track.hours
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(hours >= MIN_DAY_HOURS, (due - came) / due, np.nan))


def doubt_by_day(case: Case, sun: Sunny) -> Floats:
    """Of D days the standard deviation of the log loss by what nobody knows of the sky, (D,).

    Where a sensor that lies otherwise than the modules is all that tells: how much of the light was beam.
    Where the weather service's sun is: what that errs by (`sunny_days.py`). Else 0."""
    if case.ref.basis == "clear_sky":
        return sun.doubt
    if case.ref.turned is None or case.ref.sigma is None:
        return np.zeros(len(case.track.days))
    days, judged = case.track.days, case.res.judged & np.isfinite(case.ref.sigma)
    due = days.sum(case.ref.expected, judged)
    unknown = days.sum(case.ref.expected * case.ref.sigma, judged)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(case.ref.turned & (due > 0.0), SHARED * unknown / due, 0.0)
