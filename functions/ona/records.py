"""The documents that the loop writes to S3, as models: what one step leaves for the next and for people.

Field names are fixed by the contract; units stand in the names (kW, kWh, USD, h).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ona.assets import Location
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

Basis = Literal["irradiance", "irradiance+peers", "wind", "peers", "forecast", "none"]
IncidentKind = Literal[
    "outage", "underperformance", "site_outage", "over_temperature", "over_voltage", "curtailment", "snow"
]
"""Curtailment and snow are recognised and are no faults: they explain a loss, nobody is sent."""
IncidentState = Literal["open", "recovering", "closed"]
NO_FAULT: frozenset[str] = frozenset({"curtailment", "snow"})


class Evidence(Record):
    """What one detector says: a sentence for people, and the number against its limit."""

    detector: str
    statement: str
    value: float
    limit: float


class Signals(Record):
    """How an episode or incident looks; what diagnosis works on. Loss shares are of the expected energy.
    None: not measured, or too little of it."""

    zero_share: float = Field(description="share of its readings with (nearly) no power")
    loss_share: float = Field(description="share of the expected energy that was lost")
    loss_spread: float = Field(description="standard deviation of the loss share over its readings")
    day_share: float = Field(description="share of the day's daylight readings inside it")
    loss_low: float | None = Field(default=None, description="loss while 10 to 40 % of capacity were due")
    loss_high: float | None = Field(
        default=None, description="loss while 60 % of capacity or more were due"
    )
    loss_full: float | None = Field(
        default=None, description="loss while 93 % of capacity or more were due"
    )
    loss_early: float | None = Field(default=None, description="loss in the morning, to 10:30 solar time")
    loss_noon: float | None = Field(default=None, description="loss from 10:30 to 13:30 solar time")
    loss_late: float | None = Field(default=None, description="loss after 13:30 solar time")
    loss_clear: float | None = Field(default=None, description="loss under a clear sky")
    loss_cloudy: float | None = Field(default=None, description="loss under clouds")
    first_slot: int | None = Field(default=None, description="solar half hour in which it began, 0…47")
    from_dawn: float = Field(default=0.0, description="1: it began with the day's first judged readings")
    temperature_max_c: float | None = None
    temperature_correlation: float | None = Field(
        default=None, description="rank correlation of loss share and temperature"
    )
    warmth_c: float | None = Field(
        default=None, description="how much warmer the device was at work than it usually is, °C"
    )
    voltage_ratio: float | None = Field(
        default=None, description="median voltage inside it over the usual one at work"
    )
    efficiency_ratio: float | None = Field(
        default=None, description="AC over DC power inside it over the usual one"
    )
    efficiency_slope: float | None = Field(
        default=None, description="what the efficiency ratio changes from low to high power"
    )
    plateau_share: float = Field(description="of the readings due above a level, the share held at it")
    plateau_level: float = Field(description="that level over the asset's capacity")
    neighbours_held: float | None = Field(
        default=None, description="share of the neighbours held at one level meanwhile"
    )
    roughness: float | None = Field(default=None, description="how much the loss jumps between readings")
    stops: int = Field(description="how often power fell to zero inside it")
    recovered: bool = Field(description="it worked again afterwards on the same day")
    returns: float = Field(default=0.0, description="share of its days on which it worked again afterwards")
    rain_mm: float | None = Field(default=None, description="rain of the 24 hours before it began")
    rain_peak_mm: float | None = Field(default=None, description="the most in one of these hours")
    gust_m_s: float | None = Field(default=None, description="the strongest wind of these hours")
    ambient_c: float | None = Field(
        default=None, description="air temperature of the weather service, median"
    )
    ambient_drop_c: float | None = Field(
        default=None, description="how far the air cooled within two of these hours"
    )
    slope_per_day: float | None = Field(
        default=None, description="how much the daily loss share grows a day, over the incident"
    )
    plateau_slope: float | None = Field(default=None, description="how much the level held moves a day")
    days: int = Field(default=1, description="days on which it was seen")
    same_hours: float | None = Field(
        default=None, description="1: it comes at the same solar hours each day; 0: at any"
    )


class Episode(Record):
    """One stretch of a day in which an asset did not do what was expected; incidents are made of them."""

    kind: IncidentKind
    window: Window
    hours: float = Field(description="hours of judged readings inside it")
    expected_kwh: float
    lost_kwh: float
    confidence: float = Field(ge=0, le=1)
    signals: Signals
    evidence: list[Evidence]


class Incident(Record):
    """What is wrong with an asset, over days and files: episodes of one kind that belong together."""

    incident_id: str
    asset_id: str
    kind: IncidentKind
    state: IncidentState
    window: Window = Field(description="from its first to its last reading so far")
    duration_hours: float = Field(description="hours of judged readings inside it")
    days: int = Field(description="days on which it was seen")
    expected_power_kw: float
    measured_power_kw: float
    deviation_kw: float
    deviation_percent: float
    lost_energy_kwh: float = Field(description="so far")
    recent_loss_share: float = Field(
        description="of the last day on which it was seen, the share of the whole day's energy lost to it"
    )
    severity: float = Field(ge=0, le=1)
    confidence: float = Field(ge=0, le=1)
    actionable: bool
    signals: Signals
    evidence: list[Evidence]


class QualityIssue(Record):
    """A problem of the data, not of the machine. No loss is booked for it."""

    kind: Literal[
        "missing_readings", "communication_gap", "stale_values", "unit_error", "implausible_power",
        "outliers", "clock_shift", "sensor_drift", "no_reference",
    ]  # fmt: skip
    statement: str
    readings: int
    blinding: bool = Field(
        default=False, description="the machine cannot be judged for hours: somebody must mend it"
    )


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
    basis: Basis
    basis_reason: str
    expected_energy_kwh: float
    measured_energy_kwh: float
    lost_energy_kwh: float
    clipped_hours: float = Field(default=0.0, description="hours at the machine's own ceiling; no fault")
    daily_expected_kwh: list[float] = Field(description="expected energy of each day known, kWh")
    daily_measured_kwh: list[float] = Field(description="measured energy of the same days, kWh")
    residual_shares: list[float] = Field(
        description="hourly (expected − measured) over expected outside incidents, for intervals"
    )
    quality: QualitySummary
    incidents: list[Incident] = Field(description="those that this file has part in, as they now stand")


class LevelOfDay(Record):
    """What a day says of a machine against one driver (see `detect/expected.py`); None: nothing."""

    gain: float | None = None
    spread: float | None = None
    cloudy: float | None = Field(default=None, description="spread of the readings under clouds")
    shape: list[float | None] = []


class BookDay(Record):
    """One solar day of a machine as one file told it."""

    basis: Basis
    levels: dict[str, LevelOfDay]
    expected_kwh: float
    measured_kwh: float
    judged_hours: float
    top_kw: float = Field(default=0.0, description="the highest power that was due while it was judged")
    loss: float | None = Field(description="share of the expected energy that did not come, stops apart")
    volts: float | None = None
    efficiency: float | None = None
    warmth_c: float | None = None
    episodes: list[Episode]
    weak: Episode | None = Field(
        default=None,
        description="the whole day, when a little was missing: it counts if it goes on for days",
    )


class Geometry(Record):
    """How an irradiance sensor lies to the modules it stands for; degrees, azimuth from north."""

    horizontal: bool
    tilt: float
    azimuth: float
    explained: float = Field(description="share of the power's variance that it explains")


class AssetBook(Record):
    """What is known of a machine over time: `incidents/<site>/<asset>.json`, one an asset.

    Days are kept by the file that told them, so that a file that comes late, out of order or twice changes
    what it says and nothing else; the incidents follow from the days.
    """

    asset_id: str
    site_id: str
    geometry: Geometry | None = None
    days: dict[str, dict[str, BookDay]] = Field(default={}, description="by date, then by the file's key")
    incidents: list[Incident] = []

    @staticmethod
    def key(site_id: str, asset_id: str) -> str:
        """Where a machine's book lies in the output bucket."""
        return f"incidents/{site_id}/{asset_id}.json"


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
    daily_expected_kwh: float = Field(default=0.0, description="what the coming day would give without it")
    forecast_days: int = Field(
        default=0, description="of the seven days to come, those taken from a forecast"
    )


