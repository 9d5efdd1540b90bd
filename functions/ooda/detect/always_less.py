"""A machine that gives less than its neighbours, and whether it ever gave more.

Two machines of one roof, one with fewer modules and one that was ill before its first file came, give the
same: a level below the others', flat over the day and the year. Only a change tells them apart. So a
machine owes what it gave at its best beside its neighbours. What they give beyond that is *suspected*: told
once, with its size, and nothing is booked.

>>> Standing.of(np.array([0.85]), np.ones((1, 5)), np.array([40]), np.nan).short.tolist()  # never more
[0.15]
>>> Standing.of(np.array([0.85]), np.ones((1, 5)), np.array([40]), 1.0).owes.round(3).tolist()  # it did
[1.176]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect import student
from ooda.detect.sky import SLOTS, Floats, Ints
from ooda.detect.track import Track
from ooda.detect.witnesses.telling import Told
from ooda.documents.asset_history import HistoryDay
from ooda.documents.detections import Episode, Evidence, Signals

BEHIND = 0.05
"""Share of the neighbours' level. An asset this far below sound neighbours that agree gives too little.
Chosen on the plants of the bench."""
TOO_FAR = 0.25
"""Share of the neighbours' level. No machine is built with so many fewer modules (ours): it is ill, or its
capacity is wrong, and somebody must look."""
ALIKE, ALIKE_ASSETS, ALIKE_PART = 0.03, 3, 3
"""…unless three others, or one of three of the others, have its level within 3 %: then it is another kind
of asset, or lies as a season does not show: that the same is missing of so many is no chance."""
USUAL_SCATTER, ENOUGH_MACHINES = 0.05, 6
"""Share of the level by which nameplates usually lie beside what machines give; it counts for the machines
that are missing to six, as the scatter of three or four says little."""
UNLIKELY = 0.00135
"""The share of sound machines that lie so far below: three standard deviations, were they known."""
KNOWN_DAYS = 5
"""Days of which a level is, for it to be one that the machine had."""
FEW_DAYS, LEAST_DUE = 2, 0.1
"""Days of which a level is not much; share of capacity that must be due of a half hour."""
BEST_SLOTS = 0.75
"""Of a first day's half hours, the quantile whose level is the machine's own: a stop is none."""


@dataclass(frozen=True)
class Standing:
    """How an asset stands beside its neighbours on each of D days, (D,).

    `level`: its level over theirs, NaN where fewer than three lie alike or it is of too few days. `owes`:
    by how much more than its own level it owes, because it gave more once; 1 where it does not. `short`:
    the share of what its neighbours give that it never gave; 0 where it is not clearly behind them.
    """

    level: Floats
    owes: Floats
    short: Floats

    @classmethod
    def of(
        cls, own: Floats, levels: Floats, known: Ints, best: float, first: Floats | None = None
    ) -> Standing:
        """From its own level, (D,), and those of R others that lie alike, (D, R).

        `known`: of how many days its level is; `best`: the highest level beside them that it had before,
        NaN where nobody knows; `first`: the level of the better hours of each day, which counts while its
        level is of two days.
        """
        d, others = levels.shape
        if others < ALIKE_ASSETS:
            return cls(np.full(d, np.nan), np.ones(d), np.zeros(d))
        middle = bn.nanmedian(levels, axis=1)
        beside = own / middle
        least = 1.0 - _far(levels / middle[:, None])
        alike = (np.abs(levels / middle[:, None] - beside[:, None]) <= ALIKE).sum(axis=1)
        level = np.where(known >= KNOWN_DAYS, beside, np.nan)
        had = np.fmax.accumulate(np.fmax(level, best))
        if first is not None:
            had = np.where(known <= FEW_DAYS, np.fmax(had, first / middle), had)
        had = np.where(beside < 1.0 - TOO_FAR, 1.0, np.fmin(np.fmax(had, beside), 1.0))
        with np.errstate(invalid="ignore"):
            behind = (beside < least) & (alike < min(ALIKE_ASSETS, math.ceil(others / ALIKE_PART)))
            owes = np.where(behind & (beside < had * (1.0 - BEHIND)), had / beside, 1.0)
            rest = beside * owes
            short = np.where(behind & (rest < least), np.round(1.0 - rest, 4), 0.0)
        return cls(level, np.maximum(owes, 1.0), np.asarray(short, dtype=float))


def _far(levels: Floats) -> Floats:
    """How far below R others, (D, R), a sound machine seldom lies, (D,): a share of their middle level."""
    others = levels.shape[1]
    scatter = 1.4826 * bn.nanmedian(np.abs(levels - 1.0), axis=1)
    missing = max(ENOUGH_MACHINES - others, 0)
    scatter = np.sqrt(
        (others * np.nan_to_num(scatter) ** 2 + missing * USUAL_SCATTER**2) / (others + missing)
    )
    far = student.far_end(UNLIKELY, others + missing - 1)  # a scatter that is itself of few machines
    return np.asarray(np.maximum(BEHIND, far * scatter))


def first_levels(track: Track, told: Told) -> Floats:
    """The level of the better half hours of each day, (D,), NaN where its level is of more days."""
    levels = np.full(len(track.days), np.nan)
    if not len(levels) or told.known.min() > FEW_DAYS:
        return levels
    with np.errstate(invalid="ignore"):
        lit = (told.due > LEAST_DUE) & np.isfinite(track.share)
    for day in np.flatnonzero(told.known <= FEW_DAYS):
        rows = np.flatnonzero(lit & (track.days.row == day))
        slot = track.sky.slot[rows]
        came, due = (np.bincount(slot, part[rows], SLOTS) for part in (track.share, told.due))
        there = due > 0
        if there.any():
            levels[day] = told.level[day] * np.quantile(came[there] / due[there], BEST_SLOTS)
    return levels


def as_episode(item: HistoryDay) -> Episode | None:
    """What its neighbours would have given on a day beyond what it ever gave; None where that is not known
    or nothing."""
    if not item.short or item.readings is None or item.expected_kwh <= 0.0:
        return None
    due = item.expected_kwh / (1.0 - item.short)
    looks = Signals(
        zero_share=0.0,
        loss_share=item.short,
        loss_spread=0.0,
        day_share=1.0,
        plateau_share=0.0,
        plateau_level=0.0,
        stops=0,
        recovered=False,
    )
    said = f"{item.short:.0%} less than its neighbours give, and nobody has seen it give more"
    return Episode(
        kind="underperformance",
        window=item.readings,
        hours=item.judged_hours,
        expected_kwh=round(due, 3),
        lost_kwh=round(due - item.expected_kwh, 3),
        confidence=0.9,
        signals=looks,
        evidence=[
            Evidence(
                detector="neighbours",
                statement=said,
                value=round(100 * item.short, 1),
                limit=round(100 * BEHIND, 1),
            )
        ],
    )
