"""How well planes suit witnesses, by the sky that the other witnesses of the same half hours tell of.

Few days of a dull season are clear, and mornings may be dull more often than afternoons; the upper envelope
(`plane_fit.py`) then tilts a plane to where the sun was seen. What the others saw in the same half hours
cancels the clouds.
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.sky import SLOTS, Floats
from ooda.detect.witnesses.planes import Lie, Sun, seen_by, seen_by_fixed, usual_diffuse
from ooda.detect.witnesses.profiles import Profiles, sun_at

MOST_DAYS = 12
"""Days that are looked at, evenly taken."""
LOWEST_SUN = 8.0
"""Degrees. Below it horizons and haze decide."""
LIT = 0.5
"""Of what the best lit plane sees: others with less are not asked how clear it is."""
EASY = 0.02
"""Share of capacity up to which an error counts by its square."""


@dataclass(frozen=True)
class HalfHours:
    """Some half hours with what J witnesses gave, share of capacity, (J, N), NaN where nothing; the sun."""

    share: Floats
    sun: Sun

    @classmethod
    def of(cls, profiles: Profiles, latitude: float, air: float, top: Floats) -> HalfHours:
        """From profiles; `top`, (J,): what a witness gives at most, from where it may be clipped."""
        rows = np.unique(np.linspace(0, len(profiles.day) - 1, MOST_DAYS).astype(int))
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

    def errors(self, tilt: Floats, azimuth: Floats, lies: list[Lie], gains: list[float]) -> Floats:
        """How badly each of P planes suits each witness, by what the others tell, (J, P)."""
        beam, diffuse = seen_by_fixed(tilt[:, None], azimuth[:, None], self.sun)
        each = self.index(lies, gains)
        out = np.zeros((len(self.share), len(tilt)))
        for j, own in enumerate(self.share):
            index = bn.nanmedian(np.delete(each, j, axis=0), axis=0)
            there = np.isfinite(own) & np.isfinite(index)
            if there.sum() < SLOTS:
                continue
            index, own = np.clip(index[there], 0.02, 1.4), own[there]
            split = usual_diffuse(self.sun.at(there), index)
            scale = index * self.sun.clear[there]
            power = beam[:, there] * (scale * (1.0 - split)) + diffuse[:, there] * (scale * split)
            gain = (power @ own) / np.maximum((power * power).sum(axis=1), 1e-9)
            size = (gain[:, None] * power - own) / EASY
            out[j] = ((np.sqrt(1.0 + size * size) - 1.0).mean(axis=1)) * 2.0 * EASY**2
        return out
