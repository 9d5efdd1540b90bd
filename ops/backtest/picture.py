"""The picture of a backtest: the error of each month by method, and what the intervals held. An SVG that
needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from ops.backtest.document import BacktestDocument, MethodScore, Period
from ops.backtest.peers import PEERS

WIDTH, LEFT, TOP, HEIGHT, LEGEND = 760, 56, 60, 230, 250
COLOURS = {
    "platform": "#1b6ca8",
    "persistence": "#9aa5b1",
    "clear_sky_persistence": "#616e7c",
    "climatology": "#c99a2e",
    "physics": "#b44d3b",
    "fitted_physics": "#4d8b57",
}
NAMES = {"platform": "the platform", **PEERS}


def drawn(found: BacktestDocument) -> str:
    """Two panels, by month: mean absolute errors of all methods; shares inside the intervals."""
    months, right = found.months, WIDTH - LEGEND
    top = max(score.mae_percent for month in months for score in month.scores) * 1.1 or 1.0

    def x(number: int) -> float:
        return round(LEFT + (number + 0.5) * (right - LEFT) / len(months), 1)

    def y(value: float) -> float:
        return round(TOP + HEIGHT * (1.0 - value / top), 1)

    def held(percent: float) -> float:
        return round(TOP + HEIGHT + 70 + 100 * (1.0 - (percent - 50.0) / 50.0), 1)

    lines = "".join(
        _line([(x(n), y(_of(month, name).mae_percent)) for n, month in enumerate(months)], COLOURS[name])
        for name in reversed(NAMES)
    )
    errors = _axis([top * part for part in (0.0, 0.25, 0.5, 0.75, 1.0)], y, right)
    bottom = TOP + HEIGHT + 70 + 100
    wanted = _axis([50.0, 80.0, 95.0], held, right)
    for level, colour in ((80, "#1b6ca8"), (95, "#7fb2d9")):
        values = [getattr(_of(month, "platform"), f"coverage_{level}_percent") for month in months]
        lines += _line([(x(n), held(max(value, 50.0))) for n, value in enumerate(values)], colour)
    every = max(1, len(months) // 6)
    ticks = "".join(
        f'<text x="{x(n)}" y="{bottom + 18}" text-anchor="middle">{escape(month.name)}</text>'
        for n, month in enumerate(months)
        if n % every == 0
    )
    legend = "".join(
        f'<rect x="{right + 16}" y="{TOP + 22 * n}" width="12" height="12" fill="{COLOURS[name]}"/>'
        f'<text x="{right + 34}" y="{TOP + 22 * n + 11}">{escape(words)}</text>'
        for n, (name, words) in enumerate(NAMES.items())
    )
    title = escape(f"{found.customer_id}, {found.site_id}: backtest, day ahead")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 30}" '
        f'font-family="system-ui,sans-serif" font-size="12" fill="#616e7c" role="img">'
        f"<title>{title}</title>"
        f'<text x="{LEFT}" y="20" font-size="14" fill="#1f2933">{title}</text>'
        f'<text x="{LEFT}" y="40">mean absolute error by month, % of capacity</text>{errors}'
        f'<text x="{LEFT}" y="{TOP + HEIGHT + 50}">% of hours inside the intervals of 80 and 95 %</text>'
        f"{wanted}{ticks}{lines}{legend}</svg>\n"
    )


def _of(period: Period, name: str) -> MethodScore:
    return next(score for score in period.scores if score.method == name)


def _axis(values: list[float], y: Callable[[float], float], right: int) -> str:
    return "".join(
        f'<line x1="{LEFT}" y1="{y(value)}" x2="{right}" y2="{y(value)}" stroke="#e4e7eb"/>'
        f'<text x="{LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{value:.0f}</text>'
        for value in values
    )


def _line(points: list[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>{dots}'
