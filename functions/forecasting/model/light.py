"""How much of a day's light the days of a training had: far north a winter teaches little of a spring.

A model that was trained on days of two hours of low sun forecasts days of twelve. The less of their light
it has seen, the less it knows of them. Each day of the training counts by its light above the air over that
of the day in question, and for one day at most. So a summer teaches an autumn as much as it has days. Near
the equator each day counts.

>>> round(lit_days(66.5, date(2025, 3, 10), 90.0, date(2025, 4, 5)))
12
>>> round(lit_days(66.5, date(2025, 9, 10), 90.0, date(2025, 10, 5)))
90
>>> round(kept(66.5, date(2025, 3, 10), 90.0, date(2025, 4, 5)), 2)
0.27
>>> kept(5.0, date(2025, 3, 10), 90.0, date(2025, 4, 5)) > 0.95
True
"""

from __future__ import annotations

from datetime import date

import numpy as np

from ona.sky.sun import Floats

MOST_DAYS = 366
"""Newest days of a training that are counted: a year has seen every light."""
HALF_DAYS = 20.0
"""Whole days of light with which what was learned counts half. Ours: with 50 far north is as good, and six
months of 63° N lose 2 %."""
DARK = 1e-3
"""Light of a day, as a share of the solar constant, below which there is nothing to teach."""


def kept(latitude: float, until: date, days: float, asked: date) -> float:
    """How much of its weight what a training learned keeps on a day, 0…1: the standing of its days where
    they count by their light, over that where each counts whole.

    `until`: the training's last day; `days`: how many it had.
    """
    whole = _standing(days)
    return min(1.0, _standing(lit_days(latitude, until, days, asked)) / whole) if whole else 1.0


def _standing(days: float) -> float:
    return days**2 / (days**2 + HALF_DAYS**2)


def lit_days(latitude: float, until: date, days: float, asked: date) -> float:
    """The days before `until`, each by its light over that of the day asked, 1 at most."""
    wanted = float(above_the_air(latitude, np.array([float(asked.timetuple().tm_yday)]))[0])
    count = min(round(days), MOST_DAYS)
    if wanted < DARK or not count:
        return days
    last = until.timetuple().tm_yday  # 0 and less is the year before
    past: Floats = np.arange(last, last - count, -1, dtype=np.float64)
    return float(np.minimum(above_the_air(latitude, past) / wanted, 1.0).mean()) * days


def above_the_air(latitude: float, day_of_year: Floats) -> Floats:
    """Mean light of days on the horizontal above the air, as a share of the solar constant, shape (n,).

    Source: Allen and others, FAO Irrigation and Drainage Paper 56, 1998, equations 21 to 25.
    """
    year = 2.0 * np.pi * day_of_year / 365.0
    sun, place = 0.409 * np.sin(year - 1.39), np.radians(latitude)
    sets = np.arccos(np.clip(-np.tan(place) * np.tan(sun), -1.0, 1.0))
    lasts = sets * np.sin(place) * np.sin(sun) + np.cos(place) * np.cos(sun) * np.sin(sets)
    return np.asarray(np.maximum((1.0 + 0.033 * np.cos(year)) * lasts / np.pi, 0.0))
