"""Stops that several machines of a site share: of a common cause, no machine's fault. Pure.

Machines that fail for themselves stop and come back when they like. Those that are switched keep time with
each other: they stop together, or one stops when another comes back. So the stops of a day are linked by
their beginnings and ends, and what hangs together is one event.

>>> off = np.zeros((12, 5))  # twelve instants, five neighbours
>>> off[3:6, :2] = 1.0  # two of them stop at the fourth
>>> common(3, 6, off), common(9, 11, off)  # stops of the machine itself, from and to
('site_outage', 'outage')
>>> in_turn = np.zeros((12, 5))
>>> in_turn[0:3, 0] = in_turn[6:9, 1] = 1.0
>>> common(3, 6, in_turn)  # it follows the one and is followed by the other
'operation'
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import bottleneck as bn
import numpy as np

from ona.runtime.identity import digest
from ooda.detect.sky import Floats
from ooda.detect.track import runs

TOGETHER, LEAST_TOGETHER = 0.3, 2
"""Share of the machines, and how many at least, that stop at once for a common cause."""
MOST_DOWN = 0.5
"""Share of the machines; where so many stand still, it is none's own fault, whenever each began."""
AT_ONCE, WITHOUT_GAP = 1, 2
"""Readings between the beginnings of stops that begin at once, and between stops that follow each other
without a gap."""
IN_TURN = 3
"""Machines that make a rotation."""
LEAST_READINGS = 2
"""Readings of a stop."""


@dataclass(frozen=True)
class _Stop:
    """A stop of one machine from an instant to before another, of `count`."""

    machine: int
    start: int
    end: int
    count: int

    def together(self, other: _Stop) -> bool:
        """Whether both begin at once; those that stand since dawn, whether they come back at once."""
        if self.start == 0 or other.start == 0:
            ended = self.end < self.count and other.end < other.count
            return self.start == other.start and ended and abs(self.end - other.end) <= AT_ONCE
        return abs(self.start - other.start) <= AT_ONCE

    def followed_by(self, other: _Stop) -> bool:
        """Whether the other stops when this one comes back."""
        return self.end < self.count and other.start > 0 and abs(other.start - self.end) <= WITHOUT_GAP


def event_id(site_id: str, kind: str, start: datetime, n: int = 0) -> str:
    """The name of a site's event that begins then: the same for all its machines and for the plant (`kind`:
    of their incidents). `n`: how many of the kind the day had before."""
    day = f"{start.astimezone(UTC):%Y%m%d}"
    return f"event-{day}-{digest(site_id, kind, day, *([str(n)] if n else []), length=10)}"


def common(start: int, end: int, off: Floats) -> Literal["outage", "site_outage", "operation"]:
    """What a machine's stop from instant `start` to before `end` is, beside the R others of the site.

    `off`: 1 where another gives nothing, 0 where it gives some, NaN where it says nothing, (T, R), at the
    day's T instants at which the machine should give power. `operation`: machines, or groups of them, stop
    one after the other. `site_outage`: many stop at once, or half are down.
    """
    machines = off.shape[1] + 1
    linked, in_turn = [_Stop(-1, start, end, len(off))], False
    left = list(_stops(off))
    for stop in linked:  # it grows meanwhile
        near = [o for o in left if o.machine != stop.machine]
        turns = {o for o in near if stop.followed_by(o) or o.followed_by(stop)}
        in_turn |= bool(turns)
        found = [o for o in near if o in turns or stop.together(o)]
        linked += found
        left = [o for o in left if o not in found]
    together = {stop.machine for stop in linked}
    if in_turn and len(together) >= IN_TURN:
        return "operation"
    own = linked[0]
    begun = {-1, *(stop.machine for stop in _stops(off) if stop.start and own.together(stop))}
    least = max(LEAST_TOGETHER, math.ceil(TOGETHER * machines))
    beside = float(np.median(np.nansum(off[start:end], axis=1) + 1)) / machines
    if machines > LEAST_TOGETHER and (len(begun) >= least or beside >= MOST_DOWN):
        return "site_outage"
    return "outage"


def _stops(off: Floats) -> Iterator[_Stop]:
    """The stops of others. A reading that is missing is like the one before it."""
    for machine, column in enumerate(off.T):
        for start, end in runs(bn.push(column) == 1.0):
            if end - start >= LEAST_READINGS:
                yield _Stop(machine, start, end, len(off))
