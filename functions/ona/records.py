"""The documents that the loop writes to S3, as models: what one step leaves for the next and for people.

Field names are fixed by the contract; units stand in the names (kW, kWh, USD, h).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ona.errors import InvalidPayload
from ona.payloads import S3Pointer


class Record(BaseModel):
    """Base of all documents."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return self.model_dump(mode="json")

    @classmethod
    def read(cls, document: Any, where: str) -> Any:
        """Validate a stored document. Raises InvalidPayload naming where it lies and what is wrong."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise InvalidPayload(
                f"{where} is no valid {cls.__name__}: {place}: {first['msg']} "
                f"({error.error_count()} problems)"
            ) from error


class Window(Record):
    """From the first to the last reading concerned, UTC."""

    start: datetime
    end: datetime


# ------------------------------------------------------------------ observe

IncidentKind = Literal["outage", "underperformance", "site_outage", "over_temperature", "over_voltage"]


class Evidence(Record):
    """What one detector says: a sentence for people, and the number against its limit."""

    detector: str
    statement: str
    value: float
    limit: float


class Signals(Record):
    """How the incident looks; what diagnosis works on."""

    zero_share: float = Field(description="share of its readings with (nearly) no power")
    loss_share: float = Field(description="share of the expected energy that was lost")
    loss_spread: float = Field(description="standard deviation of the loss share over its readings")
    day_share: float = Field(description="share of the day's daylight readings inside it")
    temperature_max_c: float | None = None
    temperature_correlation: float | None = Field(
        default=None, description="rank correlation of loss share and temperature"
    )
    voltage_ratio: float | None = Field(
        default=None, description="median voltage inside it over the usual one at work"
    )
    plateau_share: float = Field(description="share of its readings held at one level")
    plateau_level: float = Field(description="that level over the asset's capacity")
    stops: int = Field(description="how often power fell to zero inside it")
    recovered: bool = Field(description="the file shows it working again afterwards")


class Incident(Record):
    """One stretch of time in which an asset did not do what was expected."""

    incident_id: str
    asset_id: str
    kind: IncidentKind
    window: Window
    duration_hours: float
    expected_power_kw: float
    measured_power_kw: float
    deviation_kw: float
    deviation_percent: float
    lost_energy_kwh: float
    severity: float = Field(ge=0, le=1)
    confidence: float = Field(ge=0, le=1)
    actionable: bool
    signals: Signals
    evidence: list[Evidence]


class QualityIssue(Record):
    """A problem of the data, not of the machine. No loss is booked for it."""

    kind: Literal["missing_readings", "stale_values", "unit_error", "implausible_power", "no_reference"]
    statement: str
    readings: int


class QualitySummary(Record):
    """Completeness: readings that came over those due. Accuracy: valid readings over those that came."""

    completeness_percent: float
    accuracy_percent: float
    issues: list[QualityIssue]


class AssetDetection(Record):
    """What was seen of one asset in one file."""

    asset_id: str
    site_id: str
    window: Window
    basis: Literal["irradiance", "irradiance+peers", "peers", "forecast", "none"]
    basis_reason: str
    expected_energy_kwh: float
    measured_energy_kwh: float
    lost_energy_kwh: float
    daily_expected_kwh: list[float] = Field(description="expected energy of each day known, kWh")
    daily_measured_kwh: list[float] = Field(description="measured energy of the same days, kWh")
    residual_shares: list[float] = Field(
        description="hourly (expected − measured) over expected outside incidents, for intervals"
    )
    quality: QualitySummary
    incidents: list[Incident]


class FileQuality(Record):
    """Row counts of the whole file, by reason."""

    rows_read: int
    rows_used: int
    rejected: dict[str, int]
    flagged: dict[str, int]


class DetectionRecord(Record):
    """Output of Detect: `detections/YYYY/MM/DD/det-….json`."""

    detection_id: str
    execution_id: str
    source: S3Pointer
    source_profile: str = ""
    generated_at: datetime
    detection_threshold: float
    file_quality: FileQuality
    assets: list[AssetDetection]
    telemetry: list[S3Pointer]


# ------------------------------------------------------------------ orient


class FindingComponent(Record):
    """The part concerned. Empty OEM and model: the registry names no such part."""

    oem: str = ""
    model: str = ""
    serial: str = ""
    type: str


class ConfidenceInterval(Record):
    """80 % interval."""

    lower: float
    upper: float


class RiskHorizon(Record):
    """Energy at Risk if nothing is done until the horizon: growth of the fault included."""

    hours: int
    loss_kwh: float
    loss_usd: float
    confidence_interval: ConfidenceInterval


class EnergyAtRisk(Record):
    """Energy that will be lost. `daily_*` is the coming day's; the interval is of `daily_loss_kwh`."""

    daily_loss_kwh: float
    daily_loss_usd: float
    confidence_interval: ConfidenceInterval
    horizons: list[RiskHorizon]
    growth_percent_per_day: float
    lost_so_far_kwh: float
    lost_so_far_usd: float


