"""Expected power of a wind turbine, from everything that foretells it.

Three witnesses speak: its own anemometer, the median of the others' anemometers, and the median of the
others' power. Each has a curve of its own from the turbine's earlier days (`power_curve.py`), where
direction is measured a factor by sector of 30°, and the spread that it showed. They count by how well
they foretold. Nobody is asked beyond what was known before: there nothing is expected.

A long file is judged as its days would be, one after the other: each by the days before it, without those
on which the turbine gave too little (they would teach the fault), and for each witness without those on
which it contradicted the others (`witnesses.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ona.runtime.words import counted
from ooda.detect.levels import Levels
from ooda.detect.power_curve import BIN_M_S, BINS, WINDOW_DAYS, Binned, wind_speed_corrected
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Track
from ooda.detect.wind_contradictions import LEAST_DAYS, UNKNOWN_SPREAD, contradicting, ill, usual_spread
from ooda.detect.wind_farm import STANDING_SHARE, TURNING_M_S, Others
from ooda.detect.wind_witness import CLASSES, Said, Witness, usual_of_class

OWN, FARM_WIND, FARM_POWER, ALL = "wind", "farm_wind", "farm_power", "turbine"
"""The drivers: the three witnesses, and all of them together."""
POWER_BINS, POWER_BIN = 44, 0.025
"""Bins of the others' power, and the width of one, a share of capacity; up to 10 % above the nameplate."""
STORM_M_S = 20.0
"""m/s. In more wind a turbine may stand for the storm (the usual limit is 20 to 25 m/s, and some wind less
before it turns again): nothing is expected."""
MUCH_WORSE, ROUGH = 1.25, 0.35
"""Days on which a witness is silent, and the others differ so many times more than all do, are judged for
stops only: what was due is given so large a spread (ours)."""
IN_AN_HOUR = 0.25
"""Of a reading's variance: what is left of it in the mean of an hour, whose readings are not
independent."""


@dataclass(frozen=True)
class WindExpectation:
    """What is due of a turbine at its n instants: `expected`, kW, NaN where that is unknown, and its
    relative spread `sigma`, (n,). `levels`: what the file's D days say, by driver; `site_down`: all others
    stand in the wind, (n,). `anemometer`: what is wrong with its own one, in words.
    """

    expected: Floats
    sigma: Floats
    levels: dict[str, Levels]
    site_down: Mask
    anemometer: str
    reason: str
    partial_confidence: float


def by_wind(
    track: Track,
    turbines: Sequence[Track],
    usable: Mask,
    history: Mapping[str, Levels],
    weather: pd.DataFrame | None = None,
) -> WindExpectation | None:
    """Expected power by the wind; None where no witness speaks in half of the usable readings.

    `turbines`: those of the site; `usable` marks the readings that may teach, (n,); `history`: earlier days
    by driver; `weather`: the site's, by hour.
    """
    others, speed = Others.of(track, turbines, weather), wind_speed_corrected(track, weather)
    with np.errstate(invalid="ignore"):
        windy = np.fmax(speed, others.speed)
        storm = windy > STORM_M_S
        teaches = usable & np.isfinite(track.share) & ~storm
        teaches &= ~((track.share <= STANDING_SHARE) & (windy > TURNING_M_S))
    places = {
        OWN: (speed / BIN_M_S, BINS),
        FARM_WIND: (others.speed / BIN_M_S, BINS),
        FARM_POWER: (np.maximum(others.share / POWER_BIN, 0.5), POWER_BINS),
    }
    spoke = {name: there for name, (place, _) in places.items() if (there := np.isfinite(place)).any()}
    if not usable.any() or max((there[usable].mean() for there in spoke.values()), default=0.0) < 0.5:
        return None
    numbers = np.unique(
        np.concatenate([track.days.number, *(history[n].day for n in spoke if n in history)])
    )
    said = Said(track, teaches, numbers)
    witnesses = {
        name: Witness.of(said, np.where(storm, np.nan, places[name][0]), places[name][1], history.get(name))
        for name in spoke
    }
    together = _Together.of(said, list(witnesses.values()), history.get(ALL))
    for d in range(len(track.days)):
        together.judge(d)
    days = together.gains_before()
    return WindExpectation(
        expected=together.due * track.capacity,
        sigma=together.sigma / np.maximum(together.due, 1e-3),
        levels={name: w.levels() for name, w in witnesses.items()} | {ALL: together.levels()},
        site_down=others.down,
        anemometer=_off(witnesses[OWN]) if OWN in witnesses else "",
        reason=_reason(spoke, int(days.max(initial=0))),
        partial_confidence=0.9 if days.max(initial=0) >= 3 else 0.5,
    )


