"""What is learned of each witness from its profiles: plane, gain, shape; and from which day on it holds.

Planes are fitted when a site has 14, 28 and 60 days (without a sensor 5 and 9 too) and then every 60,
from the 60 before. What a season shows of a plane is off by its haze and its low sun, so a plane lies in
the middle of what the seasons of a year showed. A file is cut into parts at these days, so that one long
file and many of a day learn the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import bottleneck as bn
import numpy as np

from ooda.config.detection import ReferenceRules
from ooda.detect.levels import CLEAR, MIN_SHAPE_DAYS, Baseline, Levels, baseline
from ooda.detect.peers import BRIGHT
from ooda.detect.rolling import FIRST_DAYS, before_each, ends_of, windows
from ooda.detect.sky import SLOTS, Floats, Ints, Mask
from ooda.detect.witnesses import clear_sky
from ooda.detect.witnesses.alike import strange_forms
from ooda.detect.witnesses.joiners import laid_as, roof_of
from ooda.detect.witnesses.plane_fit import fit
from ooda.detect.witnesses.planes import Lie, Sun, apart, middle_of, seen_by
from ooda.detect.witnesses.profiles import KEEP_PROFILES, Profiles
from ooda.detect.witnesses.season import USUAL_SLOPE, gain_of_season
from ooda.detect.witnesses.sky_state import MAJORITY, solve
from ooda.documents.asset_history import LearnedPlane

EARLY, FITS, THEN_EVERY = (5, 9), (14, 28, 60), 60
"""Days of a site at which planes are fitted; the early ones where no sensor tells of the sky."""
ALIKE_DEG = 15.0
"""Degrees between two planes below which their levels can be compared."""
SEASONS = 6
"""Fits of 60 days each whose middle is believed: a year."""
RECENT_DAYS = 60
"""Days on which planes, and levels under clouds, are learned."""
LEAST_PLACED = 2
"""Witnesses that are known to lie as they do, beside whom the others are silent."""
ASSUMED_GAIN = 0.9
"""Power over capacity at 1 kW/m² and 25 °C, where nothing can be learned: our assumption."""
OWN_HEAT = 0.12
"""Of power at 1 kW/m²: a module in more sun than its neighbours is warmer (0.03 °C m²/W · 0.004 /°C)."""
LEAST_SHARE = 0.08
"""kW/m² on a plane. In less light what a witness gives for it is noise."""
LEAST_DARK = 0.01
"""kW/m² of the sky's own light on a plane: less is not divided by."""
NEAR_CAPACITY = 0.93
"""Of capacity. A half hour above it may have been clipped, and says nothing of gain and shape."""
DULL, LEAST_DULL, MOST_DULL = 0.45, 0.7, 1.05
"""Of the clear sky's light: below it an instant is dull. The least and the most that is believed of a dull
level: what lies above is a plane that is wrong."""
LEAST_SHAPE, MOST_SHAPE = 0.2, 1.5
"""Of a shape: more or less is no horizon and no plane, but a quotient of little light."""
FORM_ROUNDS, FORM_DAYS = 2, 30
"""Rounds in which the form of the days and their gains are told apart, and the days of a form."""
IN_PLANE_DEG, SLOPE_IN_PLANE = 5.0, 0.15
"""Degrees within which a sensor lies in its machine's plane; how far the gain usually goes with the season
where it does: standard deviation of log by log."""
CLEAR_SLOTS, CLEAR_DAYS = 3, 0.2
"""A gain is best learned under a clear sky: from so many half hours of a day, if a fifth of the days have
them."""


@dataclass(frozen=True)
class Witness:
    """A machine or a sensor: where it is assumed to lie, whether that is known, what was learned of it
    before, and whether it has a say (or is only told of)."""

    usual: Lie
    given: bool
    sensor: bool
    before: LearnedPlane | None
    speaks: bool = True


