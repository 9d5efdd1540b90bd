"""The picture of a day's forecast against what came: an SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from forecasting.accuracy_documents import AccuracyRecord
from forecasting.documents import Point
from ona.drawing.shapes import BLUE, INK, Drawing, Line, Polygon, Polyline, Shape, Text
from ona.drawing.svg import svg

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 300, 56, 44, 34


def day(points: Sequence[Point], measured: dict[datetime, float], record: AccuracyRecord) -> bytes:
    """Bands of 80 and 95 %, the forecast, and measured power (kW by hour's end) of one day."""
    if not points:
        return b""
    top = max([p.confidence_interval.upper_95 for p in points] + list(measured.values()) + [1e-6]) * 1.05
    first, last = points[0].timestamp.timestamp(), points[-1].timestamp.timestamp()

    def at(moment: datetime, power: float) -> tuple[float, float]:
        share = (moment.timestamp() - first) / max(last - first, 1.0)
        return LEFT + share * (WIDTH - LEFT - 16), TOP + (1.0 - power / top) * (HEIGHT - TOP - BOTTOM)

    def band(level: int, opacity: float) -> Polygon:
        upper = [at(p.timestamp, getattr(p.confidence_interval, f"upper_{level}")) for p in points]
        lower = [at(p.timestamp, getattr(p.confidence_interval, f"lower_{level}")) for p in points]
        return Polygon([*upper, *reversed(lower)], BLUE, opacity)

    title = (
        f"{record.site_id}, {record.day} UTC: accuracy {record.accuracy_percent:.1f} %, "
        f"80 % interval held {record.coverage_80_percent:.0f} %"
    )
    legend = (
        f"kW; blue: forecast of {record.issued_at:%Y-%m-%d %H:%M} UTC with 80 and 95 %, black: measured"
    )
    shapes: list[Shape] = [Text((LEFT, 20), title, 14, INK), Text((LEFT, 36), legend)]
    for tick in (0.0, top / 2, top):
        y = at(points[0].timestamp, tick)[1]
        shapes.append(Line((LEFT, y), (WIDTH - 16, y)))
        shapes.append(Text((LEFT - 6, y + 4), f"{tick:,.0f}", anchor="end"))
    for p in points[:: max(1, len(points) // 6)]:
        below = (at(p.timestamp, 0.0)[0], HEIGHT - 12)
        shapes.append(Text(below, f"{p.timestamp:%H:%M}", anchor="middle"))
    shapes += [
        band(95, 0.15),
        band(80, 0.30),
        Polyline([at(p.timestamp, p.predicted_power_kw) for p in points], BLUE, 2.0),
        Polyline([at(moment, power) for moment, power in sorted(measured.items())], INK),
    ]
    return svg(Drawing(WIDTH, HEIGHT, shapes, title)).encode()