class Finding(Record):
    """A cause, named, with what it costs and what to do."""

    finding_id: str
    finding_key: str = Field(description="the same fault gives the same key on every day")
    asset_id: str
    component: FindingComponent
    severity: float
    risk_class: Literal["critical", "major", "minor", "negligible"]
    rank_score: float
    cause: str = Field(description="its name in `configs/ooda/causes.yaml`")
    category: str
    subcategory: str
    orange_button: str = ""
    sunspec: list[str] = []
    error_type: str = "unknown"
    description: str
    reasons: list[str]
    confidence: float
    recommended_actions: list[str]
    energy_at_risk: EnergyAtRisk
    first_seen: datetime
    last_seen: datetime
    state: IncidentState = "open"
    alternatives: dict[str, float] = Field(
        default={}, description="other causes that fit, with their scores"
    )
    incident_ids: list[str] = Field(description="the one that it is about first; none for data problems")

    @property
    def incident_id(self) -> str:
        """The incident that it is about: the same on every day, whatever cause the day's data name."""
        return self.incident_ids[0] if self.incident_ids else ""


class Soiling(Record):
    """Dirt on the modules, from how the clear-sky level falls between rains or cleanings."""

    rate_percent_per_day: float
    loss_percent: float = Field(description="what it takes now, of what a clean machine would give")
    daily_loss_usd: float
    cleaning_advised: bool
    payback_days: float | None = Field(description="days in which a cleaning pays for itself; None: never")
    reason: str