@dataclass(frozen=True)
class Part:
    """Days `first` to `last` (rows of the profiles) in which planes stay as they are. Of J witnesses:
    `learned`, what to expect of each day, `base` (of D days each), and `dull`: what it gives under clouds
    over what it gives otherwise, (D,). `placed`: of which it is known how they lie, or that they
    lie as the others do. `clouds`: where one machine is all there is (`clear_sky.py`). `lone`: whether it
    is one machine and its sensor."""

    first: int
    last: int
    learned: list[LearnedPlane]
    lies: list[Lie]
    base: list[Baseline]
    dull: list[Floats]
    placed: list[bool]
    clouds: clear_sky.Clouds | None = None
    lone: bool = False

    @property
    def turned(self) -> bool:
        """Whether a lone machine's sensor lies otherwise than it, or the days were too dark to know."""
        sensor = self.learned[1] if self.lone else None
        if sensor is None or not sensor.days:
            return False
        return not sensor.seasons or apart(*self.lies) > IN_PLANE_DEG

    @property
    def unsure(self) -> bool:
        """Whether that was learned of too few days to tell a loss from a wrong plane."""
        return self.turned and (not self.learned[1].seasons or self.learned[1].days < FITS[1])

    def unlike(self, j: int) -> bool:
        """Whether planes are known from a few weeks only, and no other witness lies as this one: what the
        sun's way changes in the weeks after then looks like a small loss."""
        others = [lie for n, lie in enumerate(self.lies) if n != j]
        young = self.learned[j].days < FITS[-1]
        return young and bool(others) and _lies_alone(self.lies[j], others)

    def level(self, j: int) -> Floats:
        """The gain that is expected of a witness on each day, (D,)."""
        gain = self.base[j].gain
        return np.where(np.isfinite(gain), gain, 1.0) * self.learned[j].gain

    def usual_level(self, those: Sequence[int]) -> Floats:
        """The median of what is expected of some witnesses, (D,); NaN of nobody."""
        if not those:
            return np.full(self.last - self.first, np.nan)
        return np.asarray(bn.nanmedian([self.level(j) for j in those], axis=0))

    def shape(self, j: int) -> Floats:
        """Its shape, (D, 48)."""
        shape = self.base[j].shape
        return np.where(np.isfinite(shape), np.clip(shape, LEAST_SHAPE, MOST_SHAPE), 1.0)


def parts_of(
    witnesses: list[Witness],
    profiles: Profiles,
    first: int,
    count: int,
    place: tuple[float, float] | None,
    rules: ReferenceRules,
) -> list[Part]:
    """The parts of a file whose days begin at row `first` of the profiles; `count`: how many days the site
    has before it."""
    days = len(profiles.day)
    own, early = days - first, not any(w.sensor for w in witnesses)
    cuts = [first + n for n in range(1, own) if _fits(count + n, early) != _fits(count + n - 1, early)]
    cuts = [cut for cut in cuts if count + cut - first > FIRST_DAYS or count >= FIRST_DAYS]
    parts = []
    learned: Sequence[LearnedPlane | None] = [w.before for w in witnesses]
    for start, end in zip([first, *cuts], [*cuts, days], strict=True):
        known = count + start - first
        due = _fits(known if known >= FIRST_DAYS else min(FIRST_DAYS, count + own), early)
        if any(item is None or item.days != due for item in learned):
            until = start if known >= FIRST_DAYS else min(first + FIRST_DAYS - known, days)
            window = profiles.between(max(0, until - RECENT_DAYS), until)
            learned = _learn(witnesses, learned, window, place[0] if place and due else None, due)
        planes = [item for item in learned if item]
        seen = profiles.between(
            max(0, start - RECENT_DAYS), max(start + 1, min(end, first + FIRST_DAYS - count))
        )
        placed = [True] * len(witnesses)
        if place:
            looked_at = max(0, start - RECENT_DAYS), max(start + 1, end)
            planes, joined = _with_joiners(witnesses, planes, profiles, looked_at)
            placed = [was or j in joined for j, was in enumerate(_placed(witnesses, planes, seen))]
        parts.append(_part(witnesses, planes, placed, profiles, start, end, place, rules))
    return parts


