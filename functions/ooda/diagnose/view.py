"""One incident as the signs of causes see it: its signals, and numbers made of them."""

from __future__ import annotations

from dataclasses import dataclass

from ona.documents.assets import Asset
from ooda.documents.detections import Incident, Signals

PART_OF_DAY = 0.6
"""Share of the day's daylight readings: a loss that holds for less is one of some hours only."""
LARGE = 0.10
"""Loss share that stands out of the noise of single readings."""
STOPS_COST = 0.2
"""Share of a loss that readings without power make at least where stops are its reason; shorter stops
leave none."""
GROWS = 0.3
"""Growth over an incident, of its loss, from which on its pace is looked at."""
PACE_DAYS = 5
"""Days; of fewer nobody knows a pace."""
A_YEAR = 365.0
"""Days of the weather elsewhere that count beside the site's own."""
OFF_USUAL = 0.02
"""Share by which a voltage is not the usual one."""
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
    def share_of_day(self) -> float:
        """Share of the day's daylight readings inside it; the first day, which it cuts, counts as whole."""
        return 1.0 if self.incident.days < 2 else self.s.day_share

    @property
    def part_lost(self) -> float | None:
        """Share of the day's yield that a partial loss takes; a stop takes all."""
        if self.incident.kind != "underperformance":
            return None
        return self.s.loss_share * self.share_of_day

    @property
    def loss_before(self) -> float | None:
        """Loss of the days before, of its own; a stop comes at once."""
        return self.s.loss_before if self.incident.kind == "underperformance" else None

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
        """How much the daily loss share has grown over the incident, of the loss itself."""
        return None if self.s.slope_per_day is None else self.s.slope_per_day * self.days / self.loss

    @property
    def pace(self) -> float | None:
        """How much the daily loss share grows a day, where it grows."""
        growth = self.growth
        grows = growth is not None and growth >= GROWS and self.days >= PACE_DAYS
        return self.s.slope_per_day if grows else None

    @property
    def same_hours(self) -> float | None:
        """Whether it comes at the same hours; a stop that goes on from day to day does so with the sun."""
        goes_on = self.incident.kind == "outage" and self.s.returns < 0.5
        return None if goes_on else self.s.same_hours

    @property
    def stops_a_day(self) -> float | None:
        """How often power fell to zero within a partial loss, a day; less where the readings without power
        are too few to have cost what is missing."""
        if self.incident.kind != "underperformance":
            return None
        return self.s.stops / self.days * min(self.s.zero_share / (STOPS_COST * self.loss), 1.0)

    @property
    def roughness_of_loss(self) -> float | None:
        """How much the loss jumps between readings, of the loss itself; a small one jumps with the noise,
        that of a turbine with the wind."""
        if self.asset.is_wind or self.s.roughness is None or self.loss < LARGE:
            return None
        return self.s.roughness / self.loss

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
        way. A turbine's voltage is the grid's."""
        if self.incident.kind == "over_voltage":
            return 0.0
        return None if self.asset.is_wind else self.s.voltage_ratio

    @property
    def returns(self) -> float:
        """Share of its days on which it worked again; a stop of one day that is over by the next morning
        came back before anybody could have come."""
        over = self.incident.kind == "outage" and self.incident.state in ("recovering", "closed")
        return 1.0 if over and self.incident.days < 2 else self.s.returns

    @property
    def air_c(self) -> float | None:
        """The air's temperature, else the device's highest, °C."""
        return self.s.ambient_c if self.s.ambient_c is not None else self.s.temperature_max_c

    @property
    def off_a_fraction(self) -> float:
        """How far the loss share is from the nearest of 1/4, 1/3 and 1/2."""
        return min(abs(self.s.loss_share - share) for share in (1 / 4, 1 / 3, 1 / 2))

    @property
    def part_of_day(self) -> bool:
        """Whether the loss holds for some hours of the day only, day after day."""
        return self.incident.days >= 2 and self.s.day_share < PART_OF_DAY

    @property
    def hours_apart(self) -> float | None:
        """How much the loss shares of morning, noon and afternoon differ, of the largest."""
        if self.part_of_day:
            return 1.0
        if len(self._parts) < 2:
            return None
        return self.energy_apart / max(*self._parts, 0.02)

    @property
    def energy_apart(self) -> float:
        """The same of the energy due; noise does not bring large losses far apart."""
        return max(self._parts, default=0.0) - min(self._parts, default=0.0)

    @property
    def _parts(self) -> list[float]:
        return [v for v in (self.s.loss_early, self.s.loss_noon, self.s.loss_late) if v is not None]

    @property
    def one_side(self) -> float | None:
        """The larger of the morning's and the afternoon's loss shares, over noon's and the other's mean."""
        s, early, late = self.s, self.s.loss_early, self.s.loss_late
        if self.part_of_day:  # the hours that it does not hold have no loss
            early, late = early or 0.0, late or 0.0
        if early is None or late is None:
            return None
        rest = max((min(early, late) + (s.loss_noon or 0.0)) / 2, 0.005)
        return max(early, late) / rest

    @property
    def sag(self) -> float | None:
        """How much higher the modules' voltage is at high power due than at low."""
        return None if self.asset.is_wind or not self.s.voltage_ratio else self.s.voltage_sag

    @property
    def volts_held(self) -> float | None:
        """How far the voltages lie apart, where they are not the usual ones."""
        volts, spread = self.volts_left, self.s.voltage_spread
        return None if volts is None or abs(volts - 1.0) < OFF_USUAL else spread

    def storm_usual(self, usual: float) -> float:
        """How often a storm like this comes at the site, where elsewhere it comes as `usual` (0…1): what
        the site's other days say, beside a year's worth of what is usual elsewhere."""
        rate, days = self.s.storm_rate, self.s.storm_days
        if rate is None or days is None:
            return usual
        return (A_YEAR * usual + days * rate) / (A_YEAR + days)
