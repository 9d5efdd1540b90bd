"""Tables of a run: errors beside the peers', ratios, pinball loss, coverage and width of the intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers.runner import Run

BARS = {80: 3.0, 95: 2.0}
MONTHS = {80: 8.0, 95: 4.0}
"""Points of % that the pooled coverage, and that of 90 % of single months, may be off."""
LEVELS = {"low95": 0.025, "low80": 0.1, "median": 0.5, "high80": 0.9, "high95": 0.975}
LEAST_HOURS = 100
"""Measured daylight hours of a month whose coverage counts."""
LEAST_ERROR = 0.01
"""% of capacity; the error of a peer counts as no less: under snow each of them is right."""
NEVER_WORSE, YEAR_BETTER = 1.01, 0.95


def mae(rows: pd.DataFrame, name: str) -> float:
    """Mean absolute error, % of capacity."""
    return 100.0 * float((rows[name] - rows["truth"]).abs().mean())


def pinball(rows: pd.DataFrame, prefix: str = "") -> float:
    """Mean pinball loss at the five levels that a forecast has, % of capacity."""
    losses = []
    for name, level in LEVELS.items():
        off = rows["truth"] - rows[prefix + name]
        losses.append(np.maximum(level * off, (level - 1) * off).mean())
    return 100.0 * float(np.mean(losses))


def holds(rows: pd.DataFrame, level: int, prefix: str = "") -> float:
    """Share of the hours within an interval, %."""
    low, high = rows[f"{prefix}low{level}"], rows[f"{prefix}high{level}"]
    return 100.0 * float(((rows["truth"] >= low - 1e-6) & (rows["truth"] <= high + 1e-6)).mean())


def width(rows: pd.DataFrame, level: int, prefix: str = "") -> float:
    """Mean width of an interval, % of capacity."""
    return 100.0 * float((rows[f"{prefix}high{level}"] - rows[f"{prefix}low{level}"]).mean())


def months_held(rows: pd.DataFrame, level: int) -> float:
    """Share of a site's single months whose coverage is near enough, %; NaN without such a month."""
    near = [
        abs(holds(part, level) - level) <= MONTHS[level]
        for _, part in rows.groupby(["site", "month"])
        if len(part) >= LEAST_HOURS
    ]
    return 100.0 * float(np.mean(near)) if near else float("nan")


def best_peer(rows: pd.DataFrame) -> tuple[str, float]:
    """The single peer with the least mean error on these rows."""
    names = [name for name in rows if name.startswith("peer_") and rows[name].notna().all()]
    errors = {name.removeprefix("peer_"): mae(rows, name) for name in names}
    best = min(errors, key=lambda name: errors[name])
    return best, max(errors[best], LEAST_ERROR)


def what_served(rows: pd.DataFrame) -> str:
    """By what the hours were forecast: `model`, `physical`, other words that the answer says."""
    versions = rows["version"].map(lambda v: "model" if str(v).startswith("v2") else str(v))
    shares = versions.value_counts(normalize=True)
    said = sorted({word for text in rows["degraded"].unique() for word in str(text).split()})
    served = ", ".join(
        f"{name}" if share > 0.999 else f"{name} {share:.0%}" for name, share in shares.items()
    )
    return served + (f" ({' '.join(said)})" if said else "")


PEERS = {
    "persistence": "24 h",
    "clear_persistence": "24 h clear",
    "climatology": "30 days",
    "last_year": "last year",
    "own_physics": "physics",
    "no_model": "no model",
}
HEAD = (
    f"| {'site':<28} | days | served | best peer | ratio | "
    + " | ".join(PEERS.values())
    + " | pinball | 80 % | 95 % | width 80 | width 95 | by |"
)


def site_rows(run: Run) -> list[str]:
    """One line a site."""
    return [_line(str(name), run.history, rows) for name, rows in run.rows.groupby("site", sort=True)]


