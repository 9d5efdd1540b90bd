"""Configuration is data with a schema: each file under `configs/` is one model here.

An unknown key or an impossible value is refused with file, key and reason. Values that operators
change at run time come from SSM Parameter Store and win over the file.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

from ona.clock import WEEKDAYS, Weekday
from ona.errors import InvalidConfiguration
from ona.extensions import CustomServices, NotificationRules, TicketingConfig, Zone
from ona.storage import client, translate

ModelT = TypeVar("ModelT", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ------------------------------------------------------------------ detection.yaml


class Statistical(_Strict):
    """Robust z-score of daylight residuals."""

    z_score_threshold: float = Field(gt=0)
    rolling_window_minutes: int = Field(gt=0, le=1440)
    min_data_points: int = Field(ge=3)


class MachineLearning(_Strict):
    """Isolation forest over residual features."""

    model_type: Literal["isolation_forest"]
    contamination: float = Field(gt=0, lt=0.5)
    random_state: int


class EnergyDeviation(_Strict):
    """Residual against the expected power."""

    forecast_tolerance_percent: float = Field(gt=0, lt=100)
    min_deviation_kw: float = Field(ge=0)
    confidence_threshold: float = Field(ge=0, le=1)


class SeverityScale(_Strict):
    """Severity and the threshold above which an incident is acted on."""

    threshold: float = Field(ge=0, le=1)
    loss_scale: float = Field(gt=0, le=1)
    duration_scale_hours: float = Field(gt=0)


class Durations(_Strict):
    """How long something must last, minutes."""

    outage_minutes: int = Field(gt=0)
    underperformance_minutes: int = Field(gt=0)
    stale_minutes: int = Field(gt=0)


class ReferenceRules(_Strict):
    """Where the expected power may come from."""

    baseline_days: int = Field(ge=14, le=365, description="days before, of which the gain is learned")
    shape_days: int = Field(ge=7, le=45, description="days before, of which shape and spread are learned")
    min_peers: int = Field(ge=2)
    max_peers: int = Field(ge=2)
    min_expected_share: float = Field(gt=0, lt=1)


class Algorithms(_Strict):
    """The detectors' parameters."""

    statistical: Statistical
    machine_learning: MachineLearning
    energy_deviation: EnergyDeviation
    severity: SeverityScale
    duration: Durations
    reference: ReferenceRules


class NormalRange(_Strict):
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

    reference_capacity_kw: float = Field(gt=0)


class Ranges(_Strict):
    """Ranges by quantity: °C, V, kW."""

    temperature: NormalRange
    voltage: NormalRange
    power: PowerRange


class MaintenanceWindow(_Strict):
    """Planned work: readings inside it are not judged."""

    asset_id: str
    start: datetime
    end: datetime


class Filtering(_Strict):
    """What is left out of judgement."""

    exclude_maintenance_windows: bool
    exclude_night_hours: bool
    night_hours_start: time
    night_hours_end: time
    maintenance_windows: list[MaintenanceWindow] = []


class DetectionConfig(_Strict):
    """`configs/ooda/detection.yaml`."""

    algorithms: Algorithms
    parameters: Ranges
    filtering: Filtering


# ------------------------------------------------------------------ loss_function.yaml


class LossWeights(_Strict):
    """Weights of the plan's loss; every term they multiply is in USD."""

    w_energy: float = Field(ge=0)
    w_cost: float = Field(ge=0)
    w_mttr: float = Field(ge=0)
    w_risk: float = Field(ge=0)
    w_urgency: float = Field(ge=0)


class CrewRules(_Strict):
    """What crews can do, and cost: hours, km, km/h, USD."""

    crews_available: int = Field(ge=0)
    hours_per_day: float = Field(gt=0, le=24)
    max_travel_distance_km: float = Field(gt=0)
    specializations: list[str]
    hourly_cost_usd: float = Field(ge=0)
    travel_speed_km_h: float = Field(gt=0)
    travel_cost_usd_per_km: float = Field(ge=0)


class WorkingHours(_Strict):
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


class Constraints(_Strict):
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


class Thresholds(_Strict):
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


class LossFunctionConfig(_Strict):
    """`configs/ooda/loss_function.yaml`."""

    weights: LossWeights
    crew: CrewRules
    constraints: Constraints
    thresholds: Thresholds


