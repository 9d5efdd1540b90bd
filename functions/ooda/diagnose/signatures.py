"""Fault signatures: readable rules that turn how an incident looks into a cause.

A signature is a list of conditions on the incident's signals. Each condition gives a membership from 0 to
1 (a straight ramp between two values) and a reason in words; the score is the weighted mean of the
memberships that could be computed, times how sure the signature can be at best. A condition that is
*needed* and does not hold at all rules the cause out. The best score above `MIN_SCORE` names the cause;
below it, "Unknown Needs Further Investigation" is the right answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ona.documents.assets import Asset
from ooda.documents.detections import Incident, IncidentKind, Signals

MIN_SCORE = 0.5
PART_OF_DAY, ONE_SIDE = 0.6, 10.0
CLOSE = 0.15
"""Another cause whose score is this close is told as an alternative."""


@dataclass(frozen=True)
class View:
    """One incident as signatures see it."""

    incident: Incident
    asset: Asset

    @property
    def s(self) -> Signals:
        """Its signals."""
        return self.incident.signals

    @property
    def loss(self) -> float:
        """Loss share, never below 1 %."""
        return max(self.s.loss_share, 0.01)

    @property
    def load_slope(self) -> float | None:
        """How much larger the loss share is at work than when idling along, of the loss itself."""
        if self.s.loss_high is None or self.s.loss_low is None:
            return None
        return (self.s.loss_high - self.s.loss_low) / self.loss

    @property
    def growth(self) -> float | None:
        """How much the daily loss share grows a day, of the loss itself."""
        return None if self.s.slope_per_day is None else self.s.slope_per_day / self.loss

    @property
    def part_of_day(self) -> bool:
        """Whether the loss holds for some hours of the day only, day after day."""
        return self.incident.days >= 2 and self.s.day_share < PART_OF_DAY

    @property
    def hours_apart(self) -> float | None:
        """How much the loss shares of morning, noon and afternoon differ, of the largest."""
        known = [v for v in (self.s.loss_early, self.s.loss_noon, self.s.loss_late) if v is not None]
        if self.part_of_day:
            return 1.0
        if len(known) < 2:
            return None
        return (max(known) - min(known)) / max(*known, 0.02)

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
    high)."""

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

    def told(self, view: View) -> str:
        """The reason with the value in it."""
        value = self.value(view)
        return self.reason.format(value if value is not None else 0.0)


@dataclass(frozen=True)
class Signature:
    """A cause, the kinds of incident it can explain, and what must hold."""

    cause: str
    kinds: tuple[IncidentKind, ...]
    best: float
    conditions: tuple[Condition, ...]
    machines: str = "any"

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
                reasons.append((condition.weight * member, condition.told(view)))
        if total <= 0:
            return 0.0, []
        ordered = sorted(reasons, key=lambda pair: -pair[0])
        return self.best * got / total, [text for _, text in ordered]

    def _fits(self, asset: Asset) -> bool:
        if self.machines == "wind":
            return asset.is_wind
        if self.machines == "solar":
            return not asset.is_wind
        if self.machines == "tracked":
            return not asset.is_wind and asset.tracking != "fixed"
        return True


def _c(
    value: Callable[[View], float | None], low: float, high: float, reason: str = "", weight: float = 1.0
) -> Condition:
    return Condition(value, low, high, reason, weight)


def _n(
    value: Callable[[View], float | None], low: float, high: float, reason: str = "", weight: float = 2.0
) -> Condition:
    return Condition(value, low, high, reason, weight, needed=True)


STOP: tuple[IncidentKind, ...] = ("outage",)
PART: tuple[IncidentKind, ...] = ("underperformance",)
BOTH: tuple[IncidentKind, ...] = ("outage", "underperformance")

