"""An anemometer that reads more or less than it did: since when, and by how much.

Power leaves what the own anemometer promises. That is the turbine or its anemometer. Power below rated goes
with the cube of the wind, so an anemometer that did it reads more by a third of what power lost, and the
wind of others says whether it does: that of the other turbines, or that of the weather service. The latter
differs by a tenth from day to day and by some per cent from month to month (ERA5 beside La Haute Borne,
two years), so it needs weeks, and is asked which of the two it is more like. Where neither is there, a
turbine that gives much more than it did has an anemometer that reads less; one that gives less has lost
power, for all that this module knows (`borne_out.py` says whether that is believed).

An anemometer shifts the power curve along the wind, and leaves rated power where it was. So a turbine whose
rated power moved with its curve has lost power (or its meter reads otherwise), whatever others say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ooda.detect import day_marks
from ooda.detect.asset_history import name_of
from ooda.detect.change_point import change_points
from ooda.detect.day_marks import Table
from ooda.detect.sky import Floats, Ints, Mask
from ooda.documents.asset_history import AssetHistory, HistoryDay, that_count
from ooda.documents.detections import QualityIssue

OWN = "wind"
"""The driver whose gains are those of the own anemometer (`wind_expected.py`)."""
LEAST, NOISE = 0.08, 0.03
"""Change of a day's gain, natural logarithm, that is looked at (4 % of the wind); days are never trusted
to differ less than the second."""
POWER = 2.2
"""Energy goes with about this power of the wind: the cube below rated power, nothing above it."""
HALF = 0.5
"""Of the wind that would explain the change: from there on the anemometer explains it better."""
OTHERS = (0.03, 0.02, 3, 1.5)
"""Of the others' wind: by how much, natural logarithms, days differ, and what no number of days takes away;
days that are needed; standard deviations by which it must have moved."""
SERVICE, SERVICE_DAYS, SERVICE_WEIGHT = (0.10, 0.04), 7, 20
"""Of the weather service's wind: the first two, as beside La Haute Borne, and the days that this weighs as
much as beside what a site's own days show; days that are needed."""
SURE = 1.0
"""Log likelihood ratio of the two explanations, from which on one of them is believed."""
MUCH_MORE, MORE = 0.2, 0.12
"""Natural logarithms. No turbine alone gives so much more than it did; the second where its rated power is
known to be what it was."""
RATED = 0.02
"""Natural logarithm. Rated power that moved by more is not what it was (La Haute Borne: 0.01 from day to
day)."""
DAYS_BEFORE, LEAST_DAYS, BRIDGE_DAYS = 60, 3, 7
"""Days before a change that tell the usual; days that each side needs; days between two changes of one kind
that belong to them."""
LEARNED_DAYS = 60
"""Days after which the curve has learned the anemometer anew."""


@dataclass(frozen=True)
class Anemometer:
    """Days, (D,), on which its curve misleads: it is off, or it is right again and the curve has learned
    what was wrong; by how much it reads more (below 0: less), shares, (D,)."""

    misleads: Mask
    share: Floats

    @classmethod
    def of(cls, days: Mapping[str, Mapping[str, HistoryDay]], table: Table, sound: Mask) -> Anemometer:
        """From a history's days and their marks, (D,). `sound`: days whose power is right, (D,)."""
        gain = np.full(len(table), np.nan)
        if not np.isfinite(table.of_wind).any():
            return cls(np.zeros(len(table), dtype=bool), gain)
        for n, number in enumerate(table.number.tolist()):
            levels = [item.levels[OWN] for item in that_count(days[name_of(number)]) if OWN in item.levels]
            known = [level.gain for level in levels if level.gain is not None and level.gain != 1.0]
            if known and sound[n]:
                gain[n] = known[-1]
        return _anemometer_days(table, _log(gain))


def issue(history: AssetHistory, days: Collection[str]) -> list[QualityIssue]:
    """What is to be told of the anemometer on the days of a file."""
    table = day_marks.of_history(history.days)
    found = Anemometer.of(history.days, table, np.ones(len(table), dtype=bool))
    mine = [
        n
        for n in np.flatnonzero(found.misleads & (found.share != 0.0))
        if name_of(int(table.number[n])) in days
    ]
    if not mine:
        return []
    share, first = float(found.share[mine[-1]]), mine[-1]
    while first > 0 and found.share[first - 1] == found.share[first]:
        first -= 1
    text = (
        f"wind_speed_m_s reads about {abs(share):.0%} {'more' if share > 0 else 'less'} than it did "
        f"(since {name_of(int(table.number[first]))}), and its power does not bear it out: "
        "check the anemometer"
    )
    return [QualityIssue(kind="sensor_drift", statement=text, readings=len(mine), blinding=True)]


