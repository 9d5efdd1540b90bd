"""Fault signatures: readable rules that turn how an incident looks into a cause.

Each rule gives a score from 0 to 1 and its reasons. The best score above `MIN_SCORE` names the cause;
below it, "Unknown Needs Further Investigation" is the right answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ona.config import DetectionConfig
from ona.records import Incident

MIN_SCORE = 0.5


@dataclass(frozen=True)
class Cause:
    """A named cause with the confidence in it and why."""

    category: str
    subcategory: str
    score: float
    reasons: tuple[str, ...]


Rule = Callable[[list[Incident], DetectionConfig], Cause | None]


def _energy_mean(incidents: list[Incident], value: Callable[[Incident], float]) -> float:
    weights = [max(incident.lost_energy_kwh, 1e-6) for incident in incidents]
    return sum(w * value(i) for w, i in zip(weights, incidents, strict=True)) / sum(weights)


def overtemperature(incidents: list[Incident], config: DetectionConfig) -> Cause | None:
    """Loss that grows with temperature, or a stop above the critical temperature: cooling fails."""
    limits = config.parameters.temperature
    hottest = max((i.signals.temperature_max_c or -99.0 for i in incidents), default=-99.0)
    if hottest <= limits.normal_range_max:
        return None
    reasons = [f"temperature reached {hottest:.1f} °C (normal up to {limits.normal_range_max:g} °C)"]
    score = 0.6
    if hottest >= limits.critical_threshold:
        score += 0.2
        reasons.append(f"beyond the critical {limits.critical_threshold:g} °C")
    correlations = [
        i.signals.temperature_correlation
        for i in incidents
        if i.signals.temperature_correlation is not None
    ]
    if correlations and max(correlations) > 0.5:
        score += 0.15
        reasons.append(f"the loss rises with temperature (rank correlation {max(correlations):.2f})")
    return Cause("OEM Fault", "inverter_overtemp", min(score, 0.95), tuple(reasons))


def dc_bus(incidents: list[Incident], _: DetectionConfig) -> Cause | None:
    """A stop during which the DC voltage is gone or far too high."""
    stops = [i for i in incidents if i.kind == "outage" and i.signals.zero_share >= 0.5]
    ratios = [i.signals.voltage_ratio for i in stops if i.signals.voltage_ratio is not None]
    if any(i.kind == "over_voltage" for i in incidents):
        return Cause("OEM Fault", "dc_bus_fault", 0.96, ("the DC voltage exceeded its critical limit",))
    if ratios and min(ratios) < 0.5:
        return Cause(
            "OEM Fault",
            "dc_bus_fault",
            0.96,
            (f"no power, and the DC voltage fell to {min(ratios):.0%} of its usual level",),
        )
    return None


def stopped(incidents: list[Incident], _: DetectionConfig) -> Cause | None:
    """The machine does not run in daylight while its neighbours or the sun say that it should."""
    stops = [i for i in incidents if i.kind == "outage"]
    if not stops:
        return None
    hours = sum(i.duration_hours for i in stops)
    share = sum(i.lost_energy_kwh for i in stops) / max(sum(i.lost_energy_kwh for i in incidents), 1e-6)
    if share < 0.5:
        return None
    zero = _energy_mean(stops, lambda i: i.signals.zero_share)
    times = sum(i.signals.stops for i in stops)
    if times >= 4:
        return Cause(
            "Unknown Needs Further Investigation",
            "intermittent_fault",
            0.7,
            (f"power fell to zero {times} times: it comes and goes",),
        )
    if all(i.signals.recovered for i in stops):
        return Cause(
            "Unknown Needs Further Investigation",
            "intermittent_fault",
            0.7,
            (
                f"no power for {hours:.1f} h of daylight, then it came back by itself",
                "a trip, the grid, or somebody at work: the event log tells, not a spare part",
            ),
        )
    score = min(0.95, 0.6 + 0.2 * zero + 0.05 * min(hours, 3.0))
    return Cause(
        "OEM Fault",
        "component_failure",
        score,
        (
            f"no power for {hours:.1f} h of daylight",
            f"{zero:.0%} of the readings at zero, and it has not come back",
        ),
    )


def site_down(incidents: list[Incident], _: DetectionConfig) -> Cause | None:
    """All machines of the site stopped together: not a machine's fault."""
    if not all(incident.kind == "site_outage" for incident in incidents):
        return None
    hours = sum(incident.duration_hours for incident in incidents)
    return Cause(
        "Unknown Needs Further Investigation",
        "unknown_pattern",
        0.9,
        (
            f"all machines of the site gave no power for {hours:.1f} h of daylight together",
            "the grid, a feeder or a command for the whole site, not this machine",
        ),
    )


