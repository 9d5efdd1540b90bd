"""Whether a probability can be believed: of answers with 0.8 to 0.9, between 80 and 90 % should be right.

>>> reliability([(0.85, True), (0.85, True), (0.85, False), (0.5, True)])
[(0.4, 0.6, 1, 0.5, 1.0), (0.8, 0.9, 3, 0.85, 0.6667)]
>>> brier([(0.9, True), (0.8, False)])
0.325
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

BINS = (0.0, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0001)
"""Probability (0…1) between which the table counts."""
SIDE, EDGE = 260, 44
"""Pixels: the square of the picture, and the margin for its numbers."""
COLOURS = ("#1f6fb4", "#d1661d", "#3a8f4a")

Answer = tuple[float, bool]
"""The probability said of a named cause, and whether it was right."""
Row = tuple[float, float, int, float, float]
"""From, to, answers, mean probability, share right."""


def reliability(answers: Sequence[Answer]) -> list[Row]:
    """The rows of the table; a part without answers has none."""
    rows = []
    for low, high in pairwise(BINS):
        inside = [(said, hit) for said, hit in answers if low <= said < high]
        if inside:
            said, hit = np.mean(np.asarray(inside, dtype=float), axis=0)
            rows.append((low, min(high, 1.0), len(inside), round(float(said), 4), round(float(hit), 4)))
    return rows


def brier(answers: Sequence[Answer]) -> float:
    """Brier score: the mean square of the probability less 1 where right, else 0."""
    return round(float(np.mean([(said - hit) ** 2 for said, hit in answers])), 4)


def lines(answers: Sequence[Answer]) -> list[str]:
    """The table as text."""
    out = [f"{'probability':<16}{'answers':>8}{'said':>8}{'right':>8}"]
    out += [
        f"{a:.2f} … {b:.2f}     {n:>8}{said:>8.2f}{hit:>8.2f}"
        for a, b, n, said, hit in reliability(answers)
    ]
    return [*out, f"Brier score {brier(answers):.3f}"] if answers else out


def picture(series: Mapping[str, Sequence[Answer]]) -> str:
    """The reliability diagram, SVG: what was said to the right, what was right upward; the size of a dot
    is the number of its answers; bars are one standard error."""

    def x(value: float) -> float:
        return round(EDGE + SIDE * value, 1)

    def y(value: float) -> float:
        return round(EDGE / 2 + SIDE * (1 - value), 1)

    wide, high = SIDE + 2 * EDGE + 190, SIDE + int(1.6 * EDGE)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
        f'<rect x="{x(0)}" y="{y(1)}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
        f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="#999" stroke-dasharray="4 4"/>',
        f'<text x="{x(0.5)}" y="{high - 6}" text-anchor="middle">probability said</text>',
        f'<text x="12" y="{y(0.5)}" text-anchor="middle" '
        f'transform="rotate(-90 12 {y(0.5)})">share right</text>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        out.append(f'<text x="{x(tick)}" y="{y(0) + 14}" text-anchor="middle">{tick:g}</text>')
        out.append(f'<text x="{x(0) - 5}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    for number, (name, answers) in enumerate(series.items()):
        colour, rows = COLOURS[number % len(COLOURS)], reliability(answers)
        path = "L".join(f"{x(said)} {y(hit)}" for _, _, _, said, hit in rows)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for _, _, count, said, hit in rows:
            error = float(np.sqrt(max(hit * (1 - hit), 0.05) / count))
            low, top = max(hit - error, 0.0), min(hit + error, 1.0)
            out.append(f'<path d="M{x(said)} {y(low)}V{y(top)}" stroke="{colour}"/>')
            size = round(2 + float(np.sqrt(count)) / 2, 1)
            out.append(f'<circle cx="{x(said)}" cy="{y(hit)}" r="{size}" fill="{colour}"/>')
        text = f"{name}: {len(answers)} answers, Brier score {brier(answers):.2f}"
        for line, part in enumerate(text.split(": ")):
            at = y(1) + 14 + 34 * number + 14 * line
            out.append(f'<text x="{x(1) + 12}" y="{at}" fill="{colour}">{part}</text>')
    return "\n".join([*out, "</svg>", ""])
