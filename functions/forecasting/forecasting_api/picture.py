"""The picture of a day's forecast against what came: an SVG that needs nothing else. No library: the layer
has none that draws, and three shapes are all there is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from forecasting.accuracy_documents import AccuracyRecord
from forecasting.documents import Point

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 300, 56, 44, 34


def day(points: Sequence[Point], measured: dict[datetime, float], record: AccuracyRecord) -> bytes:
    """Bands of 80 and 95 %, the forecast, and measured power (kW by hour's end) of one day."""
    if not points:
        return b""
    top = max([p.confidence_interval.upper_95 for p in points] + list(measured.values()) + [1e-6]) * 1.05
    first, last = points[0].timestamp.timestamp(), points[-1].timestamp.timestamp()

    def x(moment: datetime) -> float:
        share = (moment.timestamp() - first) / max(last - first, 1.0)
        return round(LEFT + share * (WIDTH - LEFT - 16), 1)

    def y(power: float) -> float:
        return round(TOP + (1.0 - power / top) * (HEIGHT - TOP - BOTTOM), 1)

    def band(level: int) -> str:
        upper = [f"{x(p.timestamp)},{y(getattr(p.confidence_interval, f'upper_{level}'))}" for p in points]
        lower = [f"{x(p.timestamp)},{y(getattr(p.confidence_interval, f'lower_{level}'))}" for p in points]
        return " ".join([*upper, *reversed(lower)])

    def line(pairs: Sequence[tuple[datetime, float]]) -> str:
        return " ".join(f"{x(moment)},{y(power)}" for moment, power in pairs)

    ticks = [top * share for share in (0.0, 0.5, 1.0)]
    grid = "".join(
        f'<line x1="{LEFT}" y1="{y(t)}" x2="{WIDTH - 16}" y2="{y(t)}" stroke="#e4e7eb"/>'
        f'<text x="{LEFT - 6}" y="{y(t) + 4}" text-anchor="end">{t:,.0f}</text>'
        for t in ticks
    )
    hours = "".join(
        f'<text x="{x(p.timestamp)}" y="{HEIGHT - 12}" text-anchor="middle">{p.timestamp:%H:%M}</text>'
        for p in points[:: max(1, len(points) // 6)]
    )
    title = escape(
        f"{record.site_id}, {record.day} UTC: accuracy {record.accuracy_percent:.1f} %, "
        f"80 % interval held {record.coverage_80_percent:.0f} %"
    )
    came = line(sorted(measured.items()))
    predicted = line([(p.timestamp, p.predicted_power_kw) for p in points])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="system-ui,sans-serif" font-size="12" fill="#616e7c" role="img">'
        f"<title>{title}</title>"
        f'<text x="{LEFT}" y="20" font-size="14" fill="#1f2933">{title}</text>'
        f'<text x="{LEFT}" y="36">kW; blue: forecast of {record.issued_at:%Y-%m-%d %H:%M} UTC with 80 and '
        f"95 %, black: measured</text>{grid}{hours}"
        f'<polygon points="{band(95)}" fill="#1b6ca8" opacity="0.15"/>'
        f'<polygon points="{band(80)}" fill="#1b6ca8" opacity="0.30"/>'
        f'<polyline points="{predicted}" fill="none" stroke="#1b6ca8" stroke-width="2"/>'
        f'<polyline points="{came}" fill="none" stroke="#1f2933" stroke-width="1.5"/></svg>'
    ).encode()
