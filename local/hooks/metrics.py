"""CloudWatch: a metric is a namespace, a name and all of its dimensions, kept by the minute.

ministack keeps every value as a point of its own, and takes a question without dimensions for one about all
of them. Here a minute of a metric is one entry: count, sum, least, most, and a sample for percentiles.
Source: Amazon CloudWatch User Guide, "Metrics concepts".
"""

from __future__ import annotations

import threading
from typing import Any

from local import clock
from local.hooks.base import private, replace

MINUTE_S = 60
KEPT_S = 15 * 86_400
"""So long CloudWatch keeps values by the minute ("Metrics retention")."""
OLDEST_S, NEWEST_S = 14 * 86_400, 2 * 3_600
"""So far a value's time may lie back or ahead (PutMetricData, `Timestamp`)."""
MOST_SAMPLES = 200
"""Values of a minute that percentiles are taken of (ours); of more, every second one stands for two."""

_lock = threading.Lock()
Point = dict[str, Any]
Series = list[tuple[float, float]]


class Exactly(dict[str, str]):
    """Dimensions that somebody asked for; none is an answer too, which ministack takes for "any"."""

    def __bool__(self) -> bool:
        return True


def record(
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    value: float,
    unit: str = "None",
    at: float | None = None,
    count: float = 1,
) -> None:
    """Add a value, seen `count` times, to a metric of the calling account and region, at the time `at`
    (seconds since 1970). A value of a time that CloudWatch does not take is dropped."""
    _add(namespace, name, dimensions, unit, at, (count, value * count, value, value), {value: count})


def series(
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    start: float,
    end: float,
    period: int,
    statistic: str,
) -> Series:
    """A metric's values by period: (the period's beginning in seconds since 1970, value), oldest first.

    `statistic`: SampleCount, Sum, Average, Minimum, Maximum or a percentile such as p95. `start` is
    included, `end` is not. A period without values is left out.
    """
    from ministack.services import cloudwatch

    periods: dict[float, list[Point]] = {}
    with _lock:
        points = list(cloudwatch._metrics.get((namespace, name, cloudwatch._dims_key(dimensions)), ()))
    for point in points:
        if start <= point["Timestamp"] < end:
            periods.setdefault(point["Timestamp"] // period * period, []).append(point)
    found = (
        (at, cloudwatch._stat_value(cloudwatch._calc_stats(own), statistic, own))
        for at, own in sorted(periods.items())
    )
    return [(at, value) for at, value in found if value is not None]


def _add(
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    unit: str,
    at: float | None,
    four: tuple[float, float, float, float],
    samples: dict[float, float] | None,
) -> None:
    """Add (count, sum, least, most) to a minute. Without `samples` the minute has no percentiles."""
    from ministack.services import cloudwatch

    now = clock.now()
    at = now if at is None else at
    if not now - OLDEST_S <= at <= now + NEWEST_S or four[0] <= 0:
        return
    minute = at // MINUTE_S * MINUTE_S
    with _lock:
        points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
        point = next(
            (
                one
                for one in reversed(points)
                if one["Timestamp"] == minute and one["Unit"] == unit and "_samples" in one
            ),
            None,
        )
        if point is None:
            points.append(
                {
                    "Timestamp": minute,
                    "Unit": unit,
                    "Dimensions": dict(dimensions),
                    "Value": four[1] / four[0],
                    "_stat": dict(zip(_STATISTICS, four, strict=True)),
                    "_samples": list(thinned(samples).items()) if samples is not None else None,
                }
            )
            return
        stat = point["_stat"]
        point["_stat"] = {
            "SampleCount": stat["SampleCount"] + four[0],
            "Sum": stat["Sum"] + four[1],
            "Minimum": min(stat["Minimum"], four[2]),
            "Maximum": max(stat["Maximum"], four[3]),
        }
        if point["_samples"] is None or samples is None:
            point["_samples"] = None
            return
        together = dict(point["_samples"])
        for value, weight in samples.items():
            together[value] = together.get(value, 0.0) + weight
        point["_samples"] = list(thinned(together).items())


_STATISTICS = ("SampleCount", "Sum", "Minimum", "Maximum")


def thinned(samples: dict[float, float]) -> dict[float, float]:
    """At most MOST_SAMPLES values with their weights, by size.

    >>> thinned({2.0: 1.0, 1.0: 3.0})
    {1.0: 3.0, 2.0: 1.0}
    >>> many = thinned({float(n): 1.0 for n in range(1000)})
    >>> len(many) <= MOST_SAMPLES, sum(many.values()), min(many), max(many)
    (True, 1000.0, 0.0, 999.0)
    """
    ordered = sorted(samples.items())
    while len(ordered) > MOST_SAMPLES:
        first, last, inner = ordered[0], ordered[-1], ordered[1:-1]
        pairs = [inner[at : at + 2] for at in range(0, len(inner), 2)]
        ordered = [first, *((pair[0][0], sum(weight for _, weight in pair)) for pair in pairs), last]
    return dict(ordered)


def samples_of(points: list[Point]) -> list[tuple[float, float]] | None:
    """The values of minutes with their weights; None where CloudWatch has no percentiles: for statistic
    sets, and as soon as one value is negative ("Statistics definitions")."""
    found: list[tuple[float, float]] = []
    for point in points:
        own = point.get("_samples", [(point["Value"], 1.0)])  # a home of before has values without minutes
        if own is None or any(value < 0 for value, _ in own):
            return None
        found.extend((value, weight) for value, weight in own)
    return found


def _stored(
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    at: float,
    unit: str,
    value: Any,
    values: Any,
    counts: Any,
    statistics: Any,
) -> None:
    """One MetricDatum of PutMetricData, in ministack's order of arguments."""
    if values is not None:
        for one, times in zip(values, counts or [1.0] * len(values), strict=False):
            record(namespace, name, dimensions, float(one), unit, at, float(times))
    elif statistics is not None:
        count, total, least, most = (float(statistics.get(key, 0)) for key in _STATISTICS)
        only = {least: count} if least == most and total == least * count else None
        _add(namespace, name, dimensions, unit, at, (count, total, least, most), only)
    else:
        record(namespace, name, dimensions, float(value or 0), unit, at)


def install() -> None:
    """Apply the hooks. Raises HookBroken when a private name has moved."""
    from ministack.services import cloudwatch

    for name in ("_metrics", "_metric_bucket", "_dims_key", "_calc_stats", "_stat_value"):
        private(cloudwatch, name)
    listed = private(cloudwatch, "_dims_from_list")

    def published(
        namespace: str,
        metric_name: str,
        value: float,
        unit: str = "None",
        dimensions: dict[str, str] | None = None,
    ) -> None:
        record(namespace, metric_name, dimensions or {}, float(value), unit)

    def evicted() -> None:
        until = clock.now() - KEPT_S
        with _lock:
            for key, points in list(cloudwatch._metrics.items()):
                if points and points[0]["Timestamp"] >= until:
                    continue
                kept = [point for point in points if point["Timestamp"] >= until]
                if kept:
                    cloudwatch._metrics[key] = kept
                else:
                    del cloudwatch._metrics[key]

    replace(cloudwatch, "_store_datum", _stored)
    replace(cloudwatch, "record_metric", published)
    replace(cloudwatch, "_percentile_samples", samples_of)
    replace(cloudwatch, "_evict_old_metrics", evicted)
    replace(cloudwatch, "_dims_from_list", lambda given: Exactly(listed(given)))
