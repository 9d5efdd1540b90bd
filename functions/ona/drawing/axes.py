"""Where the marks of an axis stand, and what is written there."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_STEPS_S = (60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)


def marks(top: float, about: int = 5, least: float = 0.0) -> list[float]:
    """Round values from 0 to a little above `top`, about so many steps, each `least` or longer.

    >>> marks(87.0), marks(0.0), marks(3.0, least=1.0)
    ([0.0, 20.0, 40.0, 60.0, 80.0, 100.0], [0.0, 1.0], [0.0, 1.0, 2.0, 3.0])
    """
    if top <= 0 or not math.isfinite(top):
        return [0.0, 1.0]
    raw = max(top / about, least)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    return [round(step * number, 12) for number in range(math.ceil(top / step * 0.999) + 1)]


def number(value: float) -> str:
    """A value in few letters.

    >>> [number(v) for v in (0, 0.25, 12.34, 950, 12_345, 3_400_000, 0.00012)]
    ['0', '0.25', '12.3', '950', '12.3k', '3.4M', '0.00012']
    """
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if letter == 'k' else limit):.3g}{letter}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def moments(start: float, end: float, most: int = 8) -> list[tuple[float, str]]:
    """Round times from `start` to `end` (seconds since 1970), at most so many, with what is written there
    (UTC): the hour, or the day where a day or more lies between.

    >>> moments(0.0, 10_800.0, 4)
    [(0, '00:00'), (3600, '01:00'), (7200, '02:00'), (10800, '03:00')]
    """
    span = max(end - start, 1.0)
    step = next((s for s in _STEPS_S if span / s + 1 <= most), _STEPS_S[-1])
    while span / step + 1 > most:
        step *= 2
    first = math.ceil(start / step) * step
    form = "%H:%M" if step < 86_400 else "%d %b"
    return [
        (at, datetime.fromtimestamp(at, UTC).strftime(form))
        for at in range(first, math.floor(end) + 1, step)
    ]