def _fits(count: int, early: bool) -> int:
    """The last day on which planes were fitted, of a site with so many days; 0: none."""
    if count >= FITS[-1]:
        return FITS[-1] + (count - FITS[-1]) // THEN_EVERY * THEN_EVERY
    return max((day for day in (*(EARLY if early else ()), *FITS) if day <= count), default=0)


def _known(witnesses: list[Witness], learned: list[LearnedPlane]) -> list[bool]:
    """Of which witnesses the registry or a fit says how they lie."""
    return [w.given or bool(plane.seasons) for w, plane in zip(witnesses, learned, strict=True)]


def _placed(witnesses: list[Witness], learned: list[LearnedPlane], seen: Profiles) -> list[bool]:
    """Of which witnesses it is known how they lie: by the registry, by a fit, or while there is none of any
    machine by the form of their days, which is that of the others."""
    known = _known(witnesses, learned)
    machines = [j for j, w in enumerate(witnesses) if not w.sensor]
    if any(known[j] for j in machines):
        return [w.sensor or fitted for w, fitted in zip(witnesses, known, strict=True)]
    strange = dict(zip(machines, strange_forms(seen.share[machines]).tolist(), strict=True))
    return [not strange.get(j, False) for j in range(len(witnesses))]


def _with_joiners(
    witnesses: list[Witness], learned: list[LearnedPlane], profiles: Profiles, days: tuple[int, int]
) -> tuple[list[LearnedPlane], set[int]]:
    """The planes with those of machines that came later, as of the roof whose form they have, and which
    machines these are."""
    known, out, joined = _known(witnesses, learned), list(learned), set[int]()
    machines = [j for j, w in enumerate(witnesses) if not w.sensor]
    fitted = [j for j in machines if known[j]]
    for j in (j for j in machines if fitted and not known[j]):
        roof = roof_of(j, fitted, learned, profiles, days, ALIKE_DEG)
        if roof:
            out[j] = laid_as(learned[j], [learned[k] for k in roof])
            joined.add(j)
    return out, joined


def _learn(
    witnesses: list[Witness],
    before: Sequence[LearnedPlane | None],
    window: Profiles,
    latitude: float | None,
    days: int,
) -> list[LearnedPlane]:
    """Planes and gains. Those who speak are fitted together, the others each for itself. `before`: what
    was learned before."""
    usual = [w.usual for w in witnesses]
    out = [
        LearnedPlane(tilt=lie.tilt, azimuth=lie.azimuth, gain=1.0 if w.sensor else ASSUMED_GAIN, days=days)
        for lie, w in zip(usual, witnesses, strict=True)
    ]
    if latitude is None:
        return out
    speakers = [j for j, w in enumerate(witnesses) if w.speaks]
    for group in [speakers, *([j] for j in range(len(witnesses)) if j not in speakers)]:
        found = fit(
            Profiles(window.day, window.share[group]),
            latitude,
            [usual[j] for j in group],
            [witnesses[j].given for j in group],
            [witnesses[j].sensor for j in group],
        )
        for j, plane in zip(group, found, strict=True):
            old = before[j]
            if plane is not None:
                seasons = old.seasons if old and days > RECENT_DAYS else []  # until then all days are new
                seen = (round(plane.lie.tilt, 1), round(plane.lie.azimuth, 1))
                seasons = [*seasons, seen][-SEASONS:]
                lie = middle_of([Lie(*season) for season in seasons])
                out[j] = LearnedPlane(
                    tilt=round(lie.tilt, 1),
                    azimuth=round(lie.azimuth, 1),
                    gain=round(float(np.clip(plane.gain, 0.3, 3.0)), 3),
                    days=days,
                    seasons=seasons,
                    still="fixed" == plane.lie.follows != usual[j].follows and not _is_lone(witnesses),
                )
            elif old is not None and old.seasons:  # a dark season shows nothing
                out[j] = old.model_copy(update={"days": days})
    return out


