"""Which moment of its interval a reading's time stamp names: its begin, its middle or its end.

A reading is a mean over its interval, so the sun that made it stood where it stands in the interval's
middle. Of hourly data that is half an hour from the stamp, and nobody says in which direction. The days do:
stamped with the begin, the morning's first power seems to come as much too early as the evening's last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ooda.detect.asset_history import name_of
from ooda.detect.clock import ends_of_days
from ooda.detect.track import Track
from ooda.documents.asset_history import AssetHistory, that_count

COARSE_MINUTES = 20.0
"""From such an interval on it is asked: of shorter ones the sun moves little in half of it."""
LEAST_DAYS = 5
"""Days of machines of which morning and evening are known, at least."""


def to_the_middle(tracks: Sequence[Track], histories: Mapping[str, AssetHistory]) -> float:
    """Minutes from a site's stamps to the middle of their intervals: half an interval, 0, or minus half.

    `tracks`: the machines of one site. 0 where the data are fine, or days too few: then a stamp is taken
    for the middle. A machine with a wrong clock does not decide: the median of machines' days does.
    """
    coarse = [t for t in tracks if t.step >= COARSE_MINUTES and t.asset.location and not t.asset.is_wind]
    if not coarse:
        return 0.0
    middles: list[float] = []
    for track in coarse:
        begins, ends = ends_of_days(track)
        middles += (begins + ends).tolist()
        history, first = histories.get(track.asset.id), name_of(int(track.days.number[0]))
        for day, by_file in history.days.items() if history else ():
            marks = [item.marks for item in that_count(by_file) if item.marks] if day < first else []
            middles += [m.begins + m.ends for m in marks if m.begins is not None and m.ends is not None]
    known = np.array(middles)[np.isfinite(middles)] / 2.0
    if len(known) < LEAST_DAYS:
        return 0.0
    half = float(np.median([track.step for track in coarse])) / 2.0
    return -half * float(np.clip(np.rint(np.median(known) / half), -1.0, 1.0))