def _off(own: Witness) -> str:
    """What the own anemometer says that nothing else does, on two days running; empty where it does not."""
    sure = np.append(False, own.off == 2)  # one more, for the day before all
    running = (sure[1:] & sure[:-1])[own.said.first :]
    gain = own.gain[own.said.first :][running]
    if not np.isfinite(gain).any():
        return ""
    more = 1.0 - float(np.nanmedian(gain) / np.nanmedian(own.gain[own.off == 0]))
    side = "more" if more > 0 else "less"
    return (
        f"wind_speed_m_s promises about {abs(more):.0%} {side} power than it did, and neither "
        "the turbine's power nor the other turbines' wind and power bear it out: check the anemometer"
    )


def _reason(names: Mapping[str, Mask], days: int) -> str:
    words = {OWN: "its wind speed", FARM_WIND: "the others' wind speed", FARM_POWER: "the others' power"}
    said = ", ".join(words[name] for name in names)
    return f"power curves by {said}, from {counted(days, 'day')}"


def _common(spreads: Floats) -> float:
    """The spread of what several say together; a large one where nobody speaks."""
    return float((spreads**-2.0).sum() ** -0.5) if len(spreads) else UNKNOWN_SPREAD


@dataclass(frozen=True)
class _Together:
    """All witnesses: what is due at each instant and its spread, shares of capacity, (n,); of each of K
    days the spread by class, the gain, and whether the turbine gave too little."""

    said: Said
    witnesses: list[Witness]
    due: Floats
    sigma: Floats
    classes: Binned
    gain: Floats
    bad: Mask

    @classmethod
    def of(cls, said: Said, witnesses: list[Witness], earlier: Levels | None) -> _Together:
        nothing = np.full(len(said.track), np.nan)
        return cls(
            said,
            witnesses,
            nothing,
            nothing.copy(),
            said.kept(earlier, 0, CLASSES),
            said.gains(earlier),
            said.flag(earlier, 2 * CLASSES) > 0,
        )

    def judge(self, d: int) -> None:
        """Day d by the days before it."""
        said, rows, at = self.said, self.said.rows(d), self.said.first + d
        spoken = [witness.says(d, self.bad) for witness in self.witnesses]
        off = contradicting([w.gain[: at + 1] for w in self.witnesses], self.bad[: at + 1])
        before = np.array([w.off[at - 1] if at else 0 for w in self.witnesses])
        heard = np.array([np.isfinite(w.gain[at]) for w in self.witnesses])
        off = np.where(heard, off, before)  # a day that tells nothing of a witness does not clear it
        due, sigma, calmer = (np.array(one) for one in zip(*spoken, strict=True))
        for n, witness in enumerate(self.witnesses):
            witness.off[at] = off[n]
        days = said.before(d, self.bad)
        of_days = np.array([usual_spread(w.gain[days]) for w in self.witnesses])
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = of_days[:, None] ** 2 + IN_AN_HOUR * (sigma / np.maximum(due, 0.05)) ** 2
            weight = np.where(np.isfinite(variance) & (off == 0)[:, None], variance**-2.0, 0.0)
            total = weight.sum(axis=0)
            total = np.where((calmer & (off == 0)[:, None]).any(axis=0), 0.0, total)
            middle = np.where(total > 0, np.nansum(weight * np.nan_to_num(due), axis=0) / total, np.nan)
            speaks = weight > 0
            own = np.nansum(weight * np.nan_to_num(sigma), axis=0) / total
            apart = np.where(speaks, ((due - middle) / sigma) ** 2, 0.0).sum(axis=0)
        apart = np.sqrt(np.maximum(apart / np.maximum(speaks.sum(axis=0) - 1, 1), 1.0))
        usual = usual_of_class(self.classes, days, middle)
        speak = speaks.any(axis=1)
        new = np.isfinite(self.gain[days]).sum() < LEAST_DAYS
        rough = ROUGH if new or _common(of_days[speak]) > MUCH_WORSE * _common(of_days) else 0.0
        said.spread(self.classes, at, rows, middle)
        self.gain[at] = said.gain(rows, middle)
        self.bad[at] = ill(self.gain[days], self.gain[at])
        self.sigma[rows] = np.fmax(np.fmax(usual, own) * apart, rough * middle)
        self.due[rows] = np.where(np.isfinite(usual), middle, np.nan)

    def levels(self) -> Levels:
        """What the file's days say."""
        own = slice(self.said.first, None)
        flag = self.bad[own].astype(float)[:, None]
        nothing, shape = np.full(len(flag), np.nan), np.hstack([self.classes.packed(own), flag])
        return Levels(self.said.numbers[own], self.gain[own], nothing, nothing, shape)

    def gains_before(self) -> Ints:
        """How many of the 60 days before each of the file's D days have a gain, (D,)."""
        there, numbers = np.append(0, np.isfinite(self.gain).cumsum()), self.said.numbers
        lo = np.searchsorted(numbers, numbers[self.said.first :] - WINDOW_DAYS)
        return np.asarray(there[self.said.first : -1] - there[lo], dtype=np.int64)
