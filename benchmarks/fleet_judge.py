"""A judge by another hand: is a machine of a fleet really low while an incident says so?

It reads the raw rows itself and shares no code with Detect: energies of the same moments, the
machine's over the median of the others that work, and that quotient beside the one of its other days.

>>> hours = [datetime(2020, 5, day, hour) for day in range(1, 8) for hour in range(8, 16)]
>>> rows = {at: {f"m{n}": 100.0 + n for n in range(6)} for at in hours}
>>> for at in hours[-16:]:
...     rows[at]["m2"] = 80.0
>>> fleet = Fleet(rows)
>>> fleet.verdict("m2", [(hours[-16], hours[-1])]), fleet.verdict("m3", [(hours[-16], hours[-1])])
('true', 'false')
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from statistics import median
from typing import Literal

DAYLIGHT = 0.05
"""Of the most that any machine ever gives: what the best gives where there is something to compare."""
WORKS = 0.2
"""Of what the best gives at that moment: a machine with less does not work, and is no measure."""
LEAST_WORKING = 3
SURELY_LOW, SURELY_WELL = 0.95, 0.98
"""The quotient below which a machine is clearly low, and above which it clearly is not."""
AS_LOW = 2
"""Others that lie as low meanwhile: then it is no machine's own loss, or at least not clear."""

Span = tuple[datetime, datetime]
Verdict = Literal["true", "unclear", "false"]


@dataclass(frozen=True)
class Fleet:
    """AC power by moment (local time) and machine, kW, as the file has it."""

    rows: dict[datetime, dict[str, float]]

    @classmethod
    def read(cls, text: str) -> Fleet:
        """From a generation file of the set."""
        rows: dict[datetime, dict[str, float]] = {}
        for row in csv.DictReader(io.StringIO(text)):
            at = datetime.fromisoformat(row["DATE_TIME"])
            rows.setdefault(at, {})[row["SOURCE_KEY"]] = float(row["AC_POWER"])
        return cls(rows)

    @cached_property
    def top(self) -> float:
        """The most that any machine ever gives, kW."""
        return max(power for row in self.rows.values() for power in row.values())

    @cached_property
    def machines(self) -> list[str]:
        """All that ever report."""
        return sorted({name for row in self.rows.values() for name in row})

    def _median(self, row: dict[str, float], machine: str) -> float | None:
        """What the others that work give, kW; None in the dark and where they are too few."""
        best = max(row.values())
        working = [power for name, power in row.items() if name != machine and power > WORKS * best]
        if best < DAYLIGHT * self.top or len(working) < LEAST_WORKING:
            return None
        return median(working)

    def quotient(self, machine: str, spans: Sequence[Span]) -> float | None:
        """The machine's energy over the others' at the moments inside the spans."""
        own = others = 0.0
        for at, row in self.rows.items():
            if machine in row and any(first <= at <= last for first, last in spans):
                usual = self._median(row, machine)
                if usual is not None:
                    own, others = own + row[machine], others + usual
        return own / others if others else None

    def usual(self, machine: str, spans: Sequence[Span]) -> float | None:
        """The median of its quotients on days that the spans do not touch."""
        touched = {moment.date() for span in spans for moment in span}
        touched |= {at.date() for at in self.rows if any(first <= at <= last for first, last in spans)}
        days = sorted({at.date() for at in self.rows} - touched)
        whole = [
            (datetime.combine(day, datetime.min.time()), datetime.combine(day, datetime.max.time()))
            for day in days
        ]
        by_day = [q for q in (self.quotient(machine, [span]) for span in whole) if q is not None]
        return median(by_day) if by_day else None

    def verdict(self, machine: str, spans: Sequence[Span]) -> Verdict:
        """Whether the machine is low within the spans: below the others, or below what it is beside them
        on other days."""
        beside = self.quotient(machine, spans)
        if beside is None:
            return "unclear"
        usual = self.usual(machine, spans)
        lowest = min(beside, beside / usual) if usual else beside
        if lowest > SURELY_WELL:
            return "false"
        if lowest >= SURELY_LOW:
            return "unclear"
        others = [self.quotient(name, spans) for name in self.machines if name != machine]
        as_low = sum(q is not None and q <= beside for q in others)
        return "unclear" if as_low >= AS_LOW and beside > 1.0 - 2 * (1.0 - SURELY_LOW) else "true"
