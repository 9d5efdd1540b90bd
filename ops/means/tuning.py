"""Which memory size fits a function: from REPORT lines at several sizes, and list prices. Pure.

The time of a size is the mean of its warm invocations without the fifth that was fastest and the fifth that
was slowest: a neighbour on the machine makes one invocation slow, and says nothing of the size. A cold
start is told beside it: it is rare, and its length is another question.
Sources: AWS Lambda Developer Guide, "Configure Lambda function memory" (a function gets processor time by
its memory, one whole processor at 1 769 MB) and "Lambda log format" (REPORT); AWS Lambda pricing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ona.runtime.words import counted
from operations.config.prices import MEGABYTES
from ops.means import usage
from ops.means.latency import percentile

CUT = 0.2
"""This part of the warm invocations is left out at each end (ours)."""
LEAST = 5
"""Of a size with fewer warm invocations nothing is proposed (ours)."""
SPARE = 1.25
"""A size has at least so many times the memory that was used: a real event may be larger (ours)."""
ALIKE = 0.02
"""Two values that differ by less are alike: repeated measurements differ by as much (ours)."""
MILLION = 1_000_000


@dataclass(frozen=True)
class Run:
    """One invocation as Lambda reports it: times in ms, memory in MB. `start_ms`: how long a cold start
    took before it, 0 for a warm one. `failed`: why it counts for nothing, empty where it succeeded."""

    duration_ms: float
    billed_ms: float
    memory_mb: int
    used_mb: int = 0
    start_ms: float = 0.0
    failed: str = ""


@dataclass(frozen=True)
class Size:
    """What was measured at one memory size. `usd`: of a million warm invocations. `unfit`: why the size is
    not proposed; empty where it may be."""

    memory_mb: int
    warm: int
    cold: int
    failed: int
    warm_ms: float
    p95_ms: float
    cold_ms: float
    used_mb: int
    usd: float
    unfit: str


@dataclass(frozen=True)
class Proposal:
    """The sizes that fit, by what is wanted of them."""

    cheapest: Size
    fastest: Size
    balanced: Size


def run_of(message: str) -> Run | None:
    r"""The invocation that a log line reports, in Lambda's text or JSON form; None for every other line.

    >>> run_of("REPORT RequestId: 7\tDuration: 9.5 ms\tBilled Duration: 10 ms\tMemory Size: 512 MB\t"
    ...        "Max Memory Used: 80 MB\tInit Duration: 300.5 ms\t\n").start_ms
    300.5
    >>> run_of('{"type": "platform.report", "record": {"requestId": "7", "status": "timeout", "metrics": '
    ...        '{"durationMs": 9.5, "billedDurationMs": 10, "memorySizeMB": 512}}}').failed
    'timeout'
    """
    line = usage.reported(message)
    if line is None or not {"duration_ms", "billed_ms", "memory_mb"} <= line.metrics.keys():
        return None
    times = {name: line.metrics[name] for name in ("duration_ms", "billed_ms")}
    start = line.metrics.get("start_ms", 0.0)
    memory, used = (int(line.metrics.get(name, 0)) for name in ("memory_mb", "used_mb"))
    failed = "" if line.status in ("", "success") else line.status
    return Run(**times, memory_mb=memory, used_mb=used, start_ms=start, failed=failed)


def line_of(run: Run) -> str:
    r"""A REPORT line that says the same, for a record.

    >>> run_of(line_of(Run(9.5, 10, 512, 80, failed="no good"))).failed
    'error'
    """
    start = f"\tInit Duration: {run.start_ms} ms" if run.start_ms else ""
    status = f"\tStatus: {'timeout' if run.failed == 'timeout' else 'error'}" if run.failed else ""
    return (
        f"REPORT RequestId: recorded\tDuration: {run.duration_ms} ms\tBilled Duration: {run.billed_ms:g} ms"
        f"\tMemory Size: {run.memory_mb} MB\tMax Memory Used: {run.used_mb} MB{start}{status}"
    )


def trimmed(values: Iterable[float], cut: float = CUT) -> float:
    """The mean without a part of the lowest and of the highest values; NaN of none.

    >>> trimmed([90, 10, 11, 12, 1]), trimmed([3.0, 4.0])
    (11.0, 3.5)
    """
    ordered = sorted(values)
    out = int(len(ordered) * cut)
    kept = ordered[out : len(ordered) - out]
    return fmean(kept) if kept else math.nan


def sizes(runs: Iterable[Run], gb_second: float, request: float) -> list[Size]:
    """Each size that was measured, the smallest first. Prices in USD: of a GB-second, and of a request."""
    by_size: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        by_size[run.memory_mb].append(run)
    return [_size(memory, by_size[memory], gb_second, request) for memory in sorted(by_size)]


def _size(memory: int, runs: Sequence[Run], gb_second: float, request: float) -> Size:
    sound = [run for run in runs if not run.failed]
    warm = [run for run in sound if not run.start_ms]
    cold = [run.start_ms + run.duration_ms for run in sound if run.start_ms]
    used, failed = max((run.used_mb for run in runs), default=0), len(runs) - len(sound)
    billed = trimmed(run.billed_ms for run in warm)
    usd = (memory / MEGABYTES * billed / 1000 * gb_second + request) * MILLION
    if failed:
        unfit = f"{failed} of {len(runs)} failed: {next(run.failed for run in runs if run.failed)}"
    elif used * SPARE > memory:
        unfit = f"too small: {used} MB were used"
    elif len(warm) < LEAST:
        unfit = f"only {counted(len(warm), 'warm invocation')}"
    else:
        unfit = ""
    times = [run.duration_ms for run in warm]
    return Size(
        memory, len(warm), len(cold), failed, trimmed(times), percentile(times, 0.95),
        median(cold) if cold else math.nan, used, usd, unfit,
    )  # fmt: skip


def proposal(measured: Sequence[Size], weight: float = 0.5) -> Proposal | None:
    """The cheapest size, the fastest, and the one between them; None where no size fits.

    Balanced is the least of `weight` × USD / highest USD + (1 - weight) × time / longest time: 0 is the
    fastest, 1 the cheapest. Of sizes that are alike in what is wanted, the one that is better in the other
    is taken: past the last gain of speed more memory only costs.
    """
    fit = [size for size in measured if not size.unfit]
    if not fit:
        return None
    dearest, slowest = max(size.usd for size in fit), max(size.warm_ms for size in fit)

    def between(size: Size) -> float:
        return weight * size.usd / dearest + (1 - weight) * size.warm_ms / slowest

    def best(wanted: Callable[[Size], float], other: Callable[[Size], float]) -> Size:
        least = min(map(wanted, fit))
        return min((size for size in fit if wanted(size) <= least * (1 + ALIKE)), key=other)

    return Proposal(
        best(lambda size: size.usd, lambda size: size.warm_ms),
        best(lambda size: size.warm_ms, lambda size: size.usd),
        min(fit, key=between),
    )


def processor(architecture: str, lacking: Sequence[str] | None, prices: dict[str, float]) -> str:
    """Whether ARM fits, in words. `lacking`: packages without an ARM wheel; None where nobody looked.
    `prices`: USD of a GB-second by architecture.

    >>> book = {"arm64": 0.8, "x86_64": 1.0}
    >>> processor("arm64", None, book)
    'arm64 already: a GB-second on x86_64 costs 25 % more'
    >>> processor("x86_64", ["foo"], book)
    'stays x86_64: no arm64 wheel of foo'
    """
    more = prices["x86_64"] / prices["arm64"] - 1
    if architecture == "arm64":
        return f"arm64 already: a GB-second on x86_64 costs {more:.0%} more".replace("%", " %")
    if lacking is None:
        return "x86_64: not known whether all its packages have arm64 wheels"
    if lacking:
        return f"stays x86_64: no arm64 wheel of {', '.join(lacking)}"
    gain = f"cheaper while it is less than {more:.0%} slower".replace("%", " %")
    return f"arm64: each of its packages has a wheel; {gain}; build it so, and measure again"