class Finding(Record):
    """A cause, named, with what it costs and what to do."""

    finding_id: str
    finding_key: str = Field(description="the same fault gives the same key on every day")
    asset_id: str
    component: FindingComponent
    severity: float
    risk_class: Literal["critical", "major", "minor", "negligible"]
    rank_score: float
    category: str
    subcategory: str
    description: str
    reasons: list[str]
    confidence: float
    recommended_actions: list[str]
    energy_at_risk: EnergyAtRisk
    first_seen: datetime
    last_seen: datetime
    incident_ids: list[str]


class TrendAnalysis(Record):
    """None where there is too little history to say."""

    degradation_rate_percent_per_year: float | None
    performance_trend: Literal["improving", "stable", "declining", "unknown"]
    next_maintenance_due: datetime | None


class Diagnostic(Record):
    """Output of Diagnose: `diagnostics/YYYY/MM/DD/diag-….json`, one an asset."""

    diagnostic_id: str
    asset_id: str
    analysis_timestamp: datetime
    detection: S3Pointer
    findings: list[Finding]
    trend_analysis: TrendAnalysis


# ------------------------------------------------------------------ decide


class CrewAssignment(Record):
    """Who goes."""

    crew_id: str
    technician_count: int
    specialization: str


class Job(Record):
    """One finding and what was decided about it."""

    finding_id: str
    finding_key: str
    asset_id: str
    site_id: str
    diagnostic: S3Pointer
    decision: Literal["scheduled", "deferred", "already_ordered", "unschedulable"]
    reason: str
    priority: Literal["critical", "high", "medium", "low"]
    duration_hours: float
    scheduled_start: datetime | None = None
    scheduled_end: datetime | None = None
    crew_assignment: CrewAssignment | None = None
    travel_km: float = 0.0
    parts_arrive: datetime | None = None
    loss_terms: dict[str, float] = {}
    work_order_id: str = ""


class Schedule(Record):
    """Output of Schedule: `schedules/YYYY/MM/DD/sched-….json`."""

    schedule_id: str
    created_at: datetime
    weights: dict[str, float]
    jobs: list[Job]


# ------------------------------------------------------------------ act


class BomLine(Record):
    """One part of a bill of materials."""

    sku: str
    description: str
    component_type: str
    quantity: int
    unit_price_usd: float | None
    total_price_usd: float | None
    lead_time_days: float | None
    supplier: str
    warranty_months: int | None
    score: float | None
    recommended: bool


class OrderRisk(Record):
    """What the repair saves. `roi_days` = cost ÷ daily loss; None where nothing is lost."""

    daily_loss_usd: float
    total_risk_usd: float
    roi_days: float | None


class WorkOrder(Record):
    """Output of Order: `work-orders/YYYY/MM/DD/wo-….json`."""

    work_order_id: str
    asset_id: str
    created_at: datetime
    priority: str
    title: str
    description: str
    recommended_actions: list[str]
    component: FindingComponent
    estimated_duration_hours: float
    scheduled_start: datetime
    scheduled_end: datetime
    crew_assignment: CrewAssignment
    bill_of_materials: list[BomLine]
    alternatives: list[BomLine]
    total_cost_usd: float
    energy_at_risk: OrderRisk
    finding_id: str
    finding_key: str
    status: str
