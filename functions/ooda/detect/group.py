"""Stops that several machines of a site share: of a common cause, no machine's fault. Pure.

Machines that fail for themselves stop and come back when they like. Those that are switched keep time with
each other: they stop together, or one stops when another comes back. So the stops of a day are linked by
their beginnings and ends, and what hangs together is one event.

>>> off = np.zeros((12, 6))  # twelve instants; the machine itself, and five neighbours
>>> off[3:6, :3] = 1.0  # it stops at the fourth, and two with it; then once more alone
>>> off[9:11, 0] = 1.0
>>> common(3, 6, off), common(9, 11, off)
('site_outage', 'outage')
>>> in_turn = np.zeros((12, 6))
>>> in_turn[0:3, 1] = in_turn[3:6, 0] = in_turn[6:9, 2] = 1.0
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
AT_WORK = 0.5
"""Share of a stop's time; a machine that stood for less of it was at work meanwhile."""
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

    `off`: 1 where a machine gives nothing, 0 where it gives some, NaN where it says nothing, (T, 1 + R),
    the machine itself first, at the day's T instants at which it should give power. `operation`: machines,
    or groups of them, stop one after the other, and each works while the other stands. `site_outage`: many
    stop at once, or half are down.
    """
    machines, others = off.shape[1], list(_stops(off[:, 1:]))

    def in_turn(one: _Stop, other: _Stop) -> bool:
        mine, its = off[other.start : other.end, one.machine], off[one.start : one.end, other.machine]
        apart = max(float(np.nansum(x)) / len(x) for x in (mine, its)) < AT_WORK
        return (one.followed_by(other) or other.followed_by(one)) and apart

    own = _Stop(0, start, end, len(off))
    linked, left, turns = [own], others, False
    for stop in linked:  # it grows meanwhile
        near = [o for o in left if o.machine != stop.machine]
        after = [o for o in near if in_turn(stop, o)]
        turns |= bool(after)
        found = [o for o in near if o in after or stop.together(o)]
        linked += found
        left = [o for o in left if o not in found]
    if turns and len({stop.machine for stop in linked}) >= IN_TURN:
        return "operation"
    begun = {0, *(stop.machine for stop in others if stop.start and own.together(stop))}
    least = max(LEAST_TOGETHER, math.ceil(TOGETHER * machines))
    beside = float(np.median(np.nansum(off[start:end, 1:], axis=1) + 1)) / machines
    if machines > LEAST_TOGETHER and (len(begun) >= least or beside >= MOST_DOWN):
        return "site_outage"
    return "outage"


def _stops(off: Floats) -> Iterator[_Stop]:
    """The stops of the others, (T, R). A reading that is missing is like the one before it."""
    for machine, column in enumerate(off.T, start=1):
        for start, end in runs(bn.push(column) == 1.0):
            if end - start >= LEAST_READINGS:
                yield _Stop(machine, start, end, len(off))