_even = _c(lambda v: v.load_slope and abs(v.load_slope), 0.8, 0.3, "the same share at low and high power")
_all_day = _c(
    lambda v: v.hours_apart, 0.8, 0.35, "the same share in the morning, at noon and in the afternoon"
)
_no_growth = _c(lambda v: v.growth and abs(v.growth), 0.10, 0.03, "at once, and steady since")
_volts_usual = _c(
    lambda v: v.s.voltage_ratio and abs(v.s.voltage_ratio - 1.0), 0.035, 0.015, "DC voltage as usual"
)
_ac_dc_usual = _n(
    lambda v: 0.0 if v.s.efficiency_ratio is None else 1.0 - v.s.efficiency_ratio, 0.03, 0.015, "", 0.5
)
_no_plateau = _n(lambda v: v.s.plateau_share, 0.75, 0.45, "", 0.5)
_not_hot = _n(lambda v: v.s.warmth_c if v.s.warmth_c is not None else 0.0, 9.0, 5.0, "", 0.3)
_cool = _n(
    lambda v: v.s.temperature_max_c if v.s.temperature_max_c is not None else 0.0, 60.0, 56.0, "", 0.3
)
_dry = _n(lambda v: v.s.rain_peak_mm if v.s.rain_peak_mm is not None else 0.0, 12.0, 8.0, "", 0.2)
_calm = _n(lambda v: v.s.gust_m_s if v.s.gust_m_s is not None else 0.0, 25.0, 22.0, "", 0.2)

