"""The assets of one site beside each other: what the sound ones deliver at each instant.

>>> import numpy as np
>>> sound = agreeing(np.array([[0.90, 0.91, 0.89, 0.40]]), least=3)  # one day, four assets
>>> sound.tolist()
[[True, True, True, False]]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import bottleneck as bn
import numpy as np

from ooda.detect.sky import Floats, Ints, Mask, place_of_days, solar_days
from ooda.detect.track import Days, Indices, Track

GAMMA = -0.004
"""Power temperature coefficient of crystalline silicon, 1/°C (PVWatts v5, NREL/TP-6A20-62641)."""
HOTTEST_C = 60.0
"""°C. A device hotter than this is hot by itself: its heat must not excuse what it does not deliver."""
BRIGHT = 0.2
"""Of 1 000 W/m². Instants with less light say little about an asset's level."""
AGREEMENT = 0.10
"""Share of the level. Assets of one site whose daily levels lie this close are taken to be sound."""
HELD_SHARE = 0.004
"""Power that moves less than this share of capacity between readings is held."""


WORKS, NO_POWER = 0.15, 0.005
"""Shares of capacity (0…1): there is something to give where the best asset gives more than the first; one
that gives no more than the second stands still."""


def sun_driver(irradiance: Floats, temperature: Floats) -> Floats:
    """PVWatts' normalised DC power G/1000 · (1 + γ (T − 25 °C)), shape (n,); NaN without irradiance.

    A missing temperature counts as 25 °C. Source: Dobos, PVWatts Version 5 Manual, eq. 8.
    """
    warm = np.minimum(np.where(np.isfinite(temperature), temperature, 25.0), HOTTEST_C)
    return np.asarray(np.maximum(irradiance, 0.0) / 1000.0 * (1.0 + GAMMA * (warm - 25.0)))


@dataclass(frozen=True)
class Beside:
    """What an asset's neighbours do at its n instants, shape (n,), NaN where too few report.

    `share`: median of power over capacity; `held`: share of them whose power is held at one level (0…1);
    `off`: share without power while the best works. Of its D days: `in_turn`, (D,), share that stood still
    for a part of the day. `others`: how many neighbours there are.
    """

    share: Floats
    held: Floats
    off: Floats
    in_turn: Floats
    others: int = 0

    @classmethod
    def none(cls, n: int, days: int, others: int = 0) -> Beside:
        """No neighbours, or too few."""
        nothing = np.full(n, np.nan)
        return cls(nothing, nothing, nothing, np.full(days, np.nan), others)