def _line(name: str, history: int, rows: pd.DataFrame) -> str:
    own, (best, least) = mae(rows, "median"), best_peer(rows)
    bar = YEAR_BETTER if history >= 365 else NEVER_WORSE
    mark = "" if own <= bar * least else " !" if own <= NEVER_WORSE * least else " !!"
    cells = [
        f"{mae(rows, f'peer_{peer}'):.2f}"
        if f"peer_{peer}" in rows and rows[f"peer_{peer}"].notna().all()
        else ""
        for peer in PEERS
    ]
    return (
        f"| {name:<28} | {history} | {own:.2f} | {best} {least:.2f} | {own / least:.3f}{mark} | "
        + " | ".join(cells)
        + f" | {pinball(rows):.3f} | {holds(rows, 80):.1f} | {holds(rows, 95):.1f} "
        + f"| {width(rows, 80):.1f} | {width(rows, 95):.1f} | {what_served(rows)} |"
    )


def sites_table(runs: Sequence[Run]) -> list[str]:
    """Every site by days of history. `!`: less than 5 % better after a year; `!!`: worse than a peer."""
    return [
        HEAD,
        "|" + " --- |" * (HEAD.count("|") - 1),
        *(line for run in runs for line in site_rows(run)),
    ]


COLUMNS = (
    "sites of",
    "days",
    "sites",
    "served",
    "best single",
    "mean ratio",
    "worst ratio",
    "never worse",
    "by 5 %",
    *PEERS.values(),
    "pinball",
    "80 %",
    "95 %",
    "months 80",
    "months 95",
    "width 80",
    "width 95",
    "no model: 80 %",
    "95 %",
    "training, CPU s",
)


def skill_table(runs: Sequence[Run]) -> list[str]:
    """By climate and days of history, then all sites together: errors and losses are means over sites."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
    by_place: dict[tuple[str, int], list[Run]] = {}
    runs = [run for run in runs if len(run.rows)]
    for run in runs:
        by_place.setdefault((place_of(run), run.history), []).append(run)
    lines += [_summary(place, history, chosen) for (place, history), chosen in sorted(by_place.items())]
    for history in sorted({run.history for run in runs}):
        lines.append(_summary("**all**", history, [run for run in runs if run.history == history]))
    return lines


def place_of(run: Run) -> str:
    """The climate, or the data set, of a run's sites."""
    return str(run.rows["site"].iloc[0]).split("-")[0] if len(run.rows) else "nothing measured"


def _summary(place: str, history: int, runs: Sequence[Run]) -> str:
    rows = pd.concat([run.rows for run in runs], ignore_index=True)
    parts = [part for _, part in rows.groupby("site")]
    ratios = np.array([mae(part, "median") / best_peer(part)[1] for part in parts])

    def mean(name: str) -> str:
        if any(name not in part or part[name].isna().any() for part in parts):
            return ""
        return f"{np.mean([mae(part, name) for part in parts]):.2f}"

    cells = [
        place,
        f"{history}",
        f"{len(parts)}",
        mean("median"),
        f"{np.mean([best_peer(part)[1] for part in parts]):.2f}",
        f"{ratios.mean():.3f}",
        f"{ratios.max():.3f}",
        f"{(ratios <= NEVER_WORSE).sum()}/{len(parts)}",
        f"{(ratios <= YEAR_BETTER).sum()}/{len(parts)}",
        *(mean(f"peer_{peer}") for peer in PEERS),
        f"{np.mean([pinball(part) for part in parts]):.3f}",
        *(f"{holds(rows, level):.1f}" for level in BARS),
        *(f"{months_held(rows, level):.0f} %" for level in BARS),
        *(f"{width(rows, level):.1f}" for level in BARS),
        *(f"{holds(rows, level, 'plain_'):.1f}" for level in BARS),
        f"{sum(each.seconds for run in runs for each in run.trained):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def verdicts(runs: Sequence[Run]) -> list[str]:
    """What became of each training."""
    return [
        f"- {place_of(run)}, {run.history} days: {t.status} in {t.seconds:.1f} CPU s: {t.reason}"
        for run in runs
        for t in run.trained
    ]