def _anemometer_days(table: Table, power: Floats) -> Anemometer:
    """The days on which the anemometer is off. `power`: log gains of its own curve, (D,)."""
    out = Anemometer(np.zeros(len(table), dtype=bool), np.zeros(len(table)))
    others, service, of_rated = map(_log, (table.wind_of_others, table.wind_of_service, table.rated))
    bounds = [0, *(step.day for step in change_points(power, least=LEAST, noise=NOISE)), len(table)]
    right, parts = np.empty(0, dtype=np.int64), list(pairwise(bounds))
    lost = -LEARNED_DAYS  # until when the turbine gave less
    while parts:
        begin, end = parts.pop(0)
        usual = right[right >= begin - DAYS_BEFORE]
        change = _moved(power, np.arange(begin, end), usual)[0]
        while parts and abs(change) >= LEAST:  # all parts on one side of the usual are one change
            more = _moved(power, np.arange(*parts[0]), usual)[0]
            if more * np.sign(change) < LEAST / 2.0:
                break
            end = parts.pop(0)[1]
        inside = np.arange(begin, end)
        if abs(change) >= LEAST:
            change = _moved(power, inside, usual)[0]
            rated = _moved(of_rated, inside, usual, least_days=1)
            back = change > 0.0 and begin - lost < LEARNED_DAYS
            wind = _by_anemometer(change, others, service, inside, usual, rated, guess=not back)
            if wind:
                level = float(np.nanmedian(power[usual]))
                while begin and not abs(power[begin - 1] - level) < LEAST / 2.0:  # medians miss a day
                    begin -= 1
                before = np.flatnonzero(out.share[max(0, begin - BRIDGE_DAYS) : begin] * wind > 0.0)
                begin -= min(begin, BRIDGE_DAYS) - int(before[-1]) if len(before) else 0
                inside = np.arange(begin, end)
                out.misleads[inside] = table.number[inside] - table.number[begin] < LEARNED_DAYS
                out.share[inside] = np.expm1(wind)
                continue
            fell = _moved(power, inside, usual, least_days=1)[0] < -LEAST
            lost = end if change < 0.0 else lost
            less = (out.share[max(0, begin - LEARNED_DAYS) : begin] < 0.0).any()
            out.misleads[inside] = bool(fell and less)  # it is as it was, its curve is not
        right = np.append(right, inside)
    return out


def _by_anemometer(
    change: float,
    others: Floats,
    service: Floats,
    inside: Ints,
    usual: Ints,
    rated: tuple[float, float],
    *,
    guess: bool,
) -> float:
    """By how much more the anemometer reads, natural logarithm, where it made the change of power over
    wind; else 0. `rated`: how much rated power moved, and of how many days that is known; `guess`: whether
    a turbine that gives much more is one whose anemometer reads less, with nobody to ask."""
    would = -change / POWER
    if rated[0] * np.sign(change) > RATED:
        return 0.0
    day, slow, least_days, sure = OTHERS
    moved, days = _moved(others, inside, usual)
    if np.isfinite(others[inside]).sum() >= least_days and days:
        sigma = float(np.hypot(day / np.sqrt(days), slow))
        return moved if moved / would > HALF and abs(moved) > sure * sigma else 0.0
    says = service_says(change, service, inside, usual)
    if abs(says) >= SURE:
        return _moved(service, inside, usual)[0] if says > 0.0 else 0.0
    return would if guess and change > (MORE if rated[1] else MUCH_MORE) else 0.0


def service_says(change: float, service: Floats, inside: Ints, usual: Ints) -> float:
    """The log likelihood ratio, by the weather service's wind, that the anemometer made a `change` of power
    over wind against that the turbine did; 0 where it is not known.

    `service`: the own wind over the service's, natural logarithms, (D,).
    """
    moved, days = _moved(service, inside, usual, least_days=SERVICE_DAYS)
    if not days:
        return 0.0
    before = service[usual][np.isfinite(service[usual])]
    steps = 1.4826 * float(np.median(np.abs(np.diff(before)))) / np.sqrt(2.0)
    n = len(before)
    day = (n * steps + SERVICE_WEIGHT * SERVICE[0]) / (n + SERVICE_WEIGHT)
    variance = day**2 / days + SERVICE[1] ** 2
    would = -change / POWER
    return float((moved**2 - (moved - would) ** 2) / (2.0 * variance))


def _moved(values: Floats, inside: Ints, usual: Ints, least_days: int = LEAST_DAYS) -> tuple[float, float]:
    """How much a level differs from the usual, and of how many days that is the mean; 0 and 0 where it is
    not known."""
    now, before = (values[rows][np.isfinite(values[rows])] for rows in (inside, usual))
    if min(len(now), len(before)) < least_days:
        return 0.0, 0.0
    return float(np.median(now) - np.median(before)), 1.0 / (1.0 / len(now) + 1.0 / len(before))


def _log(values: Floats) -> Floats:
    return np.asarray(np.log(np.where(values > 0.0, values, np.nan)))