@dataclass(frozen=True)
class Site:
    """The site's assets of reference (R of them) on a common clock (T instants).

    `minutes`, (T,), since 1970; `share` and `held`, (T, R), as in `Beside`; `level`, (D, R), each day's
    level; `least`: how many must stand beside an asset before it is judged by them.
    """

    names: tuple[str, ...]
    minutes: Floats
    share: Floats
    held: Floats
    level: Floats
    days: Days
    least: int

    @classmethod
    def of(cls, chosen: list[Track], least: int) -> Site:
        """From the tracks of the assets of reference."""
        minutes, day = _common(chosen)
        shape = (len(minutes), len(chosen))
        share, held = np.full(shape, np.nan), np.full(shape, np.nan)
        days = Days.of(day)
        level = np.full((len(days), len(chosen)), np.nan)
        for column, track in enumerate(chosen):
            rows = _rows(minutes, track.sky.minutes)
            driver = sun_driver(track.irradiance, track.temperature)
            own, bright = np.full(len(minutes), np.nan), np.full(len(minutes), np.nan)
            own[rows] = track.share
            with np.errstate(invalid="ignore", divide="ignore"):
                bright[rows] = np.where(driver > BRIGHT, track.share / driver, np.nan)
            share[:, column] = own
            held[rows, column] = np.where(np.isfinite(track.power), is_held(track.share), np.nan)
            by_sun = days.median(bright)
            by_share = days.sum(own, own > 0) / np.maximum(days.count(np.isfinite(own)), 1)
            level[:, column] = np.where(
                np.isfinite(by_sun), by_sun, np.where(by_share > 0, by_share, np.nan)
            )
        names = tuple(track.asset.id for track in chosen)
        return cls(names, minutes, share, held, level, days, least)

    @cached_property
    def _ranked(self) -> Floats:
        """Shares, (T, R), each row in rising order, NaN last."""
        return np.sort(self.share, axis=1)

    @cached_property
    def stopped(self) -> Floats:
        """1 where an asset gives no power while the best works, 0 where it gives some; else NaN. (T, R)."""
        with np.errstate(invalid="ignore"):
            work = bn.nanmax(self.share, axis=1) > WORKS
            return np.where(work[:, None] & np.isfinite(self.share), self.share <= NO_POWER, np.nan)

    @cached_property
    def off_and_there(self) -> tuple[Ints, Ints]:
        """How many give no power while the best works, and of how many that is known, (T,) each."""
        return (self.stopped == 1.0).sum(axis=1), np.isfinite(self.stopped).sum(axis=1)

    @cached_property
    def stood_still(self) -> Mask:
        """Which assets stood still for a part of the day only, two readings or more, (D, R); a roof that
        the sun reaches later than the best, or leaves earlier, did not."""
        days = self.days
        still = np.stack([days.sum(column, _between(column, days)) for column in self.stopped.T], axis=1)
        return np.asarray(still >= 2)

    def off(self, track: Track, rows: Indices, most: float) -> Floats:
        """1 where one of the others gives at most `most` of its capacity at an asset's instants, 0 where it
        gives more, NaN where it does not report; (len(rows), R)."""
        others = [n for n, name in enumerate(self.names) if name != track.asset.id]
        at = np.minimum(np.searchsorted(self.minutes, track.sky.minutes[rows]), len(self.minutes) - 1)
        share = self.share[at][:, others]
        there = np.isfinite(share) & (self.minutes[at] == track.sky.minutes[rows])[:, None]
        with np.errstate(invalid="ignore"):
            return np.where(there, share <= most, np.nan)

    def beside(self, track: Track) -> Beside:
        """The others, as one asset sees them."""
        others = [n for n, name in enumerate(self.names) if name != track.asset.id]
        if len(others) < self.least:
            return Beside.none(len(track), len(track.days), len(others))
        sound = agreeing(self.level[:, others], self.least)
        day = np.minimum(np.searchsorted(self.days.number, track.days.number), len(self.days) - 1)
        view = _View.of(self, track, others, sound)
        return Beside(
            view.middle(),
            view.together(),
            view.off(),
            self.stood_still[day][:, others].mean(axis=1),
            len(others),
        )