def _part(
    witnesses: list[Witness],
    learned: list[LearnedPlane],
    placed: list[bool],
    profiles: Profiles,
    first: int,
    last: int,
    place: tuple[float, float] | None,
    rules: ReferenceRules,
) -> Part:
    start = max(0, first - KEEP_PROFILES)
    window = profiles.between(start, last)
    light = window.light(place)
    lies = [
        Lie(
            plane.tilt,
            plane.azimuth,
            "fixed" if plane.still else w.usual.follows,
            dome=w.sensor and plane.tilt < IN_PLANE_DEG,
        )
        for plane, w in zip(learned, witnesses, strict=True)
    ]
    past, clouds, told = first - start, None, None
    if sum(w.speaks for w in witnesses) == 1:
        levels, clouds, told = _by_clear_sky(learned, lies, window, light, past)
    else:
        levels = _levels(_speaking(witnesses, placed), learned, lies, window, light)
    base, dull = [], []
    for j, of_all in enumerate(levels):
        season = _season(j, witnesses, lies, light, rules, past)
        earlier, own = _rows(of_all, 0, past), _rows(of_all, past, last - start)
        of_days = baseline(earlier, own, rules, season)
        if clouds is not None and told is not None:
            every = np.concatenate((earlier.gain, own.gain))
            before = windows(every, ends_of(len(every), len(own.gain)), rules.baseline_days)
            of_days = replace(of_days, gain=clear_sky.followed(before))
            clouds = replace(clouds, clear=clear_sky.bright(*told, of_days.gain, of_days.count))
        base.append(of_days)
        usual = before_each(earlier.cloudy, own.cloudy, RECENT_DAYS)
        if sum(w.speaks and not w.sensor for w in witnesses) > 1:  # neighbours have the same clouds
            usual = np.ones(last - first)
        dull.append(_believed(usual))
    return Part(first, last, learned, lies, base, dull, placed, clouds, _is_lone(witnesses) and light.known)


def _season(
    j: int, witnesses: list[Witness], lies: list[Lie], light: Sun, rules: ReferenceRules, past: int
) -> Callable[[Floats, Ints], Floats] | None:
    """What the gains of a machine that has no machine beside it in its plane were in another season; None
    where neighbours share it."""
    if not light.known or witnesses[j].sensor or lies[j].follows != "fixed":
        return None
    others = [n for n, w in enumerate(witnesses) if n != j and w.speaks]
    machines = [n for n in others if not witnesses[n].sensor]
    if not others or not _lies_alone(lies[j], [lies[n] for n in machines]):
        return None
    towards = [lies[n] for n in machines] or [Lie(0.0, 180.0)]
    own, *of = (
        clear_sky.power(*seen_by(lie, light), light).reshape(-1, SLOTS).sum(axis=1)
        for lie in (lies[j], *towards)
    )
    season = np.log(own / np.mean(of, axis=0))
    in_plane = not machines and apart(*lies) <= IN_PLANE_DEG
    usual = SLOPE_IN_PLANE if in_plane else USUAL_SLOPE

    def as_now(gains: Floats, ends: Ints) -> Floats:
        return gain_of_season(gains, windows(season, ends, rules.baseline_days), season[past:], usual)

    return as_now


def _lies_alone(lie: Lie, others: Sequence[Lie]) -> bool:
    """Whether no other plane is so near that their levels can be compared."""
    return all(apart(other, lie) >= ALIKE_DEG for other in others)


def _speaking(witnesses: list[Witness], placed: list[bool]) -> list[Witness]:
    """The same witnesses: where some are known to lie as they do, the others are only judged. One that is
    known alone has nobody but the others to tell of it."""
    if sum(w.speaks and known for w, known in zip(witnesses, placed, strict=True)) < LEAST_PLACED:
        return witnesses
    return [replace(w, speaks=w.speaks and known) for w, known in zip(witnesses, placed, strict=True)]


def _rows(levels: Levels, first: int, last: int) -> Levels:
    return Levels(*(getattr(levels, name)[first:last] for name in levels.__dataclass_fields__))


