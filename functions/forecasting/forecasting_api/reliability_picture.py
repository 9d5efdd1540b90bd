"""The reliability diagram: how often power was below each level, against the level itself. An SVG that
needs nothing else, as `picture` draws a day."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from forecasting.forecasting_api.models import LevelShare
from ona.runtime.words import counted

SIZE, LEFT, TOP, BOTTOM = 360, 56, 44, 40


def diagram(site_id: str, shares: Sequence[LevelShare]) -> str:
    """Points with Wilson's intervals beside the diagonal of a forecast that keeps its word; empty where
    there is nothing to draw."""
    shares = [share for share in shares if share.hours]
    if not shares:
        return ""
    side = SIZE - LEFT - 16

    def x(percent: float) -> float:
        return round(LEFT + side * percent / 100.0, 1)

    def y(percent: float) -> float:
        return round(TOP + side * (1.0 - percent / 100.0), 1)

    ticks = "".join(
        f'<text x="{x(t)}" y="{y(0) + 16}" text-anchor="middle">{t}</text>'
        f'<text x="{LEFT - 6}" y="{y(t) + 4}" text-anchor="end">{t}</text>'
        for t in (0, 20, 40, 60, 80, 100)
    )
    marks = "".join(
        f'<line x1="{x(s.level_percent)}" y1="{y(s.low_percent)}" x2="{x(s.level_percent)}" '
        f'y2="{y(s.high_percent)}" stroke="#1b6ca8" stroke-width="2"/>'
        f'<circle cx="{x(s.level_percent)}" cy="{y(s.observed_percent)}" r="4" fill="#1b6ca8"/>'
        for s in shares
    )
    path = " ".join(f"{x(s.level_percent)},{y(s.observed_percent)}" for s in shares)
    title = escape(
        f"{site_id}: reliability over {counted(max(s.hours for s in shares), 'hour')}, day ahead"
    )
    height = TOP + side + BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {height}" '
        f'font-family="system-ui,sans-serif" font-size="12" fill="#616e7c" role="img">'
        f"<title>{title}</title>"
        f'<text x="{LEFT}" y="20" font-size="14" fill="#1f2933">{title}</text>'
        f'<text x="{LEFT}" y="36">% of hours at or below the forecast, by its level (%)</text>{ticks}'
        f'<rect x="{LEFT}" y="{TOP}" width="{side}" height="{side}" fill="none" stroke="#e4e7eb"/>'
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(100)}" y2="{y(100)}" stroke="#9aa5b1" stroke-dasharray="4"/>'
        f'<polyline points="{path}" fill="none" stroke="#1b6ca8" stroke-width="1.5"/>{marks}</svg>'
    )