SIGNATURES: tuple[Signature, ...] = (
    # ------------------------------------------------------------ explained by what is not the machine
    Signature("grid_outage", ("site_outage",), 0.9, (
        _n(lambda v: 1.0, 0.0, 1.0, "all machines of the site gave no power together: the grid, a feeder or a command"),)),
    Signature("curtailment", ("curtailment",), 0.95, (
        _n(lambda v: v.s.neighbours_held, 0.3, 0.6, "{:.0%} of the neighbours were held at one level too"),)),
    Signature("snow", ("snow",), 0.95, (
        _n(lambda v: v.s.ambient_c, 5.0, 2.0, "{:.0f} °C after snowfall"),)),
    # ------------------------------------------------------------ stops
    Signature("dc_bus_fault", ("outage", "over_voltage"), 0.96, (
        _n(lambda v: 0.0 if v.incident.kind == "over_voltage" else v.s.voltage_ratio, 0.7, 0.4,
           "no power, and the DC voltage is at {:.0%} of its usual level"),
        _dry, _n(lambda v: v.s.rain_mm or 0.0, 80.0, 60.0, "", 0.2))),
    Signature("lightning_damage", STOP, 0.97, (
        _n(lambda v: v.s.rain_peak_mm, 8.0, 12.0, "a thunderstorm with {:.0f} mm of rain in an hour"),
        _n(lambda v: v.s.rain_mm, 80.0, 50.0, "", 0.5),
        _c(lambda v: v.s.voltage_ratio, 0.7, 0.3, "the DC voltage is gone", 2.0),
        _c(lambda v: v.s.returns, 0.8, 0.4, "it did not come back the same day"))),
    Signature("flood_damage", STOP, 0.97, (
        _n(lambda v: v.s.rain_mm, 50.0, 80.0, "{:.0f} mm of rain within a day before it stopped"),
        _c(lambda v: v.s.returns, 0.8, 0.4, "it did not come back the same day"))),
    Signature("isolation_fault", STOP, 0.95, (
        _n(lambda v: v.s.from_dawn, 0.3, 0.7, "it does not start in the morning"),
        _n(lambda v: v.s.rain_mm, 0.2, 1.5, "after {:.1f} mm of rain"),
        _n(lambda v: v.s.rain_mm, 80.0, 50.0, "", 0.5),
        _n(lambda v: v.s.returns, 0.3, 0.8, "and runs once it is dry"),
        _n(lambda v: v.s.voltage_ratio if v.s.voltage_ratio is not None else 1.0, 0.3, 0.6, "", 0.3),
        _c(lambda v: float(v.incident.days), 0.0, 2.0, "on {:.0f} days")), "solar"),
    Signature("icing", BOTH, 0.9, (
        _n(lambda v: v.s.ambient_c if v.s.ambient_c is not None else v.s.temperature_max_c, 3.5, 0.5, "at {:.0f} °C"),
        _c(lambda v: v.s.slope_per_day, 0.0, 0.05, "the loss grows with the ice")), "wind"),
    Signature("inverter_trip", STOP, 0.85, (
        _n(lambda v: v.s.returns, 0.3, 0.8,
           "it came back by itself: a trip, the grid, or somebody at work; the event log tells, not a spare part"),
        _n(lambda v: v.incident.duration_hours / v.incident.days, 8.0, 5.0, "after {:.1f} h"),
        _n(lambda v: v.s.voltage_ratio if v.s.voltage_ratio is not None else 1.0, 0.3, 0.6, "", 0.3))),
    Signature("inverter_failure", STOP, 0.9, (
        _n(lambda v: v.incident.duration_hours, 0.3, 3.0, "no power for {:.1f} h of daylight"),
        _n(lambda v: v.s.returns, 0.8, 0.4, "and it did not come back the same day"),
        _n(lambda v: v.s.voltage_ratio if v.s.voltage_ratio is not None else 1.0, 0.3, 0.6, "", 0.3),
        _dry, _n(lambda v: v.s.rain_mm or 0.0, 80.0, 60.0, "", 0.2))),
    # ------------------------------------------------------------ heat
    Signature("fan_failure", ("underperformance", "outage", "over_temperature"), 0.95, (
        _n(lambda v: v.s.warmth_c, 5.0, 9.0, "the device is {:.0f} °C warmer at work than it usually is"),
        _n(lambda v: v.s.temperature_max_c, 55.0, 60.0, "it reached {:.0f} °C"),
        _c(lambda v: v.load_slope, 0.0, 0.4, "the loss is larger at high power"),
        _c(lambda v: v.s.temperature_correlation, 0.1, 0.5, "and rises with temperature")), "solar"),
    Signature("overtemperature_derating", ("underperformance", "over_temperature"), 0.9, (
        _n(lambda v: v.s.temperature_max_c, 55.0, 59.0, "it reached {:.0f} °C"),
        _n(lambda v: v.s.warmth_c if v.s.warmth_c is not None else 0.0, 10.0, 5.0, "without being warmer than its load makes it"),
        _n(lambda v: v.s.plateau_share, 0.8, 0.5, "", 0.3),
        _c(lambda v: v.load_slope, 0.0, 0.4, "the loss is larger at high power"),
        _c(lambda v: v.s.temperature_correlation, 0.1, 0.5, "and rises with temperature"),
        _c(lambda v: v.s.ambient_c, 24.0, 32.0, "the air is at {:.0f} °C")), "solar"),
    Signature("bearing_wear", PART, 0.92, (
        _n(lambda v: v.s.warmth_c, 4.0, 7.0, "it is {:.0f} °C warmer at work than it usually is"),), "wind"),
    # ------------------------------------------------------------ held at a level
    Signature("capacity_fade", PART, 0.95, (
        _n(lambda v: v.s.plateau_share, 0.45, 0.7, "power does not pass a ceiling"),
        _n(lambda v: v.s.plateau_slope, -0.001, -0.004, "that comes down from day to day"),
        _n(lambda v: float(v.incident.days), 3.0, 6.0, "over {:.0f} days"))),
    Signature("wrong_setpoint", PART, 0.93, (
        _n(lambda v: v.s.plateau_share, 0.5, 0.8, "{:.0%} of the readings that should be higher are held at one level"),
        _n(lambda v: v.s.plateau_level, 0.76, 0.73, "at {:.0%} of capacity: a limit that somebody set"),
        _c(lambda v: v.s.plateau_slope and abs(v.s.plateau_slope), 0.005, 0.001, "the same one every day", 0.5)), "solar"),
    Signature("clipping_beyond_design", PART, 0.93, (
        _n(lambda v: v.s.plateau_share, 0.5, 0.8, "{:.0%} of the readings that should be higher are clipped"),
        _n(lambda v: v.s.plateau_level, 0.73, 0.76, "at {:.0%} of capacity, below what the nameplate promises"),
        _n(lambda v: v.s.plateau_level, 0.99, 0.96, "", 0.3),
        _c(lambda v: v.s.plateau_slope and abs(v.s.plateau_slope), 0.005, 0.001, "the same one every day", 0.5)), "solar"),
    Signature("turbine_derating", PART, 0.95, (
        _n(lambda v: v.s.plateau_share, 0.4, 0.7, "{:.0%} of the readings that should be higher are held at one level"),
        _n(lambda v: v.s.plateau_level, 0.95, 0.9, "at {:.0%} of rated power")), "wind"),
    # ------------------------------------------------------------ inside the inverter
    Signature("capacitor_wear", PART, 0.95, (
        _n(lambda v: v.s.efficiency_ratio, 0.985, 0.965, "AC over DC power is at {:.1%} of the usual"),
        _n(lambda v: v.s.efficiency_slope, -0.01, -0.04, "and falls as the load rises"))),
    Signature("efficiency_loss", PART, 0.93, (
        _n(lambda v: v.s.efficiency_ratio, 0.985, 0.965, "AC over DC power is at {:.1%} of the usual"),
        _n(lambda v: v.s.efficiency_slope if v.s.efficiency_slope is not None else 0.0, -0.035, -0.012, "at any load"))),
    Signature("mppt_fault", PART, 0.94, (
        _n(lambda v: v.s.voltage_ratio, 1.02, 1.05, "the DC voltage stands at {:.0%} of the usual: off the maximum power point"),
        _c(lambda v: v.s.roughness, 0.005, 0.03, "and power hunts", 0.5),
        _ac_dc_usual), "solar"),
    # ------------------------------------------------------------ before the inverter
    Signature("hail_damage", PART, 0.96, (
        _n(lambda v: v.s.rain_peak_mm, 7.0, 11.0, "it began with {:.0f} mm of rain or hail in an hour"),
        _n(lambda v: v.s.ambient_drop_c, 4.0, 7.0, "and the air cooled by {:.0f} °C"), _even, _no_plateau), "solar"),
    Signature("wind_damage", PART, 0.96, (
        _n(lambda v: v.s.gust_m_s, 20.0, 25.0, "it began with wind of {:.0f} m/s"), _even, _no_plateau), "solar"),
    Signature("tracker_stuck", PART, 0.94, (
        _n(lambda v: v.hours_apart, 0.4, 0.7, "the loss depends on the hour"),
        _c(lambda v: (v.s.loss_clear or 0.0) - (v.s.loss_cloudy or 0.0) if v.s.loss_cloudy is not None else None,
           0.0, 0.08, "and on the beam: the tracker does not follow"),
        _no_plateau, _not_hot), "tracked"),
    Signature("shading", PART, 0.9, (
        _n(lambda v: v.one_side, 2.0, 4.0, "only the morning or only the afternoon is short"),
        _c(lambda v: (v.s.loss_clear or 0.0) - (v.s.loss_cloudy or 0.0) if v.s.loss_cloudy is not None else None,
           0.0, 0.06, "under a clear sky"),
        _c(lambda v: v.s.same_hours, 0.2, 0.7, "at the same hours every day"),
        _no_plateau, _not_hot), "solar"),
    Signature("module_degradation", PART, 0.92, (
        _n(lambda v: v.growth, 0.012, 0.03, "the loss grows from day to day"),
        _n(lambda v: v.s.voltage_ratio, 0.995, 0.98, "and the DC voltage falls with it, to {:.1%}"),
        _n(lambda v: v.load_slope and abs(v.load_slope), 1.2, 0.5, "at any power", 0.6),
        _ac_dc_usual, _no_plateau), "solar"),
    Signature("connector_wear", PART, 0.92, (
        _n(lambda v: v.load_slope, 0.25, 0.6, "the share lost grows with the current"),
        _n(lambda v: v.s.voltage_ratio, 1.0, 0.975, "and the DC voltage falls: resistance"),
        _ac_dc_usual, _no_plateau, _not_hot, _cool), "solar"),
    Signature("soiling", PART, 0.9, (
        _n(lambda v: v.growth, 0.012, 0.03, "the loss grows from day to day"),
        _n(lambda v: float(v.incident.days), 3.0, 7.0, "over {:.0f} days"),
        _n(lambda v: v.s.voltage_ratio if v.s.voltage_ratio is not None else 1.0, 0.98, 0.99, "DC voltage as usual", 0.5),
        _even, _all_day, _ac_dc_usual, _no_plateau), "solar"),
    Signature("string_loss", PART, 0.9, (
        _n(lambda v: v.loss, 0.02, 0.05, "{:.0%} is missing"),
        _n(lambda v: 1.0 if v.incident.days < 2 else v.s.day_share, 0.3, 0.7, "", 0.5),
        _n(lambda v: v.load_slope and abs(v.load_slope), 1.2, 0.4, "the same share at low and high power"),
        _n(lambda v: (v.s.roughness or 0.0) / v.loss, 0.65, 0.40, "", 0.5),
        _all_day, _no_growth, _volts_usual, _ac_dc_usual, _no_plateau, _not_hot, _dry, _calm), "solar"),
    # ------------------------------------------------------------ wind
    Signature("yaw_misalignment", PART, 0.9, (
        _n(lambda v: v.s.loss_low, 0.03, 0.08, "{:.0%} is missing in light wind"),
        _n(lambda v: 0.3 if v.s.loss_full is None else v.s.loss_full / v.loss, 0.5, 0.25, "and nothing at rated power"),
        _not_hot, _no_plateau), "wind"),
    Signature("pitch_misalignment", PART, 0.88, (
        _n(lambda v: v.s.loss_low, 0.02, 0.06, "{:.0%} is missing in light wind"),
        _n(lambda v: v.s.loss_full and v.s.loss_full / v.loss, 0.3, 0.6, "and rated power is not reached"),
        _not_hot), "wind"),
)  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """A named cause with the confidence in it, why, and what else it could be."""

    name: str
    score: float
    reasons: tuple[str, ...]
    alternatives: dict[str, float]


def ranking(incident: Incident, asset: Asset) -> list[tuple[str, float, list[str]]]:
    """All causes that are not ruled out: (cause, score, reasons), the best first."""
    view = View(incident, asset)
    scored = [(signature.cause, *signature.score(view)) for signature in SIGNATURES]
    return sorted((row for row in scored if row[1] > 0), key=lambda row: -row[1])


def diagnose(incident: Incident, asset: Asset) -> Cause:
    """The best cause of an incident; an unknown pattern where none fits well."""
    ranked = ranking(incident, asset)
    others = {name: round(score, 3) for name, score, _ in ranked[1:4]}
    if ranked and ranked[0][1] >= MIN_SCORE:
        name, score, reasons = ranked[0]
        near = {other: value for other, value in others.items() if value >= score - CLOSE}
        text = reasons or [f"{incident.kind} of {incident.deviation_percent:.0f} %"]
        return Cause(name, round(score, 3), tuple(text), near)
    return Cause(
        "unknown_pattern",
        0.4,
        (
            f"{incident.kind} of {incident.deviation_percent:.0f} % for {incident.duration_hours:.1f} h fits no "
            "known signature",
        ),
        {name: round(score, 3) for name, score, _ in ranked[:3]},
    )
