"""Aspects: what is looked at in an incident, and in which states it can be.

An aspect is one thing to look at, for example the DC voltage; its states are *gone*, *low*, *usual*,
*high* and *open circuit*. Signals that say the same are one aspect, so that nothing counts twice. An
incident is in each state to a degree from 0 to 1. The degrees of an aspect add up to 1 and change smoothly
with the signal, so that no cause hangs on a single limit. An aspect that was not measured says nothing.

>>> steps = degrees(0.5, ("gone", "low", "usual"), ((0.3, 0.6), (0.97, 0.99)))
>>> {state: round(degree, 2) for state, degree in steps.items()}
{'gone': 0.33, 'low': 0.67, 'usual': 0.0}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ooda.diagnose.view import View

Degrees = Mapping[str, float]
"""How far an incident is in each state of an aspect: 0…1, together 1."""


STRONG_M_S, GALE_M_S = (12.5, 15.3), (15.4, 19.0)
"""m/s, an hour's mean as weather services tell it; half way at 13.9, a near gale, and at 17.2, a gale
(Beaufort)."""


@dataclass(frozen=True)
class Aspect:
    """One thing to look at.

    `usual`: how often each state is seen with a cause that has nothing to do with it (0…1, together 1).
    `look`: the degrees of the states, None where it was not measured. `texts`: what a state says to people,
    with a place for `value`. `outside`: it comes whether or not something is ill.
    """

    name: str
    usual: Mapping[str, float]
    look: Callable[[View], Degrees | None]
    texts: Mapping[str, str]
    value: Callable[[View], float | None]
    outside: bool = False

    @property
    def flat(self) -> Mapping[str, float]:
        """Every state equally often."""
        return dict.fromkeys(self.usual, 1.0 / len(self.usual))

    def sentence(self, state: str, view: View) -> str:
        """What a state says to people; "" where it is not worth a sentence."""
        value = self.value(view)
        return self.texts.get(state, "").format(value if value is not None else 0.0)


def ramp(value: float | None, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight in between (falling if low > high); 0 without a value."""
    return 0.0 if value is None else min(max((value - low) / (high - low), 0.0), 1.0)


