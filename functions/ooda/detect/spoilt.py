"""Spoilt days: whose clock, unit, meter or sensor was wrong. What is told as spoilt is set aside, here.

Which days these are is asked anew with each file (`data_days.py`), and stands in the asset history
(`AssetHistory.spoilt`). Three things follow, whether a day was known as spoilt at once or only later: no
loss is concluded from it, what was booked on it is gone, and nobody learns from it. The days themselves
stay as they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ooda.detect.asset_history import number_of
from ooda.detect.sky import Ints
from ooda.documents.asset_history import AssetHistory, HistoryDay

MEASURED = ("over_temperature", "over_voltage")
"""Kinds of episodes that follow from a channel's own limit: they stay, whatever power says."""
SAYS_OF_POWER: dict[str, object] = {
    "profile": [], "spreads": [], "missing": [], "memory": None, "shift": None, "levels": {},
    "volts": None, "efficiency": None, "warmth_c": None, "cell_c": None,
}  # fmt: skip
SAYS_OF_LIGHT: dict[str, object] = {"irradiance": []}
"""What a day says of the usual, by its power and by its irradiance."""


def _none() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Spoilt:
    """Days since 1970 whose power, and whose irradiance, are no example."""

    power: Ints = field(default_factory=_none)
    light: Ints = field(default_factory=_none)

    def __bool__(self) -> bool:
        return bool(len(self.power) or len(self.light))

    @classmethod
    def of(cls, history: AssetHistory) -> Spoilt:
        """From a marked history."""
        return cls(*(np.array([number_of(day) for day in own], dtype=np.int64) for own in _silent(history)))


def _silent(history: AssetHistory) -> tuple[list[str], list[str]]:
    """The dates on which power, and irradiance, are no example."""
    of = history.spoilt
    return [*of.power, *of.meter], [*of.power, *of.light]


def teaching(history: AssetHistory) -> AssetHistory:
    """A marked history whose spoilt days teach nothing: they are there, and do not say what is usual."""
    power, light = (history.days.keys() & own for own in _silent(history))
    if not power | light:
        return history
    days = dict(history.days)
    for name in power | light:
        silent = (SAYS_OF_POWER if name in power else {}) | (SAYS_OF_LIGHT if name in light else {})
        days[name] = {key: item.model_copy(update=silent) for key, item in history.days[name].items()}
    return history.model_copy(update={"days": days})


def trusted(history: AssetHistory) -> Mapping[str, Mapping[str, HistoryDay]]:
    """The days of a marked history without what wrong data made of them."""
    of = history.spoilt
    wholly, part, light = (history.days.keys() & own for own in (of.power, of.part, of.light))
    days = dict(history.days)
    for name in wholly | part | light:
        days[name] = {
            key: _without(item, name in wholly, name in part) for key, item in history.days[name].items()
        }
    return days


def _without(item: HistoryDay, wholly: bool, part: bool) -> HistoryDay:
    """A day's record without its losses; where the sensor alone is wrong, without the partial ones that
    follow from it, and without any partial one where a `part` of the day may be."""
    if wholly:
        kept = [episode for episode in item.episodes if episode.kind in MEASURED]
        return item.model_copy(update={"episodes": kept, "weak": None, "loss": None, "judged_hours": 0.0})
    if not part and item.basis not in ("irradiance", "wind"):
        return item
    kept = [episode for episode in item.episodes if episode.kind != "underperformance"]
    return item.model_copy(update={"episodes": kept, "weak": None, "loss": None})
