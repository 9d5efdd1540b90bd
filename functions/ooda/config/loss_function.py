"""`configs/ooda/loss_function.yaml`: what a plan minimises, and what it must obey."""

from __future__ import annotations

import json
from datetime import time
from typing import Self

from pydantic import Field, model_validator

from ona.config import parameters
from ona.config.fields import Zone
from ona.config.files import ConfigFile, validated
from ona.documents.base import Document
from ona.runtime.clock import WEEKDAYS, Weekday
from ona.runtime.errors import InvalidConfiguration


class LossWeights(Document):
    """Weights of the plan's loss; every term they multiply is in USD."""

    w_energy: float = Field(ge=0)
    w_cost: float = Field(ge=0)
    w_mttr: float = Field(ge=0)
    w_risk: float = Field(ge=0)
    w_urgency: float = Field(ge=0)


class CrewRules(Document):
    """What crews can do, and cost: hours, km, km/h, USD."""

    crews_available: int = Field(ge=0)
    hours_per_day: float = Field(gt=0, le=24)
    max_travel_distance_km: float = Field(gt=0)
    specializations: list[str]
    hourly_cost_usd: float = Field(ge=0)
    travel_speed_km_h: float = Field(gt=0)
    travel_cost_usd_per_km: float = Field(ge=0)


class WorkingHours(Document):
    """Local working hours and days. Public holidays are those of the country of the site's time zone."""

    start: time
    end: time
    timezone: Zone
    days: list[Weekday] = Field(default=list(WEEKDAYS[:5]), min_length=1)
    public_holidays: bool = True

    @model_validator(mode="after")
    def _valid(self) -> Self:
        if self.start >= self.end:
            raise ValueError("start must be before end")
        return self


class Constraints(Document):
    """What a plan must obey."""

    max_concurrent_jobs: int = Field(ge=1)
    min_crew_size: int = Field(ge=1)
    max_crew_size: int = Field(ge=1)
    planning_horizon_days: int = Field(ge=1, le=90)
    freeze_hours: float = Field(default=24.0, ge=0)
    move_cost_usd: float = Field(default=25.0, ge=0)
    critical_within_hours: float = Field(default=72.0, gt=0)
    late_critical_usd: float = Field(default=1000.0, ge=0)
    working_hours: WorkingHours


class Thresholds(Document):
    """Risk classes by severity, and the daily loss below which work may wait."""

    severity_critical: float = Field(ge=0, le=1)
    severity_major: float = Field(ge=0, le=1)
    severity_minor: float = Field(ge=0, le=1)
    ear_threshold_usd: float = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.severity_minor < self.severity_major < self.severity_critical:
            raise ValueError("must rise: severity_minor, severity_major, severity_critical")
        return self


class LossFunctionConfig(Document):
    """`configs/ooda/loss_function.yaml`."""

    weights: LossWeights
    crew: CrewRules
    constraints: Constraints
    thresholds: Thresholds


FILE = ConfigFile("ooda/loss_function.yaml", LossFunctionConfig)


def loss_function_config() -> LossFunctionConfig:
    """`ooda/loss_function.yaml`, without the run-time weights."""
    return FILE.read()


def loss_weights() -> LossWeights:
    """The plan's weights: the file's, with Parameter Store's JSON object over it, key by key."""
    base = loss_function_config().weights
    text = parameters.parameter("loss-function-weights")
    if text is None:
        return base
    try:
        over = json.loads(text)
    except ValueError as error:
        raise InvalidConfiguration(f"parameter loss-function-weights: no JSON: {error}") from error
    if not isinstance(over, dict):
        raise InvalidConfiguration("parameter loss-function-weights: must be a JSON object")
    return validated(LossWeights, {**base.model_dump(), **over}, "parameter loss-function-weights")
