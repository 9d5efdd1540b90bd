"""`configs/ooda/detection.yaml`: the parameters of detection."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ona.config import parameters
from ona.config.fields import ClockTime, UtcMoment
from ona.config.files import ConfigFile
from ona.documents.base import Document


class Statistical(Document):
    """Robust z-score of daylight residuals."""

    z_score_threshold: float = Field(gt=0, description="usual spreads from which a residual counts")
    rolling_window_minutes: int = Field(
        gt=0, le=1440, description="min: the shortest run of readings that can be an episode"
    )
    min_data_points: int = Field(ge=3, description="daylight readings that the day's own spread needs")


class MachineLearning(Document):
    """Isolation forest over residual features."""

    model_type: Literal["isolation_forest"]
    contamination: float = Field(gt=0, lt=0.5, description="share of readings taken for outliers")
    random_state: int = Field(description="the forest's seed")


class EnergyDeviation(Document):
    """Residual against the expected power."""

    forecast_tolerance_percent: float = Field(
        gt=0, lt=100, description="% of the expected power by which the measured may fall short"
    )
    min_deviation_kw: float = Field(ge=0, description="kW: a smaller deviation does not count")
    confidence_threshold: float = Field(
        ge=0, le=1, description="from which an underperformance is an incident"
    )


class SeverityScale(Document):
    """Severity, and the threshold from which an incident is acted on."""

    threshold: float = Field(ge=0, le=1, description="severity; Parameter Store's goes over it")
    loss_scale: float = Field(
        gt=0, le=1, description="share of power lost at which the loss term reaches 63 %"
    )
    duration_scale_hours: float = Field(gt=0, description="h at which the duration term reaches 63 %")


class Durations(Document):
    """How long something must last, minutes."""

    outage_minutes: int = Field(gt=0, description="without power in daylight")
    underperformance_minutes: int = Field(gt=0, description="below the tolerance")
    stale_minutes: int = Field(gt=0, description="with an unchanging reading, for a stuck sensor")


class ReferenceRules(Document):
    """Where the expected power may come from."""

    baseline_days: int = Field(ge=14, le=365, description="days before, of which the gain is learned")
    shape_days: int = Field(ge=7, le=45, description="days before, of which shape and spread are learned")
    min_peers: int = Field(ge=2, description="other assets of the site that a reference needs")
    max_peers: int = Field(ge=2, description="other assets of the site that a reference takes")
    min_expected_share: float = Field(
        gt=0, lt=1, description="of capacity: readings with less expected power are not judged"
    )


class Algorithms(Document):
    """The detectors' parameters."""

    statistical: Statistical
    machine_learning: MachineLearning
    energy_deviation: EnergyDeviation
    severity: SeverityScale
    duration: Durations
    reference: ReferenceRules


class NormalRange(Document):
    """Normal range and the value from which a reading is critical."""

    normal_range_min: float
    normal_range_max: float
    critical_threshold: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.normal_range_min < self.normal_range_max <= self.critical_threshold:
            raise ValueError("must rise: normal_range_min, normal_range_max, critical_threshold")
        return self


class PowerRange(NormalRange):
    """Of a unit of `reference_capacity_kw`; scaled to the asset's own capacity."""

    reference_capacity_kw: float = Field(gt=0, description="kW")


class Ranges(Document):
    """Ranges by quantity: °C, V, kW."""

    temperature: NormalRange
    voltage: NormalRange
    power: PowerRange


class MaintenanceWindow(Document):
    """Planned work on an asset: readings inside it are not judged."""

    asset_id: str
    start: UtcMoment
    end: UtcMoment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be after start")
        return self


class Filtering(Document):
    """Which readings are not judged."""

    exclude_maintenance_windows: bool
    exclude_night_hours: bool = Field(description="by the sun's position where the location is given")
    night_hours_start: ClockTime = Field(description="UTC, where the location is not given")
    night_hours_end: ClockTime
    maintenance_windows: list[MaintenanceWindow] = []


class DetectionConfig(Document):
    """`configs/ooda/detection.yaml`."""

    algorithms: Algorithms
    parameters: Ranges
    filtering: Filtering


FILE = ConfigFile("ooda/detection.yaml", DetectionConfig)


def detection_config() -> DetectionConfig:
    """`ooda/detection.yaml`."""
    return FILE.read()


def detection_threshold() -> float:
    """Severity from which an incident is acted on: Parameter Store's, else the file's.

    Raises InvalidConfiguration when the parameter is no number between 0 and 1.
    """
    return parameters.overridden(
        "detection-threshold", lambda: detection_config().algorithms.severity.threshold, _severity
    )


def _severity(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{text!r} is no number between 0 and 1")
    return value