def held_level(incidents: list[Incident], _: DetectionConfig) -> Cause | None:
    """Power held at one level below capacity: somebody, or a parameter, limits it."""
    plateau = _energy_mean(incidents, lambda i: i.signals.plateau_share)
    level = _energy_mean(incidents, lambda i: i.signals.plateau_level)
    spread = _energy_mean(incidents, lambda i: i.signals.loss_spread)
    if plateau < 0.6 or not 0.05 < level < 0.97 or spread < 0.03:
        return None
    return Cause(
        "Ops Fault",
        "wrong_setpoint",
        min(0.95, 0.5 + 0.5 * plateau),
        (
            f"{plateau:.0%} of the readings held at {level:.0%} of capacity",
            "the loss follows the sun, the power does not",
        ),
    )


def constant_share(incidents: list[Incident], _: DetectionConfig) -> Cause | None:
    """The same share missing at any irradiance: some strings do not deliver."""
    partial = [i for i in incidents if i.kind == "underperformance"]
    if not partial:
        return None
    loss = _energy_mean(partial, lambda i: i.signals.loss_share)
    spread = _energy_mean(partial, lambda i: i.signals.loss_spread)
    day = max(i.signals.day_share for i in partial)
    if loss < 0.08 or spread > min(0.35 * loss, 0.10) or day < 0.4:
        return None
    return Cause(
        "Wear and Tear",
        "connector_corrosion",
        min(0.95, 0.55 + 0.3 * day + 0.2 * (1 - spread / loss) - 0.1),
        (
            f"{loss:.0%} is missing, the same share all day (spread {spread:.1%})",
            f"over {day:.0%} of the day's daylight: strings or a combiner, not the weather",
        ),
    )


def slow_loss(incidents: list[Incident], _: DetectionConfig) -> Cause | None:
    """A small, even loss over most of the day: dirt first, ageing when cleaning does not help."""
    partial = [i for i in incidents if i.kind == "underperformance"]
    if not partial:
        return None
    loss = _energy_mean(partial, lambda i: i.signals.loss_share)
    day = max(i.signals.day_share for i in partial)
    if not 0.03 <= loss < 0.15 or day < 0.5:
        return None
    return Cause(
        "Ops Fault",
        "maintenance_overdue",
        0.6,
        (f"an even loss of {loss:.0%} over most of the day: soiling is the likely cause",),
    )


RULES: tuple[Rule, ...] = (
    site_down,
    overtemperature,
    dc_bus,
    held_level,
    stopped,
    constant_share,
    slow_loss,
)


def diagnose(incidents: list[Incident], config: DetectionConfig) -> Cause:
    """The best cause for incidents of one asset that belong together."""
    candidates = [cause for rule in RULES if (cause := rule(incidents, config)) is not None]
    best = max(candidates, key=lambda cause: cause.score, default=None)
    if best is not None and best.score >= MIN_SCORE:
        return best
    seen = incidents[0]
    return Cause(
        "Unknown Needs Further Investigation",
        "unknown_pattern",
        0.4,
        (
            f"{seen.kind} of {seen.deviation_percent:.0f} % for {seen.duration_hours:.1f} h fits no "
            "known signature",
        ),
    )
