"""What a number of assets needs and costs: measured counts of a file and an order, times the load. Pure.

Every step has a name: a reader can follow it, and change a figure of configs/operations/scaling.yaml.
A file of more assets than the measured ones is reckoned on a straight line between the two measurements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ona.runtime.words import counted
from operations.config.prices import GIGABYTE, MEGABYTES, STANDING
from operations.config.scaling import LOG, STORED, Both, Figures
from ops.means.prices import Prices, kind_of

DAY_S = 86_400
DAYS = 30
"""Days of a month, as this page counts them."""
LAKE = "lake"
"""The family of the questions to the telemetry by Athena."""
TERABYTE = 1e12
"""Bytes of Athena's terabyte ("per TB of data scanned", Amazon Athena pricing)."""
LEAST_SCAN = 10e6
"""Bytes that each question is billed for at least ("a 10 MB minimum per query", Amazon Athena pricing)."""
_CALLS = ("s3_get", "s3_put", "dynamodb_read_unit", "dynamodb_write_unit", "events_event")
"""What a function waits for: a call each."""


MOST_ASSETS = 1_000_000_000
"""More than all solar modules of the world: beyond it a number is a slip."""
LEAST_MINUTES = 0.1
MOST_MINUTES = 60 * 24 * 366.0
"""A file a year."""


class NoLoad(ValueError):
    """A load that cannot be; the text says which number and what it may be."""


@dataclass(frozen=True)
class Load:
    """So many assets, each in a file every so many minutes, `together` of them in one file.

    Raises NoLoad for numbers that no fleet has.

    >>> Load(100, float("nan"))
    Traceback (most recent call last):
    ...
    ops.means.scale.NoLoad: nan minutes between two files: give a number from 0.1 to 527 040
    """

    assets: int
    every_minutes: float
    together: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.assets <= MOST_ASSETS:
            raise NoLoad(f"{counted(self.assets, 'asset')}: give a number from 1 to {_spaced(MOST_ASSETS)}")
        if not LEAST_MINUTES <= self.every_minutes <= MOST_MINUTES:
            raise NoLoad(
                f"{counted(self.every_minutes, 'minute', 'g')} between two files: "
                f"give a number from {LEAST_MINUTES:g} to {_spaced(MOST_MINUTES)}"
            )
        if not 1 <= self.together <= MOST_ASSETS:
            most = _spaced(MOST_ASSETS)
            raise NoLoad(f"{counted(self.together, 'asset')} in one file: give a number from 1 to {most}")

    @property
    def files_a_day(self) -> float:
        """Files of all assets."""
        return self.assets / self.together * 24 * 60 / self.every_minutes


@dataclass(frozen=True)
class Scale:
    """The answer for one load. `amounts`: what a month uses, by family and name of a price."""

    load: Load
    steps: dict[str, float]
    amounts: dict[tuple[str, str], float]
    usd: dict[str, float]
    """USD a month by family."""
    usd_by_kind: dict[str, float]
    """The same by what is paid for: functions, workflows, tables, …"""
    warnings: list[str]
    """What the reckoning does not hold for, in words."""


def scale(load: Load, figures: Figures, prices: Prices, region: str) -> Scale:
    """What the load needs in the busiest second, and what a month uses and costs.

    Raises InvalidConfiguration where the list has no price for the region.
    """
    per_file, per_order = _of_files(load, figures), _of_orders(figures)
    files = load.files_a_day
    orders = load.assets * figures.orders_per_asset_month / DAYS
    amounts: dict[tuple[str, str], float] = defaultdict(float)
    by_what: dict[str, float] = defaultdict(float)
    for counts, times in ((per_file, files), (per_order, orders)):
        for (family, _, what), count in counts.items():
            amounts[family, what] += count * times * DAYS
            by_what[what] += count * times
    for what in ("s3_put", "events_event"):  # the file itself is put too, and its bucket tells EventBridge
        amounts["ooda", what] += files * DAYS
        by_what[what] += files
    file_s, order_s = _seconds(per_file, figures, load.together), _seconds(per_order, figures, 1)
    gigabyte_seconds = [
        (function, seconds * times)
        for of_one, times in ((file_s, files), (order_s, orders))
        for function, seconds in of_one.items()
    ]
    for (family, by), seconds in gigabyte_seconds:
        size = figures.functions[by]
        name = f"lambda_{size.processor}_gb_second"
        amounts[family, name] += seconds * size.memory_mb / MEGABYTES * DAYS
    lake_bytes = load.assets * figures.per_asset_day.telemetry_bytes
    amounts["ooda", STORED] += lake_bytes * DAYS
    asked = max(lake_bytes, LEAST_SCAN)  # every day's telemetry is read once
    amounts[LAKE, "athena_tb_scanned"] += asked * DAYS / TERABYTE
    priced = dict(_priced(amounts))
    for name, amount in figures.standing.items():
        priced[STANDING, name] = amount
    usd: dict[str, float] = defaultdict(float)
    by_kind: dict[str, float] = defaultdict(float)
    for (family, what), amount in priced.items():
        cost = amount * prices.of(region, what).usd
        usd[family] += cost
        by_kind[kind_of(what)] += cost
    busy = sum(seconds for _, seconds in gigabyte_seconds) / DAY_S
    second = figures.peak / DAY_S
    steps = {
        "files_a_day": files,
        "files_a_second": files / DAY_S,
        "files_peak": files * second,
        "orders_a_day": orders,
        "seconds_a_file": sum(file_s.values()),
        "concurrency": busy,
        "concurrency_peak": busy * figures.peak,
        "transitions_peak": by_what["states_transition"] * second,
        "writes_peak": by_what["dynamodb_write_unit"] * second,
        "reads_peak": by_what["dynamodb_read_unit"] * second,
        "puts_peak": by_what["s3_put"] * second,
        "gets_peak": by_what["s3_get"] * second,
        "requests_a_day": by_what["lambda_request"],
        "transitions_a_day": by_what["states_transition"],
        "log_gb_a_day": by_what[LOG] / GIGABYTE,
        "athena_gb_a_day": lake_bytes / 1e9,
    }
    told = list(_warnings(load, figures, file_s))
    return Scale(load, steps, priced, dict(sorted(usd.items())), dict(sorted(by_kind.items())), told)


