"""A forecast without what is known to be out, and the way back.

Median and bounds shrink by the share of the capacity that is out, after everything else: so intervals keep
their calibration. Of several reasons for one machine the greatest counts, never their sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forecasting.documents import ForecastDocument, Point, Summary, Unavailable
from forecasting.forecasting_api import answers
from forecasting.model.availability import Out
from ona.runtime.words import counted

ALL = 0.99
"""Share of a site that is out from which on its forecast says nothing of the rest. Ours."""
DocumentT = TypeVar("DocumentT", bound=ForecastDocument)


def subtracted(document: DocumentT, outs: Iterable[Out], capacities: Mapping[str, float]) -> DocumentT:
    """A forecast of a whole site less what is out; its metadata says how much, when and why.

    `capacities`: kW by asset of the site; what is out of other assets, or over before, does not count.
    """
    if not document.forecasts:
        return document
    step = timedelta(minutes=document.metadata.interval_minutes)
    begin, until = document.forecasts[0].timestamp - step, document.forecasts[-1].timestamp
    entries = [
        Unavailable(
            asset_id=out.asset_id,
            kw=round(out.lost * capacities[out.asset_id], 3),
            start=out.start,
            end=out.end,
            reason=out.reason,
        )
        for out in outs
        if out.asset_id in capacities and out.start < until and (out.end is None or out.end > begin)
    ]
    if not entries:
        return document
    entries.sort(key=lambda entry: (entry.start, entry.asset_id, entry.reason))
    metadata = document.metadata.model_copy(
        update={"unavailable": entries, "notes": [*document.metadata.notes, _in_words(entries)]}
    )
    left = 1.0 - out_share(document, entries)
    points = [_scaled(point, float(factor)) for point, factor in zip(document.forecasts, left, strict=True)]
    return _with_points(document.model_copy(update={"metadata": metadata}), points)


def restored(document: DocumentT) -> DocumentT:
    """The forecast of the whole site behind a stored one. Where all of the site is out nothing is behind
    it: such a point stays as it is, and no machine's readings are compared with it (`running`)."""
    if not document.metadata.unavailable:
        return document
    left = 1.0 - out_share(document, document.metadata.unavailable)
    factors = [float(1.0 / share) if share > 1.0 - ALL else 1.0 for share in left]
    points = [_scaled(point, factor) for point, factor in zip(document.forecasts, factors, strict=True)]
    metadata = document.metadata.model_copy(update={"unavailable": []})
    return _with_points(document.model_copy(update={"metadata": metadata}), points)


def out_share(document: ForecastDocument, entries: Sequence[Unavailable]) -> NDArray[np.float64]:
    """The share of the site's capacity that is out in each of a forecast's intervals, (n,), 0…1."""
    step = document.metadata.interval_minutes * 60.0
    end = np.array([point.timestamp.timestamp() for point in document.forecasts])
    by_asset: dict[str, NDArray[np.float64]] = {}
    for entry in entries:
        begin = np.maximum(end - step, entry.start.timestamp())
        until = np.minimum(end, entry.end.timestamp() if entry.end is not None else np.inf)
        kw = entry.kw * np.clip((until - begin) / step, 0.0, 1.0)
        by_asset[entry.asset_id] = np.maximum(by_asset.get(entry.asset_id, 0.0), kw)
    total = np.sum(list(by_asset.values()), axis=0) if by_asset else np.zeros(len(end))
    return np.asarray(np.clip(total / document.capacity_kw, 0.0, 1.0))


def _in_words(entries: Sequence[Unavailable]) -> str:
    """One sentence: how many machines, and how many kW at the most."""
    most: dict[str, float] = {}
    for entry in entries:
        most[entry.asset_id] = max(most.get(entry.asset_id, 0.0), entry.kw)
    machines = counted(len(most), "machine")
    return f"subtracted: {sum(most.values()):g} kW of {machines} that is out or will be; see unavailable"


def _scaled(point: Point, factor: float) -> Point:
    interval = point.confidence_interval
    bounds = {name: round(value * factor, 3) for name, value in interval.model_dump().items()}
    return point.model_copy(
        update={
            "predicted_power_kw": round(point.predicted_power_kw * factor, 3),
            "confidence_interval": interval.model_copy(update=bounds),
        }
    )


def _with_points(document: DocumentT, points: list[Point]) -> DocumentT:
    raw = [point.model_dump(include={"predicted_power_kw"}) for point in points]
    summary = answers.summary(raw, document.metadata.interval_minutes, document.capacity_kw)
    return document.model_copy(update={"forecasts": points, "summary": Summary.read(summary)})
