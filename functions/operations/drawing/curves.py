"""A curve over sizes: what was measured at each, with the chosen ones named. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ona.drawing.axes import marks, number
from ona.drawing.letters import fitting
from ona.drawing.shapes import BLUE, GREY, INK, RED, Anchor, Circle, Drawing, Line, Polyline, Shape, Text

_LEFT, _RIGHT, _TOP, _BOTTOM, _LETTER, _ROW = 54.0, 24.0, 30.0, 34.0, 10.0, 11.0
_NAME = 110.0
"""A name that begins nearer to the right edge, in points, ends at its line instead."""


@dataclass(frozen=True)
class Curve:
    """Values over sizes. `named`: sizes that a dashed line stands at, with what they are called; `apart`:
    points that were measured and do not count, drawn grey."""

    title: str
    unit: str
    across: str
    points: Sequence[tuple[float, float]]
    named: Sequence[tuple[float, str]] = field(default=())
    apart: Sequence[tuple[float, float]] = field(default=())


def drawn(curve: Curve, wide: float = 420.0, high: float = 180.0) -> Drawing:
    """The curve, `wide` points wide, its panel `high` points high. Names that share a size share a line."""
    every = [*curve.points, *curve.apart]
    together: dict[float, list[str]] = {}
    for size, name in curve.named:
        together.setdefault(size, []).append(name)
    up = marks(max((value for _, value in every), default=0.0))
    along = marks(max((size for size, _ in every), default=0.0))
    top = _TOP + _ROW * len(together)
    right, bottom = wide - _RIGHT, top + high

    def at(size: float, value: float) -> tuple[float, float]:
        return _LEFT + size / along[-1] * (right - _LEFT), bottom - value / up[-1] * high

    shapes: list[Shape] = [Text((2, 12), fitting(curve.title, wide - 120, 12), 12, INK)]
    shapes.append(Text((wide - 2, 12), curve.unit, _LETTER, anchor="end"))
    for tick in up:
        y = at(0, tick)[1]
        shapes += [
            Line((_LEFT, y), (right, y)),
            Text((_LEFT - 4, y + 3.5), number(tick), _LETTER, anchor="end"),
        ]
    for tick in along:
        x = at(tick, 0)[0]
        shapes += [Line((x, bottom), (x, bottom + 3), GREY)]
        shapes.append(Text((x, bottom + 14), f"{tick:g}", _LETTER, anchor="middle"))
    shapes.append(Text((right, bottom + 28), curve.across, _LETTER, anchor="end"))
    for row, (size, names) in enumerate(sorted(together.items())):
        x, y = at(size, 0)[0], _TOP + _ROW * row  # each name in a row of its own, at its own line
        side: Anchor = "end" if x > right - _NAME else "start"
        shapes.append(Line((x, y - 7), (x, bottom), RED, dashes=4))
        shapes.append(Text((x + (3 if side == "start" else -3), y), ", ".join(names), _LETTER, RED, side))
    if len(curve.points) > 1:
        shapes.append(Polyline([at(*point) for point in sorted(curve.points)], BLUE))
    shapes += [Circle(at(*point), 3, BLUE) for point in curve.points]
    shapes += [Circle(at(*point), 3, GREY) for point in curve.apart]
    if not every:
        shapes.append(
            Text(((_LEFT + right) / 2, top + high / 2), "nothing was measured", 12, GREY, "middle")
        )
    return Drawing(wide, bottom + _BOTTOM, shapes, curve.title)