class TrendAnalysis(Record):
    """None where there is too little history to say."""

    degradation_rate_percent_per_year: float | None
    degradation_interval: ConfidenceInterval | None = None
    performance_trend: Literal["improving", "stable", "declining", "unknown"]
    soiling: Soiling | None = None
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
    decision: Literal["scheduled", "moved", "deferred", "already_ordered", "unschedulable"]
    reason: str
    priority: Literal["critical", "high", "medium", "low"]
    duration_hours: float
    scheduled_start: datetime | None = None
    scheduled_end: datetime | None = None
    crew_assignment: CrewAssignment | None = None
    travel_km: float = 0.0
    parts_arrive: datetime | None = None
    loss_terms: dict[str, float] = {}
    due: datetime | None = Field(default=None, description="critical work only")
    waiting_a_day_usd: float | None = Field(
        default=None, description="production lost, with the fault's growth, if it were done a day later"
    )
    work_order_id: str = ""


class PlanSummary(Record):
    """How good a plan is: its weighted loss in USD, the bound that no plan can be below (None where none
    was sought), and what two simple rules would cost on the same work."""

    jobs: int = Field(description="planned together, with visits that might have moved")
    loss_usd: float
    bound_usd: float | None
    gap_percent: float | None
    optimal: bool
    timed_out: bool = Field(description="time ran out: the best plan found by then")
    compared: dict[str, float] = {}


class Schedule(Record):
    """Output of Schedule: `schedules/YYYY/MM/DD/sched-….json`."""

    schedule_id: str
    created_at: datetime
    weights: dict[str, float]
    jobs: list[Job]
    summary: PlanSummary | None = Field(default=None, description="None where nothing was to be planned")


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
    stock: int | None = Field(default=None, description="pieces on the own shelf, where the catalogue says")
    consumable: bool = Field(default=False, description="used up with the part, not chosen by the rule")
    under_warranty: bool = Field(
        default=False,
        description="the component's maker replaces it: claim it; its price is not in the cost",
    )


class OrderRisk(Record):
    """What the repair saves. `roi_days` = cost ÷ daily loss; None where nothing is lost."""

    daily_loss_usd: float
    total_risk_usd: float
    roi_days: float | None


OrderStatus = Literal["OPEN", "IN_PROGRESS", "ON_HOLD", "COMPLETE", "CANCELLED"]
Priority = Literal["none", "low", "medium", "high", "critical"]


class WorkOrder(Record):
    """Output of Order: `work-orders/YYYY/MM/DD/wo-….json`, what was ordered. How it stands (status, people,
    hours) is in the tracking table; the API tells both as one."""

    work_order_id: str
    asset_id: str
    customer_id: str = ""
    site_id: str = ""
    location: Location | None = None
    created_at: datetime
    due_date: datetime | None = None
    priority: Priority
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
    incident_id: str = Field(default="", description="the incident to be ended; none for data problems")
    cause: str = Field(default="", description="its name in `configs/ooda/causes.yaml`")
    idempotency_key: str = Field(default="", description="the same for every try to make this order")
    attachments: list[str] = Field(default=[], description="where more is told: keys in the output bucket")
    status: OrderStatus