@dataclass(frozen=True)
class _View:
    """An asset's look at the others at its n instants.

    `at`: where these stand on the site's clock; `present`: which of them are on it; `whole`: at which all
    assets of the site are sound and report.
    """

    site: Site
    at: Indices | slice
    own: int | None
    others: list[int]
    sound: Mask
    present: Mask
    whole: Mask

    @classmethod
    def of(cls, site: Site, track: Track, others: list[int], sound: Mask) -> _View:
        at = _rows(site.minutes, track.sky.minutes)
        present = np.ones(len(track), dtype=bool)
        if isinstance(at, np.ndarray):
            at = np.minimum(at, len(site.minutes) - 1)
            present = site.minutes[at] == track.sky.minutes
        own = next((n for n, name in enumerate(site.names) if name == track.asset.id), None)
        whole: Mask = np.isfinite(site._ranked[:, -1]) & np.all(sound, axis=1)[site.days.row]
        return cls(site, at, own, others, sound, present, whole[at] & present)

    def middle(self) -> Floats:
        """Median of the sound others' shares, (n,), NaN where too few report. Where all are sound and
        report it is read off all assets in rising order, of which one, the asset's own, is left out."""
        low, high = (len(self.others) - 1) // 2, len(self.others) // 2
        out = self._of_rank(low)
        if high > low:
            out = (out + self._of_rank(high)) / 2.0
        out = np.where(self.whole, out, np.nan)
        some = np.flatnonzero(~self.whole & self.present & np.isfinite(self.site._ranked[:, 0])[self.at])
        sound = self._sound_ones(self.site.share, some)
        out[some] = np.where(self._enough(some), bn.nanmedian(sound, axis=1), np.nan)
        return out

    def together(self) -> Floats:
        """Mean of the sound others' `held`, (n,), NaN where too few report."""
        held = self.site.held
        total = bn.nansum(held, axis=1)[self.at]
        if self.own is not None:
            total = total - held[self.at, self.own]
        out = np.where(self.whole, total / len(self.others), np.nan)
        some = np.flatnonzero(~self.whole & self.present)
        with np.errstate(invalid="ignore"):
            means = bn.nanmean(self._sound_ones(held, some), axis=1)
        out[some] = np.where(self._enough(some), means, np.nan)
        return out

    def off(self) -> Floats:
        """Share of the others without power while the best works, (n,), NaN where none reports."""
        stopped = self.site.stopped
        off, of = (count[self.at] for count in self.site.off_and_there)
        if self.own is not None:
            own = stopped[self.at, self.own]
            off, of = off - (own == 1.0), of - np.isfinite(own)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.present, off / of, np.nan)

    def _of_rank(self, rank: int) -> Floats:
        this = self.site._ranked[self.at, rank]
        if self.own is None:
            return np.asarray(this)
        mine = self.site.share[self.at, self.own]
        return np.where(mine <= this, self.site._ranked[self.at, rank + 1], this)

    def _sound_ones(self, values: Floats, some: Indices) -> Floats:
        rows = some if isinstance(self.at, slice) else self.at[some]
        return np.where(self.sound[self.site.days.row[rows]], values[rows][:, self.others], np.nan)

    def _enough(self, some: Indices) -> Mask:
        return np.asarray(
            np.isfinite(self._sound_ones(self.site.share, some)).sum(axis=1) >= self.site.least
        )


def _between(stopped: Floats, days: Days) -> Mask:
    """The readings after an asset's first work of the day and before its last, (T,)."""
    works = stopped == 0.0
    so_far = np.cumsum(works)
    before = so_far - (so_far - works)[days.first][days.row]
    return np.asarray((before > 0) & (before < days.count(works)[days.row]))


def _common(tracks: list[Track]) -> tuple[Floats, Ints]:
    """All instants of several assets, (T,), and their solar days."""
    if all(track.sky is tracks[0].sky for track in tracks):
        return tracks[0].sky.minutes, tracks[0].sky.day
    minutes = np.unique(np.concatenate([t.sky.minutes for t in tracks]))
    return minutes, solar_days(minutes, place_of_days(tracks[0].asset))


def _rows(minutes: Floats, own: Floats) -> Indices | slice:
    """Where an asset's instants stand among all."""
    return slice(None) if own is minutes else np.searchsorted(minutes, own)


def is_held(share: Floats) -> Mask:
    """Where power is held at one level between 15 and 97 % of capacity, shape (n,)."""
    change = np.abs(np.diff(share, prepend=share[:1]))
    after = np.append(change[1:], np.inf)
    with np.errstate(invalid="ignore"):
        still = (np.minimum(change, after) <= HELD_SHARE) & (share > 0.15) & (share < 0.97)
    return np.asarray(still)


def agreeing(level: Floats, least: int) -> Mask:
    """Which of each day's assets belong to the largest group that agrees within `AGREEMENT`, if it has
    `least` members.

    `level` and the answer have the shape (D, R). Assets with faults of their own are no reference; a bad
    weather sensor shifts all alike and does no harm. Of two groups of one size the one that delivers more
    is taken.
    """
    with np.errstate(invalid="ignore"):
        near = np.abs(level[:, :, None] - level[:, None, :]) <= AGREEMENT * level[:, :, None]
    size = near.sum(axis=2)
    rank = size + np.nan_to_num(level) / (1.0 + np.nanmax(level, axis=1, keepdims=True, initial=1e-9))
    best = np.argmax(np.where(np.isfinite(level), rank, -1.0), axis=1)
    rows = np.arange(len(level))
    return np.asarray(near[rows, best] & (size[rows, best] >= least)[:, None])
