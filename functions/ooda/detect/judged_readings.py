"""The judged readings of a batch as they go to the telemetry store: some months at a time, cut at the
midnights of UTC at which objects are cut too, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from ona.telemetry.readings import DAY_US, without_impossible
from ooda.detect import long_files
from ooda.detect.judge import AssetVerdict


def published(
    verdicts: Sequence[AssetVerdict], capacities: Mapping[str, float]
) -> Iterator[tuple[dict[str, pd.DataFrame], dict[str, int]]]:
    """The frames of assets with their expected power, by id, stretch by stretch; and how many readings of
    each had a power that no machine gives, which they lost. `capacities`: kW by asset id."""
    begun = {verdict.detection.asset_id: 0 for verdict in verdicts}
    for begin, end in _stretches(verdicts):
        frames, wrong = {}, {}
        for verdict in verdicts:
            name = verdict.detection.asset_id
            own = long_files.between(verdict.frames, name, begin, end)
            if not len(own):
                continue
            due = verdict.expected[begun[name] : begun[name] + len(own)]
            begun[name] += len(own)
            frame, wrong[name] = without_impossible(own.assign(asset_id=name), {name: capacities[name]})
            frames[name] = frame.drop(columns="asset_id").assign(expected_kw=due)
        if frames:
            yield frames, wrong


def _stretches(verdicts: Sequence[AssetVerdict]) -> list[tuple[int, int]]:
    """From when to before when readings are published at once, µs since 1970 UTC."""
    windows = [verdict.detection.window for verdict in verdicts]
    if not windows:
        return []
    first = min(int(w.start.timestamp()) for w in windows) * 1_000_000 // DAY_US
    last = max(int(w.end.timestamp()) for w in windows) * 1_000_000 // DAY_US
    readings = sum(len(verdict.expected) for verdict in verdicts)
    days = max(1, (last + 1 - first) * long_files.MOST_READINGS // max(readings, 1))
    return [(day * DAY_US, (day + days) * DAY_US) for day in range(first, last + 1, days)]
