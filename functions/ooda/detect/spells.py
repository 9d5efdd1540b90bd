"""Spells: when within a stretch power was really missing, and when the asset was well in between.

A machine that trips each hour, is shaded in the morning or limited at noon is not low all day. Its loss
is found from the whole stretch, and then placed: a chain of two states, well or low, which a reading may
change at a cost (Viterbi 1967). How low follows from the readings that are (a few rounds of it).

>>> share = np.array([0.0] * 20 + [0.3] * 12 + [0.0] * 20)  # two hours at noon
>>> low = spells(share, np.full(52, 0.05), 10.0)
>>> int(np.argmax(low)), int(low.sum())
(20, 12)
>>> bool(spells(np.full(52, 0.04), np.full(52, 0.05), 10.0).all())
True
"""

from __future__ import annotations

import math

import numpy as np

from ooda.detect.evidence import own_share
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import runs

DAY_MINUTES = 720.0
"""Minutes of light, in which a loss begins and ends once, as far as nothing is known."""
FORM_MINUTES = 60.0
"""Minutes in which what the days before say (`form.py`) outweighs a change."""
ROUNDS, SMALLER = 3, 0.25
"""Rounds in which the size of the loss and its readings are found from each other; the size is the lower
quartile of theirs, as a loss may be larger at some hours."""


def spells(share: Floats, spread: Floats, step: float, form: Floats | None = None) -> Mask:
    """Which of n readings belong to a loss that is known to be among them; all where none stands out,
    and none where the days before say so and it does not say otherwise.

    `share`: what is missing of what was due, (n,); `spread`: its standard deviation; `step`: minutes
    between readings. What a day has in common does not blur where in it a loss lies, what readings next to
    each other have does. `form`: what the days before say of each, a log likelihood, (n,); an hour of it
    says as much as a change costs at most.
    """
    weight, change = own_share(step) / spread**2, math.log(DAY_MINUTES / step)
    most = change * min(step / FORM_MINUTES, 1.0)
    form = np.zeros(len(share)) if form is None else np.clip(form, -most, most)
    size = min(float(np.average(share, weights=weight)), float(share.max()))
    starts = (size, float(share[share >= size].mean()))  # a loss of all the time, and one of some
    found = [_settled(share, weight, start, change, form) for start in starts]
    said = [_explains(share, weight, low, change) + float(form[low].sum()) for low in found]
    low = found[int(np.argmax(said))]
    if max(said) < 0.0:
        return np.zeros(len(share), dtype=bool)
    if low.all():
        return low
    rest = share[~low]  # a smaller loss beside a larger one
    size = max(float(rest[rest >= rest.mean()].mean()), 0.0)
    says = (share - size / 2.0) * size * weight + np.minimum(
        form, 0.0
    )  # of the loss that is placed already
    return low | _chain(np.where(low, 0.0, says).tolist(), change)


def _settled(share: Floats, weight: Floats, size: float, change: float, form: Floats) -> Mask:
    """Readings and size of the loss found from each other, from a first size on."""
    low = np.ones(len(share), dtype=bool)
    for _ in range(ROUNDS):
        if size <= 0.0:
            break
        found = _chain(((share - size / 2.0) * size * weight + form).tolist(), change)
        if not found.any() or (found == low).all():
            break
        low = found
        size = float(np.quantile(share[low], SMALLER))
    return low


def _explains(share: Floats, weight: Floats, low: Mask, change: float) -> float:
    """The log likelihood of losses there, each spell with a size of its own, less what changes cost."""
    total = 0.0
    for first, last in runs(low):
        part = slice(first, last)
        along = max(float((share[part] * weight[part]).sum()), 0.0)
        total += along**2 / (2.0 * float(weight[part].sum()))
    return total - change * int((low[1:] != low[:-1]).sum())


def _chain(says: list[float], change: float) -> Mask:
    """The likeliest states, true where low. `says`: the log likelihood of low against well; `change`: what
    going from one to the other costs."""
    well, low = 0.0, 0.0
    from_low, from_well = [], []
    for value in says:
        from_low.append(low - change > well)
        from_well.append(well - change > low)
        well, low = max(well, low - change), max(low, well - change) + value
    out = np.empty(len(says), dtype=bool)
    state = low > well
    for n in range(len(says) - 1, -1, -1):
        out[n] = state
        state = not from_well[n] if state else from_low[n]
    return out