def _levels(
    witnesses: list[Witness], learned: list[LearnedPlane], lies: list[Lie], window: Profiles, light: Sun
) -> list[Levels]:
    """Each witness's gain and shape of each day, against the sky that all of them tell of."""
    d = len(window.day)
    gain = np.array([plane.gain for plane in learned])[:, None]
    free = np.array([np.inf if w.sensor else NEAR_CAPACITY for w in witnesses])[:, None]
    share = window.share.reshape(len(witnesses), -1)
    seen = np.where(share < free, share, np.nan) / gain
    beam, diffuse = views(lies, light)
    warm = heat(seen, lies, [w.sensor for w in witnesses])
    seen = seen if warm is None else seen / (1.0 - OWN_HEAT * (seen - warm))
    say = np.isfinite(seen) * np.array(_who_speaks(witnesses), dtype=float)[:, None]
    state = solve(seen, beam, diffuse, say, light)
    unknown, result, index = np.full(d, np.nan), [], state.index.reshape(d, SLOTS)
    machines = sum(w.speaks and not w.sensor for w in witnesses)
    for j in range(len(witnesses)):
        row = j if len(beam) > 1 else 0
        due = state.seen_without((), beam[row] * light.clear, diffuse[row] * light.clear)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(due > LEAST_SHARE, seen[j] / due, np.nan).reshape(d, SLOTS)
            bright = np.where(due.reshape(d, SLOTS) > BRIGHT, ratio, np.nan)
            clear = np.where(index >= CLEAR, bright, np.nan)
        best, level = _gains(bright, clear)
        form = np.ones_like(ratio)
        for _ in range(FORM_ROUNDS if machines == 1 else 0):  # neighbours have the same clear hours
            form = _usual_form(bright / level[:, None], clear / level[:, None])
            best, level = _gains(bright / form, clear / form)
        with np.errstate(invalid="ignore"):
            relative = ratio / level[:, None]
            cloudy = np.where(index < DULL, relative / form, np.nan)
        dull = np.where(np.isfinite(cloudy).sum(axis=1) >= CLEAR_SLOTS, _median(cloudy), np.nan)
        if machines == 1:
            usual = before_each(dull[:0], dull, RECENT_DAYS)
            relative /= under_clouds(_believed(usual)[:, None], index)
        result.append(Levels(window.day, best, unknown, dull, relative))
    common = _common(
        [of_all.gain for of_all, w in zip(result, witnesses, strict=True) if w.speaks and not w.sensor]
    )
    return [replace(of_all, gain=of_all.gain / common) for of_all in result]


def _believed(dull: Floats) -> Floats:
    """Levels under clouds as far as they are believed; 1 where they are unknown."""
    return np.clip(np.where(np.isfinite(dull), dull, 1.0), LEAST_DULL, MOST_DULL)


def under_clouds(dull: Floats, index: Floats) -> Floats:
    """What clouds leave of a level, from the level when it is dull, by the clear-sky index."""
    return np.asarray(1.0 + (dull - 1.0) * np.clip((CLEAR - index) / (CLEAR - DULL), 0.0, 1.0))


def _gains(bright: Floats, clear: Floats) -> tuple[Floats, Floats]:
    """The gain of each of D days, (D,), from the ratios of bright and of clear half hours, (D, 48): under a
    clear sky where enough days have one; and the same with what bright half hours say of the rest."""
    of_day = _median(bright)
    by_clear = np.where(np.isfinite(clear).sum(axis=1) >= CLEAR_SLOTS, _median(clear), np.nan)
    best = by_clear if np.isfinite(by_clear).mean() >= CLEAR_DAYS else of_day
    return best, np.where(np.isfinite(best), best, of_day)


def _usual_form(bright: Floats, clear: Floats) -> Floats:
    """What the half hours usually give beside their day before each of D days, (D, 48): else the gain of a
    day depends on which of its hours were clear. Of clear half hours, else of bright ones, else 1."""
    clear, bright = (_before_each(rows) for rows in (clear, bright))
    form = np.where(np.isfinite(clear), clear, bright)
    return np.where(np.isfinite(form), np.clip(form, LEAST_SHAPE, MOST_SHAPE), 1.0)


