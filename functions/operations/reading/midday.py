"""The midday review: each function's calls, errors and durations beside those of the weeks before.

The hours are the last full ones. They are compared with the same hours of the same weekday in each of the
last four weeks. CloudWatch keeps values by the hour for 455 days (Amazon CloudWatch User Guide, "Metrics
retention").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from ona.runtime.words import counted
from operations.reading import inventory
from operations.reading.finding import Client, Finding, Report, worst

KIND = "midday"
WEEKS = 4
"""So many weeks are looked back (ours)."""
_FEWEST_WEEKS = 2
"""So many weeks with calls are needed to say what is usual (ours)."""
_ERRORS = 3
"""Fewer errors are told, and are no warning by themselves: the alarms ring for single ones (ours)."""
_SLOWER, _SLOWER_MS = 1.5, 100.0
"""A function is slow when its mean is this multiple of the usual one, and so many ms above it (ours)."""
_CALLS = 10
"""Of fewer calls neither a mean nor a silence says anything (ours)."""
_HOUR = timedelta(hours=1)
_WHOLE = ",.12g"
"""A number without needless digits: 42, 1,200, 0.5."""
_METRICS = ("Invocations", "Errors", "Duration")
_QUERIES = 500
"""GetMetricData takes so many queries in a call (its API reference)."""


@dataclass(frozen=True)
class Load:
    """A function's work in some hours. `busy_ms`: the durations of all calls together."""

    calls: float = 0.0
    errors: float = 0.0
    busy_ms: float = 0.0

    @property
    def mean_ms(self) -> float:
        """The mean duration of a call, ms; 0 where there was none."""
        return self.busy_ms / self.calls if self.calls else 0.0


def midday(client: Client, root: str, now: datetime, hours: int) -> Report:
    """The review of the last `hours` full hours before `now`, UTC. Raises NotDeployed, and botocore's."""
    end = now.replace(minute=0, second=0, microsecond=0)
    names = inventory.read(client, root).of("AWS::Lambda::Function")
    loads = _loads(client, names, end, hours)
    findings = [compare(name, *loads[name]) for name in names]
    return Report(kind=KIND, platform=root, at=now, state=worst(findings), findings=findings)


def compare(name: str, today: Load, before: Sequence[Load]) -> Finding:
    """A function's load against that of the weeks before, the newest first.

    >>> compare("detect", Load(20, 0, 4000), [Load(20, 0, 4400), Load(22, 1, 4400)]).text
    '20 calls, 0 errors, mean 200 ms; usually 21 calls, 0.5 errors, mean 210 ms (2 weeks)'
    """
    said = _in_words(today)
    weeks = [load for load in before if load.calls]
    if len(weeks) < _FEWEST_WEEKS:
        known = f"{counted(len(weeks), 'week')} with calls before" if weeks else "no week before"
        return Finding.ok("functions", name, f"{said}; {known}: nothing to compare with")
    usual = Load(
        median(load.calls for load in weeks),
        median(load.errors for load in weeks),
        median(load.mean_ms for load in weeks) * median(load.calls for load in weeks),
    )
    said = f"{said}; usually {_in_words(usual)} ({counted(len(weeks), 'week')})"
    wrong = list(_wrong(today, usual, weeks))
    if wrong:
        finding = Finding.warning("functions", name, f"{' and '.join(wrong)}: {said}")
        return finding.model_copy(update={"page": "docs/operations/midday.md#what-to-do"})
    return Finding.ok("functions", name, said)


def _wrong(today: Load, usual: Load, weeks: Sequence[Load]) -> Iterator[str]:
    if today.errors >= _ERRORS and today.errors > max(load.errors for load in weeks):
        yield "more errors than in any of these weeks"
    if today.calls >= _CALLS and today.mean_ms > max(_SLOWER * usual.mean_ms, usual.mean_ms + _SLOWER_MS):
        yield "slower than usual"
    if not today.calls and min(load.calls for load in weeks) >= _CALLS:
        yield "not called at all"


def _in_words(load: Load) -> str:
    mean = f", mean {load.mean_ms:,.0f} ms" if load.calls else ""
    return f"{counted(load.calls, 'call', _WHOLE)}, {counted(load.errors, 'error', _WHOLE)}{mean}"


def _loads(
    client: Client, names: Sequence[str], end: datetime, hours: int
) -> dict[str, tuple[Load, list[Load]]]:
    """By function: its load in the hours before `end`, and in those of each week before."""
    values = _values(client, names, end - timedelta(weeks=WEEKS, hours=hours), end)

    def load(name: str, to: datetime) -> Load:
        sums = [
            sum(value for at, value in values.get((name, metric), []) if to - hours * _HOUR <= at < to)
            for metric in _METRICS
        ]
        return Load(*sums)

    return {
        name: (load(name, end), [load(name, end - timedelta(weeks=back)) for back in range(1, WEEKS + 1)])
        for name in names
    }


def _values(
    client: Client, names: Sequence[str], start: datetime, end: datetime
) -> dict[tuple[str, str], list[tuple[datetime, float]]]:
    """The sum of each hour, by function and metric."""
    wanted = [(name, metric) for name in names for metric in _METRICS]
    found: dict[tuple[str, str], list[tuple[datetime, float]]] = {}
    pages = client("cloudwatch").get_paginator("get_metric_data")
    for first in range(0, len(wanted), _QUERIES):
        chunk = wanted[first : first + _QUERIES]
        queries = [_query(f"q{number}", *item) for number, item in enumerate(chunk)]
        for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=end):
            for result in page["MetricDataResults"]:
                series = found.setdefault(chunk[int(result["Id"][1:])], [])
                series += zip(result["Timestamps"], result["Values"], strict=True)
    return found


def _query(name: str, function: str, metric: str) -> dict[str, Any]:
    dimensions = [{"Name": "FunctionName", "Value": function}]
    stat = {
        "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
        "Period": int(_HOUR.total_seconds()),
        "Stat": "Sum",
    }
    return {"Id": name, "MetricStat": stat}
