"""`configs/ooda/loss_function.yaml`: what a plan minimises, and what it must obey.

rules = loss_function_config()      # crews, constraints, thresholds, and the file's weights
weights = loss_weights()            # the weights, with Parameter Store's over the file's
"""

from __future__ import annotations

import json
from typing import Self

from pydantic import Field, model_validator

from ona.config import parameters
from ona.config.fields import ClockTime, Zone
from ona.config.files import ConfigFile, validated
from ona.documents.base import Document
from ona.runtime.clock import WEEKDAYS, Weekday


class LossWeights(Document):
    """Weights of the plan's loss, without unit; every term they multiply is in USD."""

    w_energy: float = Field(ge=0, description="of production lost until the repair is done")
    w_cost: float = Field(ge=0, description="of labour, travel and parts")
    w_mttr: float = Field(ge=0, description="of production lost while the crew works")
    w_risk: float = Field(ge=0, description="of the fault's growth while it waits")
    w_urgency: float = Field(ge=0, description="of waiting with a severe fault")


class CrewRules(Document):
    """What crews can do, and cost."""

    crews_available: int = Field(
        ge=0, description="crews of the example fleet; plans take those of the crews table"
    )
    hours_per_day: float = Field(gt=0, le=24, description="h away from its base on one day, at most")
    max_travel_distance_km: float = Field(gt=0, description="km from base to site, at most")
    specializations: list[str] = Field(description="the skills that crews have")
    hourly_cost_usd: float = Field(ge=0, description="USD an hour of one technician")
    travel_speed_km_h: float = Field(gt=0, description="km/h, where no measured way is given")
    travel_cost_usd_per_km: float = Field(ge=0, description="USD/km of the crew's vehicle")


class WorkingHours(Document):
    """Working hours and days in the site's own time. Public holidays are those of the country of the
    site's time zone."""

    start: ClockTime
    end: ClockTime
    timezone: Zone = Field(description="of sites whose assets name none")
    days: list[Weekday] = Field(default=list(WEEKDAYS[:5]), min_length=1)
    public_holidays: bool = True

    @model_validator(mode="after")
    def _valid(self) -> Self:
        if self.start >= self.end:
            raise ValueError("start must be before end")
        return self


class Constraints(Document):
    """What a plan must obey."""

    max_concurrent_jobs: int = Field(ge=1, description="tours at once in the fleet, at most")
    min_crew_size: int = Field(ge=1, description="technicians on a visit, at least")
    max_crew_size: int = Field(ge=1, description="technicians on a visit, at most")
    planning_horizon_days: int = Field(ge=1, le=90, description="days that are planned ahead")
    freeze_hours: float = Field(
        default=24.0, ge=0, description="h before it leaves, from which a visit is not moved any more"
    )
    move_cost_usd: float = Field(
        default=25.0, ge=0, description="USD, weighted: a visit at another time, or by another crew"
    )
    move_cost_near_usd: float = Field(
        default=150.0, ge=0, description="USD, weighted: the same for a visit that leaves at once"
    )
    move_near_days: float = Field(
        default=7.0, gt=0, description="days before it leaves, from which moving it costs more"
    )
    unknown_lead_days: float = Field(
        default=7.0,
        ge=0,
        le=90,
        description="days that a part takes whose lead time is unknown, or that the catalogue lacks",
    )
    critical_within_hours: float = Field(
        default=72.0,
        gt=0,
        description="h after which critical work is due; where its part comes later, at the end of the "
        "first whole working day with it",
    )
    late_critical_usd: float = Field(
        default=1000.0, ge=0, description="USD, weighted, for critical work that begins after it is due"
    )
    working_hours: WorkingHours

    @model_validator(mode="after")
    def _nearer_costs_more(self) -> Self:
        if self.move_cost_near_usd < self.move_cost_usd:
            raise ValueError("move_cost_near_usd must be at least move_cost_usd")
        return self


class Thresholds(Document):
    """Risk classes by the severity (0 to 1) from which they begin; the loss below which work may wait."""

    severity_critical: float = Field(ge=0, le=1)
    severity_major: float = Field(ge=0, le=1)
    severity_minor: float = Field(ge=0, le=1)
    ear_threshold_usd: float = Field(ge=0, description="USD of Energy at Risk a day")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.severity_minor < self.severity_major < self.severity_critical:
            raise ValueError("must rise: severity_minor, severity_major, severity_critical")
        return self


class SolverSetting(Document):
    """What making a plan may take."""

    processes: int = Field(default=1, ge=1, le=16, description="searches at a time")
    cpu_seconds: float = Field(default=20.0, gt=0, le=600, description="CPU s of one process")
    wall_seconds: float = Field(
        default=30.0, gt=0, le=600, description="s after which planning ends, however little CPU it had"
    )


class LossFunctionConfig(Document):
    """`configs/ooda/loss_function.yaml`."""

    weights: LossWeights
    crew: CrewRules
    constraints: Constraints
    thresholds: Thresholds
    solver: SolverSetting = SolverSetting()


FILE = ConfigFile("ooda/loss_function.yaml", LossFunctionConfig)


def loss_function_config() -> LossFunctionConfig:
    """`ooda/loss_function.yaml`, without the run-time weights."""
    return FILE.read()


def loss_weights() -> LossWeights:
    """The plan's weights: the file's, with Parameter Store's JSON object over them, key by key.

    Raises InvalidConfiguration for a parameter that is no JSON object of weights.
    """
    return parameters.overridden("loss-function-weights", lambda: loss_function_config().weights, _weights)


def _weights(text: str) -> LossWeights:
    try:
        over = json.loads(text)
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(over, dict):
        raise ValueError("must be a JSON object")
    base = loss_function_config().weights.model_dump()
    return validated(LossWeights, {**base, **over}, "parameter loss-function-weights")
