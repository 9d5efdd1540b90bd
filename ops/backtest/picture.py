"""The picture of a backtest: the error of each month by method, and what the intervals held. An SVG that
needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ona.drawing.shapes import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT_BLUE,
    RED,
    TEXT,
    Circle,
    Drawing,
    Line,
    Polyline,
    Rect,
    Shape,
    Text,
)  # fmt: skip
from ona.drawing.svg import svg
from ops.backtest.document import BacktestDocument, MethodScore, Period
from ops.backtest.peers import PEERS

WIDTH, LEFT, TOP, HEIGHT, LEGEND = 760, 56, 60, 230, 250
BELOW = TOP + HEIGHT + 70
"""Where the second panel begins; it is 100 high."""
COLOURS = {
    "platform": BLUE,
    "persistence": GREY,
    "clear_sky_persistence": TEXT,
    "climatology": AMBER,
    "physics": RED,
    "fitted_physics": GREEN,
}
NAMES = {"platform": "the platform", **PEERS}


def drawn(found: BacktestDocument) -> str:
    """Two panels, by month: mean absolute errors of all methods; shares inside the intervals."""
    months, right = found.months, WIDTH - LEGEND
    top = max(score.mae_percent for month in months for score in month.scores) * 1.1 or 1.0

    def x(number: int) -> float:
        return LEFT + (number + 0.5) * (right - LEFT) / len(months)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1.0 - value / top)

    def held(percent: float) -> float:
        return BELOW + 100 * (1.0 - (percent - 50.0) / 50.0)

    title = f"{found.customer_id}, {found.site_id}: backtest, day ahead"
    shapes: list[Shape] = [
        Text((LEFT, 20), title, 14, INK),
        Text((LEFT, 40), "mean absolute error by month, % of capacity"),
        *_axis([top * part for part in (0.0, 0.25, 0.5, 0.75, 1.0)], y, right),
        Text((LEFT, BELOW - 20), "% of hours inside the intervals of 80 and 95 %"),
        *_axis([50.0, 80.0, 95.0], held, right),
    ]
    every = max(1, len(months) // 6)
    for number, month in enumerate(months[::every]):
        shapes.append(Text((x(number * every), BELOW + 118), month.name, anchor="middle"))
    for name in reversed(NAMES):
        values = [y(_of(month, name).mae_percent) for month in months]
        shapes += _line([(x(n), value) for n, value in enumerate(values)], COLOURS[name])
    for level, colour in ((80, BLUE), (95, LIGHT_BLUE)):
        shares = [getattr(_of(month, "platform"), f"coverage_{level}_percent") for month in months]
        shapes += _line([(x(n), held(max(share, 50.0))) for n, share in enumerate(shares)], colour)
    for n, (name, words) in enumerate(NAMES.items()):
        shapes.append(Rect((right + 16, TOP + 22 * n), 12, 12, COLOURS[name]))
        shapes.append(Text((right + 34, TOP + 22 * n + 11), words))
    return f"{svg(Drawing(WIDTH, BELOW + 130, shapes, title))}\n"


def _of(period: Period, name: str) -> MethodScore:
    return next(score for score in period.scores if score.method == name)


def _axis(values: Sequence[float], y: Callable[[float], float], right: int) -> list[Shape]:
    lines: list[Shape] = [Line((LEFT, y(value)), (right, y(value))) for value in values]
    return lines + [Text((LEFT - 6, y(value) + 4), f"{value:.0f}", anchor="end") for value in values]


def _line(points: Sequence[tuple[float, float]], colour: str) -> list[Shape]:
    return [Polyline(points, colour), *(Circle(point, 3, colour) for point in points)]
