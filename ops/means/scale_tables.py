"""The tables of `ona scale`, in Markdown: load, cost, quotas and how many assets meet each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from operations.config.scaling import Figures
from ops.means.prices import Prices
from ops.means.scale import Load, Scale, scale

ROWS = {
    "files_a_day": "files a day",
    "files_a_second": "files a second, mean",
    "files_peak": "files a second, busiest",
    "orders_a_day": "orders a day",
    "seconds_a_file": "seconds of functions a file",
    "concurrency": "executions of functions at once, mean",
    "concurrency_peak": "executions of functions at once, busiest",
    "requests_a_day": "calls of functions a day",
    "transitions_a_day": "state transitions a day",
    "transitions_peak": "state transitions a second, busiest",
    "writes_peak": "write units a second, busiest",
    "one_key_peak": "write units a second of one key, busiest",
    "reads_peak": "read units a second, busiest",
    "puts_peak": "S3 PUT a second, busiest",
    "gets_peak": "S3 GET a second, busiest",
    "log_gb_a_day": "log, GB a day",
    "athena_gb_a_day": "read by a question over a day's telemetry, GB",
}
"""The steps of `scale`, in the words of the table."""


def tables(scales: Sequence[Scale], figures: Figures, prices: Prices, region: str) -> str:
    """All tables as Markdown, each with its heading."""
    heads = [f"{one.load.assets:,}".replace(",", " ") + " assets" for one in scales]
    families, kinds = _usd([one.usd for one in scales]), _usd([one.usd_by_kind for one in scales])
    whole = [sum(one.usd.values()) for one in scales]
    families.append(["all", *map(_number, whole)])
    assets = [usd / one.load.assets for usd, one in zip(whole, scales, strict=True)]
    families.append(["an asset", *map(_number, assets)])
    load = [[text, *(_number(one.steps[name]) for one in scales)] for name, text in ROWS.items()]
    first = scales[0].load
    quotas = [
        [
            quota.name,
            quota.code,
            _number(quota.default),
            *(_need(one.steps[quota.need], quota.default) for one in scales),
            _number(met(first, figures, prices, region, quota.need, quota.default)),
            "yes" if quota.raised else "no: see below",
            quota.source,
        ]
        for quota in figures.quotas
    ]
    said = dict.fromkeys(text for one in scales for text in one.warnings)
    parts = [
        *(f"**Beware:** {text}.\n" for text in said),
        "Load", *_table(["what", *heads], load),
        "", "USD a month", *_table(["family", *heads], families),
        "", *_table(["for", *heads], kinds),
        "", "Quotas",
        *_table(["quota", "code", "default", *heads, "met at assets", "can be raised", "source"], quotas),
    ]  # fmt: skip
    return "\n".join(parts)


def _usd(sums: Sequence[Mapping[str, float]]) -> list[list[str]]:
    """A line for each name that any of the sums has."""
    names = sorted({name for one in sums for name in one})
    return [[name, *(_number(one.get(name, 0.0)) for one in sums)] for name in names]


def met(load: Load, figures: Figures, prices: Prices, region: str, need: str, quota: float) -> float:
    """The number of assets at which a need reaches a quota: needs grow as the assets do."""
    some = 1_000_000
    one = scale(Load(some, load.every_minutes, load.together), figures, prices, region)
    return some * quota / one.steps[need]


def _need(need: float, default: float) -> str:
    return f"**{_number(need)}**" if need > default else _number(need)


def _number(value: float) -> str:
    """Three digits that mean something, thousands apart: 0.0123, 1.23, 123, 12 300.

    >>> [_number(one) for one in (0.012345, 1.2345, 1234.5, 0, 86_400_000)]
    ['0.0123', '1.23', '1 230', '0', '86 400 000']
    """
    if value == 0:
        return "0"
    short = float(f"{value:.3g}")
    text = f"{short:,.10f}".rstrip("0").rstrip(".") if short < 1000 else f"{short:,.0f}"
    return text.replace(",", " ")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join("---" for _ in heads) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