def most_together(figures: Figures) -> int:
    """The largest number of assets in one file that every function of a file ends within its timeout.

    The times of a file grow on a line, so half of what is left is tried again and again.
    """
    low, high = 1, MOST_ASSETS
    while low < high:
        middle = (low + high + 1) // 2
        seconds = _seconds(_of_files(Load(middle, 5.0, middle), figures), figures, middle)
        if any(took > figures.functions[by].timeout_s for (_, by), took in seconds.items()):
            high = middle - 1
        else:
            low = middle
    return low


def _warnings(load: Load, figures: Figures, file_s: Mapping[tuple[str, str], float]) -> Iterator[str]:
    for (_, by), took in file_s.items():
        most = figures.functions[by].timeout_s
        if took > most:
            yield (
                f"{by} needs {_spaced(took)} s for a file of {_many(load.together)}, and is "
                f"stopped after {most:g} s: every such file fails, and the numbers below hold for none; "
                f"at most {_many(most_together(figures))} in one file (--together)"
            )
    if load.together > figures.large.assets:
        yield (
            f"files of more than {_many(figures.large.assets)} were not measured: "
            "the figures lie on the line through the two measurements"
        )


def _many(assets: int) -> str:
    return counted(assets, "asset", ",").replace(",", " ")


def _spaced(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def at(figure: Both, figures: Figures, together: int) -> float:
    """A figure of a file of `together` assets: on the line through the measured points, not below 0."""
    small, large = figures.small, figures.large
    slope = (figure.large - figure.small) / (large.assets - small.assets)
    return max(figure.small + slope * (together - small.assets), 0.0)


def _of_files(load: Load, figures: Figures) -> Mapping[tuple[str, str, str], float]:
    """Counts of one file, by family, function or workflow, and what."""
    return {
        (row.family, row.by, row.what): at(
            Both(small=row.small / figures.small.files, large=row.large / figures.large.files),
            figures,
            load.together,
        )
        for row in figures.per_file
    }


def _of_orders(figures: Figures) -> Mapping[tuple[str, str, str], float]:
    return {(row.family, row.by, row.what): row.amount / figures.orders for row in figures.per_order}


def _seconds(
    counts: Mapping[tuple[str, str, str], float], figures: Figures, together: int
) -> dict[tuple[str, str], float]:
    """Seconds that each function is billed for: its work, and the wait for its calls."""
    seconds: dict[tuple[str, str], float] = {}
    for (family, by, what), _ in counts.items():
        if what == "lambda_request":
            calls = sum(counts.get((family, by, call), 0.0) for call in _CALLS)
            seconds[family, by] = (
                at(figures.functions[by].cpu_s, figures, together) + calls * figures.call_s
            )
    return seconds


def _priced(amounts: Mapping[tuple[str, str], float]) -> Iterator[tuple[tuple[str, str], float]]:
    """The amounts under names of prices: bytes as gigabytes, what is stored for one month."""
    for (family, what), amount in amounts.items():
        match what:
            case "log_bytes":
                yield (family, "logs_gb_in"), amount / GIGABYTE
            case "stored_bytes":
                yield (family, "s3_gb_month"), amount / GIGABYTE
            case _:
                yield (family, what), amount
