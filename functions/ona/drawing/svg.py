"""A drawing as SVG that needs nothing else: it may stand in a file or inside an HTML page.

Source: W3C, "Scalable Vector Graphics (SVG) 1.1", chapters 9 (basic shapes) and 10 (text).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ona.drawing.shapes import Circle, Drawing, Line, Point, Polygon, Polyline, Rect, Shape, Text


def svg(drawing: Drawing) -> str:
    """The element `svg`.

    >>> print(svg(Drawing(20, 10, [Text((1, 9), "a < b")], "two")))
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10" font-family="Helvetica,Arial,sans-serif" \
role="img"><title>two</title><text x="1" y="9" font-size="12" fill="#616e7c">a &lt; b</text></svg>
    """
    title = f"<title>{escape(drawing.title)}</title>" if drawing.title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" '
        f'font-family="Helvetica,Arial,sans-serif" role="img">{title}'
        f"{''.join(map(_shape, drawing.shapes))}</svg>"
    )


def _shape(shape: Shape) -> str:
    match shape:
        case Line(start, end, colour, width, dashes):
            dashed = f' stroke-dasharray="{_n(dashes)}"' if dashes else ""
            return (
                f'<line x1="{_n(start[0])}" y1="{_n(start[1])}" x2="{_n(end[0])}" y2="{_n(end[1])}" '
                f'stroke="{colour}" stroke-width="{_n(width)}"{dashed}/>'
            )
        case Polyline(points, colour, width):
            return (
                f'<polyline points="{_path(points)}" fill="none" stroke="{colour}" '
                f'stroke-width="{_n(width)}"/>'
            )
        case Polygon(points, fill, opacity):
            seen = "" if opacity == 1.0 else f' fill-opacity="{_n(opacity)}"'
            return f'<polygon points="{_path(points)}" fill="{fill}"{seen}/>'
        case Rect(at, width, height, fill, line):
            stroke = f' stroke="{line}"' if line else ""
            return (
                f'<rect x="{_n(at[0])}" y="{_n(at[1])}" width="{_n(width)}" height="{_n(height)}" '
                f'fill="{fill or "none"}"{stroke}/>'
            )
        case Circle(at, radius, fill):
            return f'<circle cx="{_n(at[0])}" cy="{_n(at[1])}" r="{_n(radius)}" fill="{fill}"/>'
        case Text(at, text, size, colour, anchor):
            anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
            return (
                f'<text x="{_n(at[0])}" y="{_n(at[1])}" font-size="{_n(size)}" fill="{colour}"{anchored}>'
                f"{escape(text)}</text>"
            )


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """A number with at most two digits behind the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
