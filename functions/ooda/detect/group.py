"""Stops that several machines of a site share: of a common cause, no machine's fault. Pure.

>>> down = np.zeros((12, 5), dtype=bool)  # twelve instants, five neighbours
>>> down[4:8, :2] = True  # two of them stop at the fifth
>>> common(4, 8, down), common(9, 11, down)  # stops of the machine itself, from and to
('site_outage', 'outage')
>>> in_turn = np.zeros((12, 5), dtype=bool)
>>> in_turn[0:3, 0] = in_turn[6:9, 1] = True
>>> common(3, 6, in_turn)  # it follows the one and is followed by the other
'operation'
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from ona.runtime.identity import digest
from ooda.detect.sky import Mask
from ooda.detect.track import runs

TOGETHER, LEAST_TOGETHER = 0.3, 2
"""Share of the machines, and how many at least, that stop at once for a common cause."""
MOST_DOWN = 0.5
"""Share of the machines; where so many stand still, it is none's own fault, whenever each began."""
AT_ONCE, WITHOUT_GAP = 1, 2
"""Readings between the beginnings of stops that begin at once, and between stops that follow each other
without a gap."""
ALIKE = 2
"""Times; stops of a rotation differ by no more, as dawn and evening cut some."""
IN_TURN = 3
"""Machines that make a rotation."""


def event_id(site_id: str, kind: str, start: datetime, n: int = 0) -> str:
    """The name of a site's event that begins then: the same for all its machines and for the plant (`kind`:
    of their incidents). `n`: how many of the kind the day had before."""
    day = f"{start.astimezone(UTC):%Y%m%d}"
    return f"event-{day}-{digest(site_id, kind, day, *([str(n)] if n else []), length=10)}"


def common(start: int, end: int, down: Mask) -> Literal["outage", "site_outage", "operation"]:
    """What a machine's stop from instant `start` to before `end` is, beside the R others of the site.

    `down`: which of them give nothing, (T, R), at the day's T instants at which the machine should give
    power. `operation`: machines, or groups of them, stop one after the other for about the same time.
    `site_outage`: many stop at once, or half are down.
    """
    machines = down.shape[1] + 1
    stops = [run for column in down.T for run in runs(column) if run[1] - run[0] >= 2]
    length = end - start
    alike = [
        run for run in stops if length <= ALIKE * (run[1] - run[0]) and run[1] - run[0] <= ALIKE * length
    ]
    chain, reached = 1, True
    first, last = start, end
    while reached:
        before = [run for run in alike if abs(run[1] - first) <= WITHOUT_GAP and run[0] < first]
        after = [run for run in alike if abs(run[0] - last) <= WITHOUT_GAP and run[1] > last]
        first = before[0][0] if before else first
        last = after[0][1] if after else last
        reached = bool(before or after)
        chain += bool(before) + bool(after)
    if chain >= IN_TURN:
        return "operation"
    begun = sum(
        any(
            first > 0 and abs(first - start) <= AT_ONCE for first, last in runs(column) if last - first >= 2
        )
        for column in down.T
    )  # what is down since dawn began nobody knows when
    least = max(LEAST_TOGETHER, math.ceil(TOGETHER * machines))
    beside = float(np.median(down[start:end].sum(axis=1) + 1)) / machines
    if machines > LEAST_TOGETHER and ((start > 0 and begun + 1 >= least) or beside >= MOST_DOWN):
        return "site_outage"
    return "outage"
