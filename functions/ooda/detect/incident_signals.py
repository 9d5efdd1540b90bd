"""The signals of an incident: those of its episodes as one, and how the incident goes on over days.

>>> _slope({0: 0.10, 1: 0.12, 2: 0.14, 3: 0.16})  # the loss share grows by 2 % of the energy a day
0.02
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from statistics import fmean, median

import numpy as np

from ooda.documents.detections import Episode, Signals

MOST_SIGNAL_DAYS = 14
"""Episodes. An incident looks like its last two weeks."""
_MEANS = (
    "zero_share",
    "day_share",
    "loss_share",
    "loss_spread",
    "loss_low",
    "loss_high",
    "loss_full",
    "loss_early",
    "loss_noon",
    "loss_late",
    "loss_clear",
    "loss_cloudy",
    "roughness",
    "temperature_correlation",
    "cell_correlation",
    "neighbours_off",
    "neighbours_in_turn",
    "warmth_c",
    "ambient_c",
    "frost_share",
    "voltage_ratio",
    "voltage_spread",
    "voltage_sag",
    "efficiency_ratio",
    "efficiency_slope",
    "plateau_share",
    "plateau_level",
    "neighbours_held",
)
"""Signals whose mean over the episodes counts, weighted by energy lost."""
_BEGINNING = ("rain_mm", "wet_mm", "rain_peak_mm", "snow_mm", "gust_m_s", "ambient_drop_c")
"""Signals of the weather in which the incident began; the highest of the first episodes counts."""
MOSTLY = 0.5
"""Share (0…1) of an episode without power, or of its beginnings at dawn, from which on it is such a one."""
WET_MM = 0.2
"""mm of water on surfaces. Less is dry in the sun at once."""
CLEANS_MM = 1.0
"""mm of rain of a day. Less moves dust, and takes none."""
LEAST_PAIRS = 3
"""Pairs of days with rain between them, and without: of fewer nobody knows what rain does."""
FIRST_EPISODES = 3
"""Episodes. Most of them whose weather is that in which the incident began."""


def combined(
    episodes: list[Episode],
    shares: dict[int, float],
    before: float | None = None,
    rain: Mapping[int, float | None] | None = None,
) -> Signals:
    """The signals of several episodes as one.

    Means by energy lost over the last two weeks; the weather in which it began from the first episodes; how
    it went on from all. `shares`: the loss share of each day (0…1) by index of the day; `before`: that of
    the days before it; `rain`: mm in the 24 hours before the day's episode, by index of the day.
    """
    recent = episodes[-MOST_SIGNAL_DAYS:]
    values: dict[str, float | int | bool | None] = {}
    for name in _MEANS:
        pairs = [
            (max(episode.lost_kwh, 1e-6), value)
            for episode in recent
            if (value := getattr(episode.signals, name)) is not None
        ]
        total = sum(weight for weight, _ in pairs)
        values[name] = round(sum(w * v for w, v in pairs) / total, 4) if pairs else None
    at_a_level = [e for e in recent if e.signals.plateau_share >= 0.5]
    if at_a_level:
        weights = [max(e.lost_kwh, 1e-6) for e in at_a_level]
        levels = [e.signals.plateau_level for e in at_a_level]
        values["plateau_level"] = round(float(np.average(levels, weights=weights)), 4)
    goes_on = episodes[0].kind == "outage" and episodes[0].signals.returns < 0.5
    first = episodes[: 1 if goes_on else FIRST_EPISODES]
    if episodes[0].kind != "outage":
        first = _first(episodes, values["loss_share"])
    for name in _BEGINNING:
        starts = [v for e in first if (v := getattr(e.signals, name)) is not None]
        values[name] = max(starts, default=None)
    values["from_dawn"] = _from_dawn(recent)
    values["returns"] = _returns(recent)
    values["wet_share"] = _wet_share(episodes)
    for name in ("storm_rate", "storm_days"):
        rates = [v for e in first if (v := getattr(e.signals, name)) is not None]
        values[name] = min(rates, default=None)
    values["rain_cleans"] = _rain_cleans(shares, rain or {})
    values["first_slot"] = episodes[0].signals.first_slot
    for name, most in (
        ("temperature_max_c", max),
        ("cell_max_c", max),
        ("ambient_min_c", min),
    ):
        seen = [v for e in recent if (v := getattr(e.signals, name)) is not None]
        values[name] = most(seen, default=None)
    levels_by_day = {
        n: e.signals.plateau_level for n, e in enumerate(episodes) if e.signals.plateau_share >= 0.5
    }
    return Signals(
        **values,
        stops=sum(episode.signals.stops for episode in recent),
        recovered=episodes[-1].signals.recovered,
        slope_per_day=_slope(shares),
        slope_step=_step(shares),
        plateau_slope=_slope(levels_by_day),
        plateau_step=_fall(list(levels_by_day.values())),
        loss_before=_part(before, values["loss_share"]),
        days=len(shares),
        same_hours=_same_hours(episodes),
    )


def _first(episodes: list[Episode], loss: float | None) -> list[Episode]:
    """Those in whose weather it began: up to the first that loses half as much as the incident does, at
    most `FIRST_EPISODES`."""
    whole = (n for n, e in enumerate(episodes) if e.signals.loss_share >= MOSTLY * (loss or 0.0))
    return episodes[: min(next(whole, 0) + 1, FIRST_EPISODES)]


def _part(before: float | None, loss: float | None) -> float | None:
    """The loss of the days before, of the incident's own; None where that is hardly one."""
    return round(before / loss, 3) if before is not None and loss is not None and loss >= 0.02 else None