# ------------------------------------------------------------------ causes, categories, parts


Light = Literal["any", "day", "dark"]


class CauseRule(_Strict):
    """What a cause is called elsewhere, and what it means for the work."""

    category: str
    subcategory: str
    orange_button: str
    sunspec: list[str]
    error_type: Literal["normal", "warning", "critical", "fault", "offline", "standby", "unknown"]
    fault: bool = Field(default=True, description="false: it explains a loss, nobody is sent")
    component_type: str
    specialization: str
    duration_hours: float = Field(gt=0)
    crew_size: int = Field(ge=1)
    light: Light = Field(default="any", description="whether the work wants the sun up, or down")
    growth_percent_per_day: float = Field(ge=0)
    recurrence_per_day: float = Field(default=1.0, ge=0, le=1)
    needs_part: str | None
    actions: list[str]


class CausesConfig(RootModel[dict[str, CauseRule]]):
    """`configs/ooda/causes.yaml`: by the cause's own name."""

    model_config = ConfigDict(frozen=True)


class TrendRules(_Strict):
    """`configs/ooda/trends.yaml`: when a cleaning pays."""

    cleaning_threshold_percent: float = Field(gt=0, lt=100)
    cost_per_cleaning_usd: float = Field(gt=0)
    roi_threshold_days: int = Field(ge=1, le=365)


class CategoriesConfig(RootModel[dict[str, list[str]]]):
    """`configs/ooda/categories.yaml`: subcategories by category."""

    model_config = ConfigDict(frozen=True)

    def require(self, category: str, subcategory: str) -> None:
        """Raises InvalidConfiguration when the file lacks the pair."""
        if subcategory not in self.root.get(category, []):
            raise InvalidConfiguration(
                f"ooda/categories.yaml: {category!r} has no subcategory {subcategory!r}"
            )


class Consumable(_Strict):
    """What is used up with a part: so many of another line of the catalogue."""

    sku: str
    quantity: int = Field(default=1, ge=1)


class Part(_Strict):
    """A spare part. No price or lead time: it ranks last."""

    sku: str
    description: str
    component_type: str
    oem: str
    model: str
    unit_price_usd: float | None = Field(default=None, ge=0)
    lead_time_days: float | None = Field(default=None, ge=0)
    supplier: str = ""
    warranty_months: int | None = Field(default=None, ge=0)
    stock: int | None = Field(
        default=None,
        ge=0,
        description="pieces on the own shelf: with one there, nobody waits; not counted down",
    )
    consumables: list[Consumable] = Field(default=[], description="what is used up with it")

    @property
    def wait_days(self) -> float | None:
        """Days until it is there: none where one is on the shelf, None where nobody knows."""
        return 0.0 if self.stock else self.lead_time_days


class PartsCatalogue(_Strict):
    """`configs/ooda/parts.yaml`; its JSON Schema: docs/parts.schema.json. Version 2 knows `stock` and
    `consumables`; files of version 1 are read as they are."""

    version: Literal[1, 2]
    parts: list[Part]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        skus = [part.sku for part in self.parts]
        twice = sorted({sku for sku in skus if skus.count(sku) > 1})
        if twice:
            raise ValueError(f"sku listed twice: {', '.join(twice)}")
        unknown = sorted({item.sku for part in self.parts for item in part.consumables} - set(skus))
        if unknown:
            raise ValueError(f"consumables that are not in the catalogue: {', '.join(unknown)}")
        return self


class ServiceLimits(_Strict):
    """One function's size: MB, seconds."""

    memory: int = Field(ge=128, le=10240)
    timeout: int = Field(ge=1, le=900)
    max_file_size_mb: float | None = Field(default=None, gt=0)


class ServicesConfig(RootModel[dict[str, ServiceLimits]]):
    """`configs/services.yaml`."""

    model_config = ConfigDict(frozen=True)


# ------------------------------------------------------------------ forecasting.yaml


