"""The reliability diagram: how often power was below each level, against the level itself. An SVG that
needs nothing else, as `picture` draws a day."""

from __future__ import annotations

from collections.abc import Sequence

from forecasting.forecasting_api.models import LevelShare
from ona.drawing.shapes import BLUE, GREY, GRID, INK, Circle, Drawing, Line, Polyline, Rect, Shape, Text
from ona.drawing.svg import svg
from ona.runtime.words import counted

SIZE, LEFT, TOP, BOTTOM = 360, 56, 44, 40


def diagram(site_id: str, shares: Sequence[LevelShare]) -> str:
    """Points with Wilson's intervals beside the diagonal of a forecast that keeps its word; empty where
    there is nothing to draw."""
    shares = [share for share in shares if share.hours]
    if not shares:
        return ""
    side = SIZE - LEFT - 16

    def at(level: float, percent: float) -> tuple[float, float]:
        return LEFT + side * level / 100.0, TOP + side * (1.0 - percent / 100.0)

    title = f"{site_id}: reliability over {counted(max(s.hours for s in shares), 'hour')}, day ahead"
    shapes: list[Shape] = [
        Text((LEFT, 20), title, 14, INK),
        Text((LEFT, 36), "% of hours at or below the forecast, by its level (%)"),
    ]
    for tick in (0, 20, 40, 60, 80, 100):
        (x, bottom), (left, y) = at(tick, 0), at(0, tick)
        shapes.append(Text((x, bottom + 16), str(tick), anchor="middle"))
        shapes.append(Text((left - 6, y + 4), str(tick), anchor="end"))
    shapes += [
        Rect((LEFT, TOP), side, side, line=GRID),
        Line(at(0, 0), at(100, 100), GREY, dashes=4),
        Polyline([at(s.level_percent, s.observed_percent) for s in shares]),
    ]
    for s in shares:
        shapes.append(
            Line(at(s.level_percent, s.low_percent), at(s.level_percent, s.high_percent), BLUE, 2)
        )
        shapes.append(Circle(at(s.level_percent, s.observed_percent), 4, BLUE))
    return svg(Drawing(SIZE, TOP + side + BOTTOM, shapes, title))
