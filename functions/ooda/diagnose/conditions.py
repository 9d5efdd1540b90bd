"""How a fault signature is scored: conditions on the signals of one incident.

Each condition gives a membership from 0 to 1: a straight ramp between two values of one signal. The score
of a signature is the weighted mean of the memberships that could be computed, times how sure the signature
can be at best. A condition that is *needed* and does not hold at all rules the cause out.

>>> hot = Condition(lambda view: 57.0, low=55.0, high=59.0, reason="it reached {:.0f} °C")
>>> hot.membership(None), hot.sentence(None)  # a condition that does not look at the incident
(0.5, 'it reached 57 °C')
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ona.documents.assets import Asset
from ooda.documents.detections import Incident, IncidentKind, Signals

PART_OF_DAY = 0.6
"""Share of the day's daylight readings: a loss that holds for less is one of some hours only."""
ONE_SIDE = 10.0
"""`View.one_side` of a loss that is there on one side of noon only."""
LEAST_LOSS = 0.01
"""Loss share that others are divided by at least."""


@dataclass(frozen=True)
class View:
    """One incident as signatures see it: its signals, and numbers made of them."""

    incident: Incident
    asset: Asset

    def value(self, name: str) -> float | None:
        """A number of this view, or else a signal, by its name; None where it was not measured."""
        number: float | None = getattr(self if hasattr(View, name) else self.s, name)
        return number

    @property
    def s(self) -> Signals:
        """Its signals."""
        return self.incident.signals

    @property
    def always(self) -> float:
        """1: what the kind of the incident says already."""
        return 1.0

    @property
    def days(self) -> float:
        """Days on which it was seen."""
        return float(self.incident.days)

    @property
    def hours(self) -> float:
        """Hours of judged readings inside it."""
        return self.incident.duration_hours

    @property
    def hours_a_day(self) -> float:
        """The same by day."""
        return self.incident.duration_hours / self.incident.days

    @property
    def loss(self) -> float:
        """Loss share, never below 1 %."""
        return max(self.s.loss_share, LEAST_LOSS)

    @property
    def load_slope(self) -> float | None:
        """How much larger the loss share is at work than when idling along, of the loss itself."""
        if self.s.loss_high is None or self.s.loss_low is None:
            return None
        return (self.s.loss_high - self.s.loss_low) / self.loss

    @property
    def full_load_loss(self) -> float | None:
        """The loss share at full load, of the loss itself."""
        return None if self.s.loss_full is None else self.s.loss_full / self.loss

    @property
    def growth(self) -> float | None:
        """How much the daily loss share grows a day, of the loss itself."""
        return None if self.s.slope_per_day is None else self.s.slope_per_day / self.loss

    @property
    def roughness_of_loss(self) -> float:
        """How much the loss jumps between readings, of the loss itself."""
        return (self.s.roughness or 0.0) / self.loss

    @property
    def share_of_day(self) -> float:
        """Share of the day's daylight readings inside it; the first day, which it cuts, counts as whole."""
        return 1.0 if self.incident.days < 2 else self.s.day_share

    @property
    def beam_loss(self) -> float | None:
        """How much larger the loss share is under a clear sky than under clouds."""
        if self.s.loss_cloudy is None:
            return None
        return (self.s.loss_clear or 0.0) - (self.s.loss_cloudy or 0.0)

    @property
    def conversion_loss(self) -> float | None:
        """How much AC over DC power is below the usual."""
        return None if self.s.efficiency_ratio is None else 1.0 - self.s.efficiency_ratio

    @property
    def volts_left(self) -> float | None:
        """DC voltage over the usual one; 0 where it is beyond its limit: the DC side is at fault either
        way."""
        return 0.0 if self.incident.kind == "over_voltage" else self.s.voltage_ratio

    @property
    def volts_off(self) -> float | None:
        """How far the DC voltage is from the usual, of the usual; no voltage at all says nothing here."""
        return self.s.voltage_ratio and abs(self.s.voltage_ratio - 1.0)

    @property
    def air_c(self) -> float | None:
        """The air's temperature, else the device's highest, °C."""
        return self.s.ambient_c if self.s.ambient_c is not None else self.s.temperature_max_c

    @property
    def part_of_day(self) -> bool:
        """Whether the loss holds for some hours of the day only, day after day."""
        return self.incident.days >= 2 and self.s.day_share < PART_OF_DAY

    @property
    def hours_apart(self) -> float | None:
        """How much the loss shares of morning, noon and afternoon differ, of the largest."""
        parts = [v for v in (self.s.loss_early, self.s.loss_noon, self.s.loss_late) if v is not None]
        if self.part_of_day:
            return 1.0
        if len(parts) < 2:
            return None
        return (max(parts) - min(parts)) / max(*parts, 0.02)

    @property
    def one_side(self) -> float | None:
        """The larger of the morning's and the afternoon's loss shares, over noon's and the other's mean."""
        s = self.s
        if self.part_of_day and (s.loss_early is None) != (s.loss_late is None):
            return ONE_SIDE
        if s.loss_early is None or s.loss_late is None:
            return None
        rest = max((min(s.loss_early, s.loss_late) + (s.loss_noon or 0.0)) / 2, 0.005)
        return max(s.loss_early, s.loss_late) / rest