class BoosterSettings(_Strict):
    """How a member of the forecasting model is trained."""

    levels: tuple[float, ...] = Field(description="quantile levels, rising, 0…1")
    rounds: int = Field(ge=1, le=2000)
    depth: int = Field(ge=1, le=12)
    learning_rate: float = Field(gt=0, le=1)
    min_rows_a_leaf: float = Field(ge=0)
    row_share: float = Field(gt=0, le=1)
    feature_share: float = Field(gt=0, le=1)
    seed: int

    @model_validator(mode="after")
    def _levels(self) -> Self:
        rising = all(a < b for a, b in zip(self.levels, self.levels[1:], strict=False))
        if len(self.levels) < 5 or not rising or not 0 < self.levels[0] < self.levels[-1] < 1:
            raise ValueError("levels: at least five, rising, between 0 and 1")
        for needed in (0.025, 0.1, 0.5, 0.9, 0.975):
            if needed not in self.levels:
                raise ValueError(f"levels: {needed} is needed for the 80 and 95 % intervals")
        return self


class TrainingRules(_Strict):
    """When and on what a model is trained, and how it is judged."""

    min_days: int = Field(ge=3, description="days with measured power a customer needs")
    folds: int = Field(ge=2, le=12, description="rolling-origin windows; the first only calibrates")
    fold_days: int = Field(ge=1, le=60)
    function_rows: int = Field(ge=1000, description="daylight rows that the function trains in its time")
    container_rows: int = Field(ge=1000)
    rows_of_others: int = Field(ge=0, description="daylight rows of other customers to learn from")
    min_unseen_days: int = Field(ge=1, description="days the comparison needs")
    min_gain_percent: float = Field(
        ge=0, description="how much better a candidate must be, % of pinball loss"
    )


class ForecastRules(_Strict):
    """What is forecast, and for how long an answer stands."""

    default_horizon_hours: int = Field(ge=1, le=168)
    max_horizon_hours: int = Field(ge=1, le=168)
    fresh_minutes: int = Field(ge=1, description="a stored forecast younger than this is answered as it is")
    nowcast_hours: int = Field(ge=0, description="recent telemetry that corrects the first hours")
    min_accuracy_percent: float = Field(ge=0, le=100)


class ForecastingConfig(_Strict):
    """`configs/forecasting.yaml`."""

    booster: BoosterSettings
    training: TrainingRules
    forecast: ForecastRules


FILES: dict[str, type[BaseModel]] = {
    "ooda/detection.yaml": DetectionConfig,
    "ooda/loss_function.yaml": LossFunctionConfig,
    "ooda/categories.yaml": CategoriesConfig,
    "ooda/causes.yaml": CausesConfig,
    "ooda/trends.yaml": TrendRules,
    "ooda/parts.yaml": PartsCatalogue,
    "forecasting.yaml": ForecastingConfig,
    "notifications.yaml": NotificationRules,
    "extensions/ticketing.yaml": TicketingConfig,
    "extensions/custom_services.yaml": CustomServices,
    "services.yaml": ServicesConfig,
}


def directory() -> Path:
    """Where the configuration lies: `ONA_CONFIG_DIR`, set by the template to the layer's folder."""
    return Path(os.environ.get("ONA_CONFIG_DIR", "/opt"))


def read_yaml(path: Path) -> Any:
    """A YAML file. Raises InvalidConfiguration when it is absent or no YAML."""
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidConfiguration(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"{path}: no valid YAML: {error}") from error


def validated(model: type[ModelT], document: Any, name: str) -> ModelT:
    """Check a document against its model. Raises InvalidConfiguration with file, key and reason."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()
        )
        raise InvalidConfiguration(f"{name}: {problems}") from error


@cache
def _load(name: str, base: Path) -> Any:
    return validated(FILES[name], read_yaml(base / name), name)


def detection() -> DetectionConfig:
    """`ooda/detection.yaml`."""
    config: DetectionConfig = _load("ooda/detection.yaml", directory())
    return config


def loss_function() -> LossFunctionConfig:
    """`ooda/loss_function.yaml`, without the run-time weights."""
    config: LossFunctionConfig = _load("ooda/loss_function.yaml", directory())
    return config


def categories() -> CategoriesConfig:
    """`ooda/categories.yaml`."""
    config: CategoriesConfig = _load("ooda/categories.yaml", directory())
    return config


def causes() -> dict[str, CauseRule]:
    """`ooda/causes.yaml`."""
    config: CausesConfig = _load("ooda/causes.yaml", directory())
    return config.root


def trends() -> TrendRules:
    """`ooda/trends.yaml`."""
    config: TrendRules = _load("ooda/trends.yaml", directory())
    return config


def rule_for(known: dict[str, CauseRule], cause: str) -> CauseRule:
    """A cause's rule; one that `causes.yaml` does not have is treated as an unknown pattern."""
    return known.get(cause) or known["unknown_pattern"]