def degrees(value: float, states: Sequence[str], cuts: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The degrees of states in rising order; between two of them lies a cut, from where to where one
    becomes the other."""
    above = [1.0, *(ramp(value, *cut) for cut in cuts), 0.0]
    return {state: above[n] - above[n + 1] for n, state in enumerate(states)}


def first_of(claims: Sequence[tuple[str, float]], rest: str) -> dict[str, float]:
    """Degrees of states that exclude each other: each takes its share of what those before it left."""
    out, left = {}, 1.0
    for state, degree in claims:
        out[state] = left * degree
        left -= out[state]
    return {**out, rest: left}


def _scale(
    name: str, number: str, usual: dict[str, float], cuts: Sequence[tuple[float, float]], /, **texts: str
) -> Aspect:
    """An aspect of one number of `View` or `Signals`; `usual` names the states in rising order."""

    def look(view: View) -> Degrees | None:
        value = view.value(number)
        return None if value is None else degrees(value, tuple(usual), cuts)

    return Aspect(name, usual, look, texts, lambda view: view.value(number))


def _outside(aspect: Aspect) -> Aspect:
    return replace(aspect, outside=True)


def _hours(view: View) -> Degrees | None:
    """When in the day the loss is: at all hours alike, on one side of noon, from noon on towards one side,
    about noon, at both ends."""
    apart, s = view.hours_apart, view.s
    if apart is None:
        return None
    sides = [v for v in (s.loss_early, s.loss_late) if v is not None]
    at_noon = (s.loss_noon or 0.0) - sum(sides) / (2 if view.part_of_day else len(sides) or 1)
    side = ramp(view.one_side, 2.2, 5.0)
    with_noon = ramp((s.loss_noon or 0.0) / max(*sides, 1e-6, 1e-6), 0.06, 0.2)
    return first_of(
        [
            ("even", ramp(apart, 0.8, 0.35) * ramp(view.energy_apart, 0.5, 0.25)),
            ("one_side", side * (1.0 - with_noon)),
            ("slope", side * with_noon / (1.0 - side * (1.0 - with_noon)) if with_noon else 0.0),
            ("noon", ramp(at_noon / view.loss, -0.2, 0.2)),
        ],
        rest="ends",
    )


def _level(view: View) -> Degrees:
    """Whether power is held at a level; at which, and whether that comes down from day to day."""
    s = view.s
    by_day = 1.0 - ramp(s.plateau_step, 0.6, 0.9)
    return first_of(
        [
            ("free", 1.0 - ramp(s.plateau_share, 0.6, 0.85)),
            ("sinking", ramp(s.plateau_slope, -0.001, -0.004) * by_day),
            ("limit", ramp(s.plateau_level, 0.76, 0.73)),
        ],
        rest="ceiling",
    )


def _growth(view: View) -> Degrees | None:
    """How the daily loss goes on: falls, stays, grows from day to day, or in steps."""
    if view.growth is None:
        return None
    look = degrees(view.growth, ("falls", "steady", "grows"), ((-0.6, -0.25), (0.12, 0.5)))
    steps = look["grows"] * ramp(view.s.slope_step, 0.2, 0.5)
    return {**look, "grows": look["grows"] - steps, "steps": steps}


def _ac_dc(view: View) -> Degrees | None:
    """AC over DC power: as usual, or low; at any load, or more so as the load rises."""
    if view.conversion_loss is None:
        return None
    low = ramp(view.conversion_loss, 0.012, 0.03)
    falls = ramp(view.s.efficiency_slope, -0.012, -0.035)
    return {"usual": 1.0 - low, "low": low * (1.0 - falls), "low_at_load": low * falls}


def _weather(view: View) -> Degrees | None:
    """The weather of the day before it began, by its worst."""
    s = view.s
    if s.rain_mm is None and s.gust_m_s is None:
        return None
    peak, drop = s.rain_peak_mm, s.ambient_drop_c
    thunder = max(ramp(peak, 6.0, 10.0), ramp(drop, 4.5, 7.0) * ramp(s.rain_mm, 0.2, 1.5))
    return first_of(
        [
            ("deluge", ramp(s.rain_mm, 75.0, 100.0)),
            ("hail", ramp(peak, 8.0, 13.0) * ramp(drop, 4.5, 7.5)),
            ("squall", ramp(s.gust_m_s, *GALE_M_S) * thunder),
            ("gale", ramp(s.gust_m_s, *GALE_M_S)),
            ("thunder", thunder),
            ("gust", ramp(s.gust_m_s, *STRONG_M_S)),
            ("wet", ramp(s.rain_mm, 0.2, 1.5)),
        ],
        rest="dry",
    )


def _storm_text(view: View) -> float | None:
    s = view.s
    return s.gust_m_s if (s.gust_m_s or 0.0) > 15.0 and (s.rain_mm or 0.0) < 75.0 else s.rain_mm


def _air(view: View) -> Degrees | None:
    """Whether it was frosty, and what fell in the days before."""
    if view.air_c is None:
        return None
    frost = view.s.frost_share if view.s.frost_share is not None else ramp(view.air_c, 4.0, 1.0)
    fell = [mm for mm in (view.s.snow_mm, view.s.rain_mm) if mm is not None]
    wet = ramp(max(fell), 0.1, 0.6) if fell else 0.4
    return {"mild": 1.0 - frost, "dry_frost": frost * (1.0 - wet), "wet_frost": frost * wet}


def _onset(view: View) -> Degrees | None:
    """Whether it began at once, or had grown before; what grows for a week inside it began small."""
    before, growth = view.loss_before, _growth(view)
    if before is None:
        return None
    slow = max(ramp(before, 0.08, 0.3), growth["grows"] * ramp(view.days, 5.0, 10.0) if growth else 0.0)
    return {"step": 1.0 - slow, "slow": slow}


def _back(view: View) -> Degrees:
    """Whether it worked again on the same days, or stayed away for one or for several."""
    back = ramp(view.returns, 0.3, 0.8)
    on = ramp(view.returns, 0.3, 0.1) * ramp(view.days, 1.5, 3.5)
    return {"stays": 1.0 - back - on, "on": on, "back": back}


def _neighbours(view: View) -> Degrees | None:
    """Whether the neighbours stopped with it, stood still at other times of the day, or did nothing."""
    s = view.s
    if s.neighbours_off is None and s.neighbours_in_turn is None:
        return None
    return first_of(
        [
            ("together", ramp(s.neighbours_off, 0.12, 0.3)),
            ("in_turn", ramp(s.neighbours_in_turn, 0.3, 0.6)),
        ],
        rest="alone",
    )


def _nothing(view: View) -> float | None:
    return None


# The share of each state with an unconnected cause is a round estimate from the bench's tuning plants; that
# of the weather is how often it comes within 25 hours at a temperate site (`docs/diagnosis.md`).
ASPECTS: tuple[Aspect, ...] = (
    _scale(
        "volts", "volts_left",
        {"gone": 0.01, "deep": 0.005, "low": 0.045, "usual": 0.91, "high": 0.015, "open": 0.015},
        ((0.3, 0.5), (0.78, 0.88), (0.975, 0.99), (1.025, 1.055), (1.1, 1.14)),
        gone="the DC voltage is gone: {:.0%} of its usual level",
        deep="the DC voltage falls far, to {:.0%} of the usual",
        low="the DC voltage falls with it, to {:.1%} of the usual",
        usual="DC voltage as usual",
        high="the DC voltage stands at {:.0%} of the usual: off the maximum power point",
        open="the modules stand at {:.0%} of their usual voltage, as without a load",
    ),
    _scale(
        "held", "volts_held", {"held": 0.03, "moves": 0.97}, ((0.012, 0.028),),
        held="the DC voltage stands still whatever the light and the warmth",
    ),
    _scale(
        "sag", "sag", {"sags": 0.04, "level": 0.9, "rises": 0.06}, ((-0.03, -0.01), (0.03, 0.07)),
        sags="the DC voltage is lower the higher the power", rises="the DC voltage is low in weak light",
    ),
    _scale(
        "load", "load_slope", {"falls": 0.08, "even": 0.8, "rises": 0.12}, ((-0.35, -0.12), (0.1, 0.32)),
        falls="the share lost is larger in weak light or wind",
        even="the same share at low and high power",
        rises="the share lost grows with the power",
    ),
    Aspect(
        "growth", {"falls": 0.08, "steady": 0.82, "grows": 0.08, "steps": 0.02}, _growth,
        {
            "steady": "at once, and steady since",
            "grows": "the loss grows from day to day",
            "steps": "the loss grew in steps",
        },
        _nothing,
    ),
    _scale(
        "pace", "pace", {"slow": 0.6, "fast": 0.4}, ((0.005, 0.009),),
        slow="it grows by {:.2%} of the energy a day", fast="it grows by {:.2%} of the energy a day",
    ),
    Aspect(
        "hours", {"even": 0.76, "one_side": 0.06, "slope": 0.02, "noon": 0.1, "ends": 0.06}, _hours,
        {
            "even": "the same share in the morning, at noon and in the afternoon",
            "one_side": "only the morning or only the afternoon is short",
            "slope": "one side of noon is short, and noon itself less",
            "noon": "most of it about noon",
            "ends": "most of it in the morning and the afternoon",
        },
        _nothing,
    ),
    _scale(
        "sky", "beam_loss", {"any": 0.8, "clear": 0.2}, ((0.02, 0.07),),
        clear="under a clear sky more than under clouds",
    ),
    _scale(
        "same_hours", "same_hours", {"any": 0.8, "same": 0.14, "clock": 0.06}, ((0.3, 0.7), (0.85, 0.98)),
        same="at the same hours every day", clock="at the same hour every day, as by the clock",
    ),
    Aspect(
        "level", {"free": 0.94, "sinking": 0.01, "limit": 0.025, "ceiling": 0.025}, _level,
        {
            "sinking": "power does not pass a ceiling that comes down from day to day",
            "limit": "held at one level, at {:.0%} of capacity: a limit that somebody set",
            "ceiling": "held at one level, at {:.0%} of capacity",
        },
        lambda view: view.s.plateau_level,
    ),
    Aspect(
        "ac_dc", {"usual": 0.988, "low": 0.006, "low_at_load": 0.006}, _ac_dc,
        {
            "usual": "AC over DC power is as usual",
            "low": "AC over DC power is at {:.1%} of the usual, at any load",
            "low_at_load": "AC over DC power is at {:.1%} of the usual, and falls as the load rises",
        },
        lambda view: view.s.efficiency_ratio,
    ),
    _scale(
        "warmth", "warmth_c", {"usual": 0.94, "warmer": 0.06}, ((4.0, 8.0),),
        warmer="the device is {:.0f} °C warmer at work than it usually is",
    ),
    _scale(
        "device", "temperature_max_c", {"cool": 0.8, "hot": 0.2}, ((53.0, 59.0),),
        hot="the device reached {:.0f} °C",
    ),
    _scale(
        "cells", "cell_max_c", {"mild": 0.5, "warm": 0.4, "hot": 0.1}, ((42.0, 50.0), (56.0, 64.0)),
        warm="the modules must have reached {:.0f} °C", hot="the modules must have reached {:.0f} °C",
    ),
    _scale(
        "modules", "cell_correlation", {"against": 0.1, "apart": 0.75, "with": 0.15},
        ((-0.45, -0.15), (0.1, 0.45)),
        **{"with": "the loss follows the warmth of the modules, at the same power due"},
    ),
    _scale(
        "texture", "roughness_of_loss", {"smooth": 0.985, "rough": 0.015}, ((0.22, 0.45),),
        rough="power hunts",
    ),
    _scale(
        "fraction", "off_a_fraction", {"exact": 0.06, "other": 0.94}, ((0.008, 0.02),),
        exact="a simple fraction of the machine is missing",
    ),
    _scale(
        "lasts", "days", {"days": 0.55, "week": 0.3, "weeks": 0.15}, ((2.5, 5.0), (12.0, 18.0)),
        week="over {:.0f} days", weeks="over {:.0f} days",
    ),
    Aspect(
        "onset", {"step": 0.9, "slow": 0.1}, _onset, {"slow": "it had grown for days"}, _nothing,
    ),
    _scale(
        "amount", "part_lost", {"some": 0.8, "most": 0.2}, ((0.25, 0.5),),
    ),
    _scale(
        "depth", "loss_share", {"light": 0.7, "deep": 0.3}, ((0.25, 0.45),),
        light="{:.0%} is missing while it lasts", deep="{:.0%} is missing while it lasts",
    ),
    _scale(
        "stands", "zero_share", {"runs": 0.5, "stands": 0.5}, ((0.3, 0.7),),
        runs="it ran, at less power", stands="it stood still",
    ),
    _scale(
        "stops", "stops_a_day", {"none": 0.99, "some": 0.01}, ((0.2, 0.6),),
        some="it stopped for a moment {:.1f} times a day",
    ),
    Aspect(
        "weather",
        {"dry": 0.68, "wet": 0.254, "gust": 0.02, "thunder": 0.034, "hail": 0.004, "squall": 0.002,
         "gale": 0.004, "deluge": 0.002},
        _weather,
        {
            "wet": "after {:.1f} mm of rain",
            "gust": "after wind of {:.0f} m/s",
            "thunder": "after a thunderstorm with {:.0f} mm of rain",
            "hail": "it began with a storm of {:.0f} mm of rain or hail, in which the air cooled",
            "squall": "it began with a thunderstorm and wind of {:.0f} m/s",
            "gale": "it began with wind of {:.0f} m/s",
            "deluge": "{:.0f} mm of rain fell within a day before it",
        },
        _storm_text,
        outside=True,
    ),
    _outside(_scale(
        "snow", "snow_mm", {"bare": 0.97, "snow": 0.03}, ((0.5, 2.0),),
        snow="in frost, after snow that is {:.1f} mm of water",
    )),
    Aspect(
        "back", {"stays": 0.3, "on": 0.2, "back": 0.5}, _back,
        {
            "stays": "it did not come back the same day",
            "on": "it did not come back for days",
            "back": "it came back by itself",
        },
        _nothing,
    ),
    _scale(
        "dawn", "from_dawn", {"later": 0.74, "often": 0.06, "dawn": 0.2}, ((0.35, 0.55), (0.8, 1.0)),
        often="it often does not start in the morning", dawn="it does not start in the morning",
    ),
    _scale(
        "length", "hours_a_day", {"short": 0.5, "long": 0.5}, ((4.0, 8.0),),
        short="{:.1f} h a day", long="no power for {:.1f} h a day",
    ),
    _outside(_scale(
        "wet", "wet_mm", {"dry": 0.8, "wet": 0.2}, ((0.05, 0.3),),
        wet="it began while surfaces were wet with rain",
    )),
    _outside(_scale(
        "wet_again", "wet_share", {"seldom": 0.7, "often": 0.14, "each": 0.16}, ((0.3, 0.5), (0.65, 0.9)),
        often="{:.0%} of its further stops began wet", each="{:.0%} of its further stops began wet",
    )),
    _outside(_scale(
        "rain", "rain_cleans", {"kept": 0.95, "cleaned": 0.05}, ((1.8, 3.0),),
        cleaned="it grows in dry weather, and rain takes of it",
    )),
    Aspect(
        "neighbours", {"alone": 0.95, "together": 0.025, "in_turn": 0.025}, _neighbours,
        {
            "together": "{:.0%} of the neighbours stopped with it",
            "in_turn": "the neighbours stood still too, at other times of the same day",
        },
        lambda view: view.s.neighbours_off,
    ),
    Aspect(
        "air", {"mild": 0.86, "dry_frost": 0.09, "wet_frost": 0.05}, _air,
        {"dry_frost": "at {:.0f} °C", "wet_frost": "at {:.0f} °C, after rain or snow"},
        lambda view: view.air_c,
        outside=True,
    ),
    _scale(
        "light_wind", "loss_low", {"sound": 0.4, "short": 0.6}, ((0.02, 0.06),),
        short="{:.0%} is missing in light wind",
    ),
    _scale(
        "rated", "full_load_loss", {"reached": 0.5, "short": 0.5}, ((0.3, 0.55),),
        reached="nothing is missing at rated power", short="rated power is not reached",
    ),
)  # fmt: skip
BY_NAME = {aspect.name: aspect for aspect in ASPECTS}
"""The aspects by name."""
