"""How well planes suit witnesses, by the sky that the other witnesses of the same half hours tell of.

Few days of a dull season are clear, and mornings may be dull more often than afternoons; the upper envelope
(`plane_fit.py`) then tilts a plane to where the sun was seen. What the others saw in the same half hours
cancels the clouds. Within a group that shares a plane the model of the sky falls out as well: what each
machine gives beside the others shows a few degrees, which are several per cent under a low sun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.sky import SLOTS, Floats
from ooda.detect.witnesses.planes import Lie, Sun, moved, seen_by, seen_by_fixed, tangents, usual_diffuse
from ooda.detect.witnesses.profiles import Profiles, sun_at

MOST_DAYS = 12
"""Days that are looked at, evenly taken."""
LOWEST_SUN = 8.0
"""Degrees. Below it horizons and haze decide."""
LIT = 0.5
"""Of what the best lit plane sees: others with less are not asked how clear it is."""
EASY = 0.02
"""Share of capacity up to which an error counts by its square."""

TURN = 0.02
"""Radians by which a plane is turned to see what that changes."""
USUAL_TURN, ROUGHNESS = 0.06, 0.03
"""Radians by which one machine's plane lies off that of its group (roofs sag, compasses err); noise of a
half hour, share of capacity, so large because that of neighbouring half hours is alike."""
ROUNDS = 3
"""Of the least squares with weights."""


@dataclass(frozen=True)
class HalfHours:
    """Some half hours with what J witnesses gave, share of capacity, (J, N), NaN where nothing; the sun."""

    share: Floats
    sun: Sun

    @classmethod
    def of(cls, profiles: Profiles, latitude: float, air: float, top: Floats, most: int) -> HalfHours:
        """From so many days of the profiles; `top`, (J,): what a witness gives at most, from where it may
        be clipped."""
        rows = np.unique(np.linspace(0, len(profiles.day) - 1, most).astype(int))
        elevation, azimuth = sun_at(profiles.day[rows], latitude)
        share = profiles.share[:, rows].reshape(len(profiles.share), -1)
        share = np.where(share < top[:, None], share, np.nan)
        lit = (elevation > LOWEST_SUN) & np.isfinite(share).any(axis=0)
        return cls(share[:, lit], Sun.of(elevation[lit], azimuth[lit], air))

    def index(self, lies: list[Lie], gains: list[float]) -> Floats:
        """The clear-sky index that each witness tells of, as it lies, (J, N)."""
        seen = {lie: seen_by(lie, self.sun) for lie in set(lies)}
        beam, diffuse = (np.array([seen[lie][n] for lie in lies]) for n in (0, 1))
        wanted = self.share / np.array(gains)[:, None] / self.sun.clear
        common = np.full(self.share.shape[1], 0.7)
        for _ in range(2):
            split = usual_diffuse(self.sun, common)
            usual = beam * (1.0 - split) + diffuse * split
            with np.errstate(invalid="ignore", divide="ignore"):
                each = np.where(usual >= LIT * usual.max(axis=0), wanted / usual, np.nan)
            common = np.clip(np.nan_to_num(bn.nanmedian(each, axis=0), nan=0.7), 0.02, 1.4)
        return each

    def leaning(
        self, machines: Mapping[int, Lie], lies: Mapping[int, Lie], gain: Mapping[int, float]
    ) -> dict[int, Lie]:
        """Each machine's own plane. `machines` have planes that they may share; `lies` and `gain` are those
        of all witnesses, in the order of the rows."""
        row = {j: n for n, j in enumerate(lies)}
        each = self.index(list(lies.values()), [gain[j] for j in lies])
        index = np.clip(np.nan_to_num(bn.nanmedian(each, axis=0), nan=0.7), 0.02, 1.4)
        split = usual_diffuse(self.sun, index)
        beam, diffuse = index * self.sun.clear * (1.0 - split), index * self.sun.clear * split

        def power(lie: Lie) -> Floats:
            of_beam, of_diffuse = seen_by(lie, self.sun)
            return np.asarray(beam * of_beam + diffuse * of_diffuse)

        out = {}
        for lie in dict.fromkeys(machines.values()):
            group = [j for j, of in machines.items() if of == lie]
            if len(group) < 2:
                continue
            usual, axes = power(lie), tangents(lie)
            turned = np.array([(power(moved(lie, TURN * axis)) - usual) / TURN for axis in axes])
            seen = self.share[[row[j] for j in group]] / np.array([gain[j] for j in group])[:, None]
            there = np.isfinite(seen).all(axis=0)
            for n, j in enumerate(group):
                others = np.delete(seen, n, axis=0)[:, there].mean(axis=0)
                turn = _turn(seen[n, there], others, turned[:, there])
                # the others' mean is off from the group's plane by what this one is off, over their number
                out[j] = moved(lie, (len(group) - 1) / len(group) * (turn @ axes))
        return out

    def errors(
        self, of: list[int], tilt: Floats, azimuth: Floats, lies: list[Lie], gains: list[float]
    ) -> Floats:
        """How badly each of P planes suits some of the witnesses, by what the others tell, (len(of), P)."""
        beam, diffuse = seen_by_fixed(tilt[:, None], azimuth[:, None], self.sun)
        each = self.index(lies, gains)
        out = np.zeros((len(of), len(tilt)))
        for row, j in enumerate(of):
            index = bn.nanmedian(np.delete(each, j, axis=0), axis=0)
            there = np.isfinite(self.share[j]) & np.isfinite(index)
            if there.sum() < SLOTS:
                continue
            own, index = np.where(there, self.share[j], 0.0), np.clip(np.nan_to_num(index), 0.02, 1.4)
            split = usual_diffuse(self.sun, index)
            scale = np.where(there, index * self.sun.clear, 0.0)
            power = beam * (scale * (1.0 - split))
            power += diffuse * (scale * split)
            gain = (power @ own) / np.maximum(np.einsum("pn,pn->p", power, power), 1e-9)
            power *= gain[:, None]
            power -= own
            out[row] = cost(power) / there.sum()
        return out


def _turn(own: Floats, others: Floats, turned: Floats) -> Floats:
    """By how many radians a plane is turned about each of two axes, (2,): least squares of `own` by
    `others`, (N,), a gain free, and by what turns change, `turned` (2, N); far ones count less."""
    shapes = np.vstack((others, turned))
    prior = np.diag([1e-9, *[(ROUGHNESS / USUAL_TURN) ** 2] * 2])
    x: Floats = np.zeros(3)
    for _ in range(ROUNDS):
        weight = 1.0 / (1.0 + ((own - others - x @ shapes) / EASY) ** 2)
        x = np.asarray(
            np.linalg.solve((shapes * weight) @ shapes.T + prior, (shapes * weight) @ (own - others)),
            dtype=float,
        )
    return np.asarray(x[1:])


def cost(errors: Floats) -> Floats:
    """What errors of share of capacity cost, (P, n), in sum (P,): their square while small, then their
    size. The array itself is used up."""
    np.square(errors, out=errors)
    errors += EASY**2
    np.sqrt(errors, out=errors)
    return np.asarray(2.0 * EASY * (errors.sum(axis=1) - EASY * errors.shape[1]))
