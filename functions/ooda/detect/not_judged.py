"""Assets of which nobody can say what they should have produced: why, and how many of a file. Pure.

A day without light asks for no reference, and says nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ona.runtime.words import counted, listed
from ooda.detect.sky import Mask
from ooda.detect.track import Track
from ooda.detect.witnesses.telling import Told
from ooda.documents.detections import AssetDetection, QualityIssue

_NAMED = 3
"""So many assets are named for each reason (ours)."""
_SEPARATOR = ": "
"""Between the reason and what follows from it, in the statement of an issue."""


def why(track: Track, told: Told, usable: Mask, has_forecast: bool) -> str:
    """What is missing of an asset's references, in words. `usable`: its readings that may be judged;
    `has_forecast`: there is one for the asset, of other hours."""
    peers = "too few neighbours" if told.others else "no neighbours"
    forecast = "no forecast of these hours" if has_forecast else "no forecast"
    return f"{_driver(track, usable)}, {peers}, {forecast}"


def _driver(track: Track, usable: Mask) -> str:
    """What is missing of wind or sun."""
    wind = track.asset.is_wind
    light, values = (usable, track.wind) if wind else (track.sky.light, track.irradiance)
    name = "wind speed" if wind else "irradiance"
    if not light.any():
        return "no usable reading" if wind else "no daylight"
    if not np.isfinite(values[light]).any():
        return f"no {name}"
    return f"{name} in less than half of the {'readings' if wind else 'daylight'}"


def issue(reason: str, readings: int) -> QualityIssue:
    """What the record says of such an asset. `readings`: those that wanted a reference."""
    statement = f"{reason}{_SEPARATOR}power cannot be judged, only ranges and data"
    return QualityIssue(kind="no_reference", statement=statement, readings=readings)


def summary(assets: Sequence[AssetDetection]) -> str:
    """How many of a file's assets were not judged, with the reasons; empty where all were.

    Such as `1 of 3 assets not judged: no irradiance, no neighbours, no forecast (INV-001)`.
    """
    by_reason: dict[str, list[str]] = {}
    for asset in assets:
        for item in asset.quality.issues:
            if item.kind == "no_reference":
                by_reason.setdefault(item.statement.partition(_SEPARATOR)[0], []).append(asset.asset_id)
    if not by_reason:
        return ""
    number = sum(map(len, by_reason.values()))
    reasons = "; ".join(f"{reason} ({listed(ids, _NAMED)})" for reason, ids in by_reason.items())
    return f"{number} of {counted(len(assets), 'asset')} not judged: {reasons}"