def _before_each(rows: Floats) -> Floats:
    """The median of each column over the days before each, (D, S); the first ones stand in."""
    out = np.full(rows.shape, np.nan)
    first = min(FIRST_DAYS, len(rows))
    if len(rows) < MIN_SHAPE_DAYS:
        return out
    middle = bn.move_median(rows, min(FORM_DAYS, len(rows)), min_count=MIN_SHAPE_DAYS, axis=0)
    out[first:] = middle[first - 1 : -1]
    out[:first] = middle[first - 1]
    return out


def _common(gains: list[Floats]) -> Floats:
    """By how much the gains of all machines moved together on each day, (D,): the sky's error, not theirs.

    The sky is a mean of all: a machine that loses pulls it down, and the others seem to gain.
    """
    if len(gains) < MAJORITY:
        return np.ones(1)
    with np.errstate(invalid="ignore"):
        moved = np.log(gains) - bn.nanmedian(np.log(gains), axis=1)[:, None]
    return np.exp(np.nan_to_num(_median(np.ascontiguousarray(moved.T))))


def _by_clear_sky(
    learned: list[LearnedPlane], lies: list[Lie], window: Profiles, light: Sun, past: int
) -> tuple[list[Levels], clear_sky.Clouds, tuple[Floats, Floats, Mask]]:
    """Gain and shape of a lone machine on its clear days, and what clouds leave of it on others; of the
    part's days ratio, due and whether they are clear."""
    d = len(window.day)
    beam, diffuse = views(lies, light)
    due = clear_sky.power(beam[0], diffuse[0], light).reshape(d, SLOTS)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(due > LEAST_SHARE, window.share[0] / learned[0].gain / due, np.nan)
        high = np.where(light.sine.reshape(d, SLOTS) > clear_sky.LOW_SUN, due, 0.0)
        clear, level = clear_sky.clear_days(ratio, high)
        shape = np.where(clear[:, None], ratio / level[:, None], np.nan)
    known = past if past >= FIRST_DAYS else min(d, FIRST_DAYS)
    usual = np.median(level[:known][clear[:known]]) if clear[:known].any() else 1.0
    dark = due / np.maximum(diffuse[0] * light.clear, LEAST_DARK).reshape(d, SLOTS)
    clouds = clear_sky.clouds(ratio[:known] / usual, dark[:known], due[:known])
    unknown = np.full(d, np.nan)
    told = ratio[past:], high[past:], clear[past:]
    return [Levels(window.day, np.where(clear, level, np.nan), unknown, unknown, shape)], clouds, told


def _is_lone(witnesses: list[Witness]) -> bool:
    """Whether they are one machine and its sensor."""
    return [w.sensor for w in witnesses] == [False, True]


def _who_speaks(witnesses: list[Witness]) -> list[bool]:
    """Who decides what is usual. Of one machine and one sensor the sensor does: what changes is the
    machine's."""
    machines = sum(w.speaks and not w.sensor for w in witnesses)
    alone = machines == 1 and any(w.sensor for w in witnesses)
    return [w.speaks and (w.sensor or not alone) for w in witnesses]


def views(lies: list[Lie], light: Sun) -> tuple[Floats, Floats]:
    """What planes see of beam and diffuse light, (J, n) each; (1, n) where all lie alike."""
    seen = {lie: seen_by(lie, light) for lie in dict.fromkeys(lies)}
    lies = lies if len(seen) > 1 else lies[:1]
    return np.array([seen[lie][0] for lie in lies]), np.array([seen[lie][1] for lie in lies])


def heat(seen: Floats, lies: list[Lie], sensor: list[bool]) -> Floats | None:
    """What machines in the middle see, kW/m², (J, n), NaN-free: one in more sun is warmer than they. For a
    sensor its own value, as it loses nothing by warmth. None where all lie alike."""
    if len(set(lies)) == 1:
        return None
    machines = seen[: sensor.index(True)] if True in sensor else seen
    middle = np.nan_to_num(bn.nanmedian(np.ascontiguousarray(machines.T), axis=1))
    return np.where(np.array(sensor)[:, None], seen, middle)


def _median(rows: Floats) -> Floats:
    return np.asarray(bn.nanmedian(rows, axis=1))