def forecasting() -> ForecastingConfig:
    """`forecasting.yaml`."""
    config: ForecastingConfig = _load("forecasting.yaml", directory())
    return config


def parts() -> PartsCatalogue:
    """`ooda/parts.yaml`."""
    config: PartsCatalogue = _load("ooda/parts.yaml", directory())
    return config


def notifications() -> NotificationRules:
    """`notifications.yaml`."""
    config: NotificationRules = _load("notifications.yaml", directory())
    return config


def ticketing() -> TicketingConfig:
    """`extensions/ticketing.yaml`."""
    config: TicketingConfig = _load("extensions/ticketing.yaml", directory())
    return config


def custom_services() -> CustomServices:
    """`extensions/custom_services.yaml`."""
    config: CustomServices = _load("extensions/custom_services.yaml", directory())
    return config


def services() -> dict[str, ServiceLimits]:
    """`services.yaml`."""
    config: ServicesConfig = _load("services.yaml", directory())
    return config.root


def source_profiles() -> dict[str, Any]:
    """All profiles under `sources/`, by name. Raises InvalidConfiguration for a wrong one."""
    return _source_profiles(directory())


@cache
def _source_profiles(base: Path) -> dict[str, Any]:
    from ona.sources import SourceProfile  # pandas: only where telemetry is read

    profiles = {}
    for path in sorted((base / "sources").glob("*.yaml")):
        profile = validated(SourceProfile, read_yaml(path), f"sources/{path.name}")
        if profile.name != path.stem:
            raise InvalidConfiguration(
                f"sources/{path.name}: name: {profile.name!r} must equal the file's name"
            )
        profiles[profile.name] = profile
    return profiles


def parameter(name: str) -> str | None:
    """A run-time value under `/ona-platform/<env>/`, or None when it is not set.

    Raises DependencyBusy when Parameter Store is.
    """
    path = _path(name)
    try:
        answer = client("ssm").get_parameter(Name=path, WithDecryption=True)
    except Exception as error:
        response = getattr(error, "response", None) or {}
        if response.get("Error", {}).get("Code") == "ParameterNotFound":
            return None
        raise translate(error, f"ssm {path}") from error
    value: str = answer["Parameter"]["Value"]
    return value


def secret(path: str) -> str:
    """A secret by its path, `/ona-platform/<any environment>/<name>`: that of this environment, so that one
    file serves all. Raises InvalidConfiguration when it is not set, DependencyBusy."""
    name = path.rpartition("/")[2]
    value = parameter(name)
    if not value:
        where = _path(name)
        raise InvalidConfiguration(
            f"parameter {where} is not set: aws ssm put-parameter --type SecureString --name {where} …"
        )
    return value


def _path(name: str) -> str:
    return f"/ona-platform/{os.environ.get('ONA_ENVIRONMENT', 'dev')}/{name}"


def detection_threshold() -> float:
    """Severity from which an incident is acted on: Parameter Store's, else the file's.

    Raises InvalidConfiguration when the parameter is no number between 0 and 1.
    """
    text = parameter("detection-threshold")
    if text is None:
        return detection().algorithms.severity.threshold
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise InvalidConfiguration(f"parameter detection-threshold: {text!r} is no number between 0 and 1")
    return value


def loss_weights() -> LossWeights:
    """The plan's weights: the file's, with Parameter Store's JSON object over it, key by key."""
    base = loss_function().weights
    text = parameter("loss-function-weights")
    if text is None:
        return base
    try:
        over = json.loads(text)
    except ValueError as error:
        raise InvalidConfiguration(f"parameter loss-function-weights: no JSON: {error}") from error
    if not isinstance(over, dict):
        raise InvalidConfiguration("parameter loss-function-weights: must be a JSON object")
    return validated(LossWeights, {**base.model_dump(), **over}, "parameter loss-function-weights")