@dataclass(frozen=True)
class Condition:
    """Something that holds more or less: membership rises from 0 at `low` to 1 at `high` (falls if low >
    high). `reason`: a sentence for people, with a place for the value; "" for a condition not worth one."""

    value: Callable[[View], float | None]
    low: float
    high: float
    reason: str
    weight: float = 1.0
    needed: bool = False

    def membership(self, view: View) -> float | None:
        """0…1, None where it cannot be computed."""
        value = self.value(view)
        if value is None:
            return None
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def sentence(self, view: View) -> str:
        """The reason with the value in it."""
        value = self.value(view)
        return self.reason.format(value if value is not None else 0.0)


@dataclass(frozen=True)
class Signature:
    """A cause, the kinds of incident it can explain, and what must hold.

    `best`: the score when everything holds (0…1). `fits`: the assets that can have it.
    """

    cause: str
    kinds: tuple[IncidentKind, ...]
    best: float
    conditions: tuple[Condition, ...]
    fits: Literal["any", "solar", "tracked", "wind"] = "any"

    def score(self, view: View) -> tuple[float, list[str]]:
        """Score 0…1 and the reasons, the weightiest first."""
        if view.incident.kind not in self.kinds or not self._fits(view.asset):
            return 0.0, []
        total = got = 0.0
        reasons: list[tuple[float, str]] = []
        for condition in self.conditions:
            member = condition.membership(view)
            if condition.needed and not member:
                return 0.0, []
            if member is None:
                continue
            total += condition.weight
            got += condition.weight * member
            if member >= 0.5 and condition.reason:
                reasons.append((condition.weight * member, condition.sentence(view)))
        if total <= 0:
            return 0.0, []
        ordered = sorted(reasons, key=lambda pair: -pair[0])
        return self.best * got / total, [text for _, text in ordered]

    def _fits(self, asset: Asset) -> bool:
        if self.fits == "wind":
            return asset.is_wind
        if self.fits == "solar":
            return not asset.is_wind
        if self.fits == "tracked":
            return not asset.is_wind and asset.tracking != "fixed"
        return True


def helps(
    name: str,
    low: float,
    high: float,
    reason: str = "",
    weight: float | None = None,
    *,
    unknown: float | None = None,
    size: bool = False,
    needed: bool = False,
) -> Condition:
    """A condition on a number of `View` or `Signals`, by its name.

    `unknown`: the value where there is none (None: the condition is left out). `size`: the sign does not
    matter. `weight`: 1, or 2 for a condition that is needed, unless it is given.
    """
    if weight is None:
        weight = 2.0 if needed else 1.0

    def value(view: View) -> float | None:
        number = view.value(name)
        if number is None:
            return unknown
        return abs(number) if size else number

    return Condition(value, low, high, reason, weight, needed)


needs = partial(helps, needed=True)
"""The same, but without it the cause is ruled out, and it weighs 2 unless `weight` says otherwise."""