def _slope(shares: dict[int, float]) -> float | None:
    """How much the daily loss share grows a day: the median of the slopes of all pairs (Theil–Sen)."""
    if len(shares) < 4:
        return None
    points = list(shares.items())[-40:]
    slopes = sorted(
        (b[1] - a[1]) / (b[0] - a[0]) for n, a in enumerate(points) for b in points[n + 1 :] if b[0] > a[0]
    )
    return round(slopes[len(slopes) // 2], 5) if slopes else None


def _step(shares: dict[int, float]) -> float | None:
    """How far a loss that grew did so at once: 1 for one step, 0 for the same rise each day. Levels are
    medians of three days; the first and the last day, which an incident cuts, are left out. None with fewer
    than ten days, or without growth.

    >>> _step(dict(enumerate([0.1] * 7 + [0.3] * 7)))
    1.0
    >>> _step(dict(enumerate(0.01 * day for day in range(14))))
    0.0
    """
    days = list(shares.values())[1:-1]
    levels = [median(days[n : n + 3]) for n in range(len(days) - 2)]
    if len(days) < 8 or levels[-1] <= levels[0]:
        return None
    most = max(b - a for a, b in zip(levels, levels[3:], strict=False)) / (max(levels) - levels[0])
    even = 3 / (len(levels) - 1)
    return round(min(max((most - even) / (1 - even), 0.0), 1.0), 3)


def _fall(levels: list[float]) -> float | None:
    """The largest fall from a level to the next, of all that they differ by; None with fewer than five."""
    if len(levels) < 5 or max(levels) <= min(levels):
        return None
    most = max(a - b for a, b in itertools.pairwise(levels))
    return round(max(most, 0.0) / (max(levels) - min(levels)), 3)


def _returns(episodes: list[Episode]) -> float:
    """Share of its days (0…1), by energy lost, on which it worked again. The last one is left out where
    there are others: on it the repair came, or nobody knows yet."""
    counted = episodes[:-1] or episodes
    weights = [max(e.lost_kwh, 1e-6) for e in counted]
    return round(float(np.average([e.signals.returns for e in counted], weights=weights)), 4)


def _wet_share(episodes: list[Episode]) -> float | None:
    """Share of its stops after the first (0…1) that began while surfaces were wet; None where there are
    none."""
    stops = [e for e in _fresh(episodes) if e.signals.zero_share >= MOSTLY]
    wet = [e.signals.wet_mm >= WET_MM for e in stops[1:] if e.signals.wet_mm is not None]
    return round(fmean(wet), 3) if wet else None


def _rain_cleans(shares: dict[int, float], rain: Mapping[int, float | None]) -> float | None:
    """How much less the daily loss grows from one day to the next where it rained between them than where
    it did not, over the standard error of that. None with fewer than `LEAST_PAIRS` of either.

    >>> days = {n: 0.02 * (n % 5) for n in range(30)}  # it grows, and is gone after each fifth day
    >>> _rain_cleans(days, {n: 8.0 if n % 5 == 0 else 0.0 for n in days}) > 3
    True
    >>> _rain_cleans({n: 0.1 + 0.01 * (n % 2) for n in days}, {n: 8.0 * (n % 3 == 0) for n in days}) < 1
    True
    """
    wet: list[float] = []
    dry: list[float] = []
    for day, share in shares.items():
        mm = rain.get(day)
        if mm is not None and day - 1 in shares:
            (wet if mm >= CLEANS_MM else dry).append(share - shares[day - 1])
    if len(wet) < LEAST_PAIRS or len(dry) < LEAST_PAIRS:
        return None
    error = float(np.sqrt(np.var(wet, ddof=1) / len(wet) + np.var(dry, ddof=1) / len(dry)))
    return round((fmean(dry) - fmean(wet)) / max(error, 1e-4), 2)


def _fresh(episodes: list[Episode]) -> list[Episode]:
    """Its beginnings: a stop that went on over the night does not begin again."""
    return [e for n, e in enumerate(episodes) if n == 0 or episodes[n - 1].signals.returns >= 0.5]


def _from_dawn(episodes: list[Episode]) -> float:
    """Share of its beginnings (0…1) that were the day's first readings."""
    return round(fmean(e.signals.from_dawn for e in _fresh(episodes)), 4)


def _same_hours(episodes: list[Episode]) -> float | None:
    """Whether a loss that takes part of the day comes at the same solar hours: 1 within half an hour, 0
    from three hours on, on most of its days (of three on all, as two are near each other by chance). None
    before the third day. A stop since dawn began in the dark, nobody knows when."""
    timed = [e for e in episodes if e.signals.zero_share < MOSTLY or e.signals.from_dawn < MOSTLY]
    starts = [e.signals.first_slot for e in timed if e.signals.first_slot is not None]
    if len(starts) < max(3, len(episodes) / 2) or fmean(e.signals.day_share for e in timed) > 0.8:
        return None
    middle = sorted(starts)[len(starts) // 2]
    apart = sorted(abs(slot - middle) for slot in starts)[len(starts) // 2 + 1]
    return round(max(0.0, min(1.0, 1.0 - (apart - 1) / 5.0)), 2)
