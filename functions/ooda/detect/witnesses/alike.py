"""Whether machines lie alike, while nobody knows how they lie: by the form of their days.

A roof to the east gives more in the morning than its neighbours, and less in the evening. A machine that
has lost a string gives less all day: its form stays.

>>> hour = np.arange(48) / 2.0
>>> day = np.where(np.abs(hour - 12.0) < 5.0, np.cos((hour - 12.0) / 10.0 * np.pi), 0.0)
>>> morning = day * (1.0 + 0.05 * (12.0 - hour))
>>> strange_forms(np.array([[day], [day], [0.8 * day], [morning]])).tolist()
[False, False, False, True]
"""

from __future__ import annotations

import numpy as np

from ooda.detect.rolling import middles
from ooda.detect.sky import Floats, Mask

LEAST_SHARE = 0.03
"""Of capacity. Half hours in which machines in the middle give less say nothing of a form."""
LEAST_SLOTS, SPIKES = 4, 2
"""Half hours that show a form; and the most that a spike or a gap on the first day may take of it."""
STRANGE = 0.05
"""By how much a form lies off the others', log, half hours by their energy. Two roofs of 12° to the east
and the west lie 0.1 and more off; machines of one roof 0.02."""


def strange_forms(share: Floats) -> Mask:
    """Which of R machines have another form than those in the middle, or none yet, (R,). `share`: their
    profiles on some days, (R, D, 48). One machine alone has no form that is strange."""
    if len(share) < 2:
        return np.zeros(len(share), dtype=bool)
    low, high = middles(share.reshape(len(share), -1))
    middle = ((low + high) / 2.0).reshape(share.shape[1:])
    there = np.isfinite(share) & (middle > LEAST_SHARE)
    came = np.where(there, share, 0.0).sum(axis=1)
    usual = np.where(there, middle, 0.0).sum(axis=1)
    out = np.ones(len(share), dtype=bool)
    for m in range(len(share)):
        at = (came[m] > 0.0) & (usual[m] > 0.0)
        if at.sum() < LEAST_SLOTS:
            continue
        ratio, weight = np.log(came[m, at] / usual[m, at]), usual[m, at]
        off = np.abs(ratio - np.average(ratio, weights=weight))
        if len(off) >= LEAST_SLOTS + SPIKES:
            near = np.argsort(off)[:-SPIKES]
            ratio, weight = ratio[near], weight[near]
            off = np.abs(ratio - np.average(ratio, weights=weight))
        out[m] = np.average(off, weights=weight) > STRANGE
    return out
