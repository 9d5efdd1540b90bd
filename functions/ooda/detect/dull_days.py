"""The dull days within a loss that clear days before and after show.

Where the clear sky is the only witness nobody knows what was due on a dull day. What came is as much too
little as on the clear days beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ooda.documents.asset_history import HistoryDay
from ooda.documents.detections import EpisodeWindow

MOST_APART = 14
"""Days. Dull days between clear ones farther apart are not known to lie within a loss."""


def dull_days(
    between: Sequence[Sequence[HistoryDay]], log_loss: float
) -> tuple[list[EpisodeWindow], float]:
    """When power was missing on the days between two with a loss, and the energy due then, kWh.

    `between`: for each day what its files gave; `log_loss`: the mean of the loss that lasts.
    """
    parts: list[EpisodeWindow] = []
    due = 0.0
    if len(between) >= MOST_APART:
        return parts, due
    for item in (item for items in between for item in items):
        stood = any(episode.kind != "underperformance" for episode in item.episodes)
        if item.basis != "clear_sky" or item.loss is not None or item.readings is None or stood:
            continue
        owed = item.measured_kwh * math.exp(log_loss)
        due += owed
        lost = round(owed - item.measured_kwh, 3)
        parts.append(EpisodeWindow(window=item.readings, hours=item.judged_hours, lost_kwh=lost))
    return parts, due
