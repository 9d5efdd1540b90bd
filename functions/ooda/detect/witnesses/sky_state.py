"""The sky's state: beam and diffuse light at each instant, from everything that measures it.

Each witness j is a linear measurement of the two unknowns, beam B and diffuse D (kW/m², horizontal):

    y_j = B · beam_j + D · diffuse_j + noise

A prior says which share of diffuse light is usual at the light there is (`planes.usual_diffuse`); how much
light there is stays free. So one witness is enough, two of different planes tell beam from diffuse, and a
group of one plane agrees on what it sees. Witnesses far off the others lose their say (Geman and McClure's
weights). What is told of an asset never contains its own reading: its row is taken out of the sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import bottleneck as bn
import numpy as np

from ooda.detect.rolling import middles
from ooda.detect.sky import Floats, Ints
from ooda.detect.witnesses.planes import Sun, usual_diffuse

SPLIT_SPREAD = 0.18
"""Of the light: how far the share of diffuse light lies from the usual one (standard deviation). Chosen on
the tuning half of the strangers: 0.12 to 0.2 differ little, 0.06 is too sure."""
NOISE, FLOOR = 0.03, 0.004
"""Of what a witness sees, and kW/m²: the standard deviation of a witness on a quiet day."""
FAR = 3.0
"""Standard deviations at which a witness has a quarter of its say."""
DARKEST = 0.02
"""Of the clear sky. No sky is darker: a witness that says so does not work, and is silent."""
MAJORITY = 3
"""Witnesses of which one can be far off the others: of two nobody knows which."""
FIRST_INDEX = 0.7
"""The clear-sky index at which the search begins."""
LIT = 0.5
"""Of what the best lit plane sees: planes with less are not asked for the clear-sky index."""
ROUNDS = 2
"""Of the search for the index, and of the weights after it."""
MANY = 8
"""Witnesses from which sorting all at once is faster than a median of each instant (measured)."""


@dataclass(frozen=True)
class SkyState:
    """What J witnesses say of the sky at n instants.

    `beam`, `diffuse` and `seen`, (J, n): each one's measurement in standard deviations; `weight`, (J, n),
    its say (0…1). `index`, (n,): the clear-sky index. `off`, (J, n): how far each one lies off what all
    say, NaN of a silent one, and `ranked`, (J, n), the same in rising order. `normal` and `right`: the sums
    of the least squares, prior included.
    """

    beam: Floats
    diffuse: Floats
    seen: Floats
    weight: Floats
    index: Floats
    off: Floats
    ranked: Floats
    normal: tuple[Floats, Floats, Floats]
    right: tuple[Floats, Floats]

    def seen_without(self, left: Iterable[int], beam: Floats, diffuse: Floats) -> Floats:
        """What a plane sees of this sky, kW/m², (n,), by all witnesses but those `left` out: the value
        alone, which costs a third of what `without` does. NaN where nobody spoke."""
        return self._by_others(left, beam, diffuse)[0]

    def without(self, left: int, beam: Floats, diffuse: Floats) -> tuple[Floats, Floats, Floats]:
        """What a plane sees of this sky, kW/m², by all witnesses but the one `left` out, (n,): the value,
        its standard deviation, and how many spoke. NaN where nobody did.

        The value is what they see together; each of them lies off it, and so may one left out: by more
        where they disagree more than on a quiet day, as many as they may be."""
        value, told, one, (bb, bd, dd) = self._by_others((left,), beam, diffuse)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (dd * beam - 2.0 * bd * diffuse) * beam + bb * diffuse * diffuse
            scale = self._scale(left)
            apart = (NOISE * value) ** 2 * (scale**2 - 1.0)
            spread = np.sqrt(np.maximum(variance * one, 0.0) * scale**2 + apart)
            return value, spread, told

    def light_without(self, left: Iterable[int]) -> tuple[Floats, Floats]:
        """Beam and diffuse light by all witnesses but those `left` out, (n,); NaN where nobody spoke."""
        (bb, bd, dd), (b, d), told = self._sums(left)
        with np.errstate(invalid="ignore", divide="ignore"):
            one = 1.0 / np.where(told > 0.005, bb * dd - bd * bd, np.nan)
            return (dd * b - bd * d) * one, (bb * d - bd * b) * one

    def _by_others(
        self, left: Iterable[int], beam: Floats, diffuse: Floats
    ) -> tuple[Floats, Floats, Floats, tuple[Floats, Floats, Floats]]:
        """The value of `without`, how many spoke, one over the sums' determinant, and the sums."""
        (bb, bd, dd), (b, d), told = self._sums(left)
        with np.errstate(invalid="ignore", divide="ignore"):
            one = 1.0 / np.where(told > 0.005, bb * dd - bd * bd, np.nan)
            value = ((dd * beam - bd * diffuse) * b + (bb * diffuse - bd * beam) * d) * one
            return np.maximum(value, 0.0), told, one, (bb, bd, dd)

    def _sums(
        self, left: Iterable[int]
    ) -> tuple[tuple[Floats, Floats, Floats], tuple[Floats, Floats], Floats]:
        """The sums of the least squares without some witnesses, and how many spoke."""
        bb, bd, dd = self.normal
        b, d = self.right
        told = self.say
        for j in left:
            w, hb, hd, y = self.weight[j], self.beam[j], self.diffuse[j], self.seen[j]
            wb, wd = w * hb, w * hd
            bb, bd, dd = bb - wb * hb, bd - wb * hd, dd - wd * hd
            b, d, told = b - wb * y, d - wd * y, told - w
        return (bb, bd, dd), (b, d), told

    @cached_property
    def say(self) -> Floats:
        """How many speak, (n,)."""
        return np.asarray(self.weight.sum(axis=0))

    @cached_property
    def _spoke(self) -> Ints:
        """Of how many it is known how far they lie off, (n,)."""
        return np.isfinite(self.ranked).sum(axis=0)

    def _scale(self, left: int) -> Floats:
        """How much more than usual all witnesses but the one `left` out disagree, (n,), 1 at least: 1.4826
        times the median of how far they lie off. What is ill must not excuse itself."""
        own = self.off[left]
        count = self._spoke - np.isfinite(own)
        last, flat = self.ranked.shape[0] - 1, self.ranked.ravel()
        place = np.arange(len(own))

        def of_rank(rank: Ints) -> Floats:
            at = np.clip(rank, 0, last)
            there = flat.take(at * len(own) + place)
            with np.errstate(invalid="ignore"):
                after = flat.take(np.minimum(at + 1, last) * len(own) + place)
                return np.where(own <= there, after, there)

        middle = (of_rank((count - 1) // 2) + of_rank(count // 2)) / 2.0
        return np.where(count >= MAJORITY - 1, np.fmax(1.0, 1.4826 * middle), 1.0)


def solve(seen: Floats, beam: Floats, diffuse: Floats, say: Floats, sun: Sun) -> SkyState:
    """The sky's state at n instants.

    `seen`: irradiance on the planes of J witnesses, kW/m², (J, n), NaN where there is none; `beam` and
    `diffuse`, (J, n) or (1, n) where all planes are alike: what they see of each (`planes.seen_by`).
    `say`, (J, n): 0 for a witness that is silent, 1 for one that speaks freely.
    """
    beam, diffuse = beam * sun.clear, diffuse * sun.clear
    index, share = _index(seen, beam, diffuse, say, sun)
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = beam * (1.0 - share) + diffuse * share
        say = np.where((seen > DARKEST * usual) & (usual > 0.0), say, 0.0)
        one = 1.0 / (NOISE * usual * index + FLOOR)
        beam, diffuse = np.broadcast_to(beam * one, seen.shape), np.broadcast_to(diffuse * one, seen.shape)
        seen = np.where(say > 0.0, seen, 0.0) * one
    prior = 1.0 / (SPLIT_SPREAD * index)
    pb, pd = -share * prior, (1.0 - share) * prior
    weight, many = say, (say > 0.0).sum(axis=0) >= MAJORITY
    off = np.full(seen.shape, np.nan)
    for last in range(ROUNDS + 1):
        wb, wd = weight * beam, weight * diffuse
        bb, bd, dd = (wb * beam).sum(0) + pb * pb, (wb * diffuse).sum(0) + pb * pd, (wd * diffuse).sum(0)
        dd, b, d = dd + pd * pd, (wb * seen).sum(0), (wd * seen).sum(0)
        if last == ROUNDS:
            break
        one = 1.0 / np.maximum(bb * dd - bd * bd, 1e-9)
        told = beam * ((dd * b - bd * d) * one) + diffuse * ((bb * d - bd * b) * one)
        off = np.where(say > 0.0, np.abs(seen - told), np.nan)
        scale = np.maximum(1.0, 1.4826 * np.nan_to_num(_median(off)))
        weight = np.where(many, say / (1.0 + (np.nan_to_num(off) / (scale * FAR)) ** 2) ** 2, say)
    clipped = (say > 0.0) & (say < 1.0)  # it would see more
    off = np.where(clipped & (seen < told), 0.0, off)
    return SkyState(beam, diffuse, seen, weight, index, off, np.sort(off, axis=0), (bb, bd, dd), (b, d))


def _index(seen: Floats, beam: Floats, diffuse: Floats, say: Floats, sun: Sun) -> tuple[Floats, Floats]:
    """Clear-sky index and usual share of diffuse light, (n,): the median of what witnesses see over what
    the usual split would give them. Planes in the shadow of their own tilt are not asked: they see
    the diffuse
    light only, which says little of how clear it is."""
    count = seen.shape[1]
    index, share = np.full(count, FIRST_INDEX), usual_diffuse(sun, np.full(count, FIRST_INDEX))
    tried: list[tuple[Floats, Floats]] = []  # logs of the index assumed, and by how much it is too low
    for _ in range(ROUNDS):
        with np.errstate(invalid="ignore", divide="ignore"):
            usual = beam * (1.0 - share) + diffuse * share
            well_lit = usual >= LIT * usual.max(axis=0)
            ratio = np.where((say > 0.0) & (seen > DARKEST * usual) & well_lit, seen / usual, np.nan)
        found = np.clip(np.nan_to_num(_median(ratio), nan=FIRST_INDEX), DARKEST, 1.4)
        tried.append((np.log(index), np.log(found / index)))
        index = np.exp(_root(tried))
        share = usual_diffuse(sun, index)
    return index, share


def _root(tried: list[tuple[Floats, Floats]]) -> Floats:
    """Where what an index lacks is nothing, by the last two that were tried (secant; logs).

    The more light, the more of it is beam, and the less a plane that faces a low sun needs to see as much:
    what follows from an index lies on the other side of the truth, and going there would swing for ever.
    """
    at, lacks = tried[-1]
    if len(tried) == 1:
        return at + lacks / 2.0
    before, lacked = tried[-2]
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.nan_to_num((lacks - lacked) / (at - before), nan=-1.0)
    return np.clip(at - lacks / np.minimum(slope, -1.0), np.log(DARKEST), np.log(1.4))


def _median(values: Floats) -> Floats:
    """Median over the J witnesses, (n,), NaN of none. From some on all are sorted at once."""
    if len(values) < MANY:
        return np.asarray(bn.nanmedian(np.ascontiguousarray(values.T), axis=1))
    low, high = middles(values)
    return np.asarray((low + high) / 2.0)
