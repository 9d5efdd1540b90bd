"""What Detect writes: the detection record with its incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.documents.base import Document, S3Pointer
from ona.documents.findings import IncidentState
from ona.runtime.words import counted, listed, shortened


class Window(Document):
    """From the first to the last reading concerned, UTC."""

    start: datetime
    end: datetime


Basis = Literal["irradiance", "irradiance+peers", "wind", "peers", "clear_sky", "forecast", "none"]
"""What expected power was derived from (`detect/expected.py`)."""


IncidentKind = Literal[
    "outage",
    "underperformance",
    "site_outage",
    "over_temperature",
    "over_voltage",
    "curtailment",
    "snow",
    "operation",
]
"""Curtailment, snow and operation are recognised and are no faults: they explain a loss, nobody is sent.
Operation is a stop on purpose: an event log says so, or machines are switched off in turn."""


NO_FAULT: frozenset[str] = frozenset({"curtailment", "snow", "operation"})
"""Kinds that explain a loss and are no fault of the asset."""
PlantCause = Literal["grid", "operation", "curtailment", "snow"]
"""Why machines of a plant stop or are held together: no machine's fault, and no crew goes to each."""


EventClass = Literal[
    "fault", "planned", "operator", "grid", "curtailment", "environment", "communication", "information"
]
"""What an entry of an event log means (`configs/ooda/event_codes.yaml`)."""


class LoggedEvent(Document):
    """What an event log says of an episode or incident; entries of one code are one."""

    event_class: EventClass
    code: str
    text: str
    cause: str = Field(default="", description="of causes.yaml: what code or text hints at")
    start: datetime
    end: datetime
    share: float = Field(ge=0, le=1, description="share of the episode's or incident's time that it covers")
    entries: int = Field(default=1, description="how often it was logged")


class Evidence(Document):
    """What one detector says: a sentence for people, and the number against its limit."""

    detector: str
    statement: str
    value: float
    limit: float


class Signals(Document):
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
    from_dawn: float = Field(default=0.0, description="1: it began with its day")
    temperature_max_c: float | None = None
    temperature_correlation: float | None = Field(
        default=None, description="rank correlation of loss share and temperature"
    )
    cell_max_c: float | None = Field(
        default=None, description="how warm the modules should have been at most, °C"
    )
    cell_correlation: float | None = Field(
        default=None,
        description="rank correlation of loss share and the modules' temperature at the same power due",
    )
    warmth_c: float | None = Field(
        default=None, description="how much warmer the device was at work than it usually is, °C"
    )
    voltage_ratio: float | None = Field(
        default=None, description="median voltage inside it over the usual one at that warmth and light"
    )
    voltage_spread: float | None = Field(
        default=None, description="how far nine of ten voltages at work lie apart, of their middle"
    )
    voltage_sag: float | None = Field(
        default=None,
        description="how much higher the voltage is at high power due than at low, over the usual",
    )
    efficiency_ratio: float | None = Field(
        default=None, description="AC over DC power inside it over the usual one"
    )
    efficiency_slope: float | None = Field(
        default=None, description="what the efficiency ratio changes from low to high power"
    )
    plateau_share: float = Field(description="of the readings due above a level, the share held at it")
    plateau_level: float = Field(description="that level over the asset's capacity")
    neighbours_off: float | None = Field(
        default=None, description="share of the neighbours without power meanwhile"
    )
    neighbours_in_turn: float | None = Field(
        default=None, description="share of the neighbours that stood still at another time of the day"
    )
    neighbours_held: float | None = Field(
        default=None, description="share of the neighbours held at one level meanwhile"
    )
    roughness: float | None = Field(default=None, description="how much the loss jumps between readings")
    stops: int = Field(description="how often power fell to zero inside it")
    recovered: bool = Field(description="it worked again afterwards on the same day")
    returns: float = Field(
        default=0.0, description="share of its days on which it worked again afterwards; without the last"
    )
    rain_mm: float | None = Field(default=None, description="rain of the 24 hours before it began")
    wet_mm: float | None = Field(
        default=None, description="water that rain had left on surfaces when it began, mm"
    )
    wet_share: float | None = Field(
        default=None, description="share of its further stops that began while surfaces were wet"
    )
    rain_cleans: float | None = Field(
        default=None, description="how much less it grew over days with rain, over how much that scatters"
    )
    rain_peak_mm: float | None = Field(
        default=None, description="the most in one hour; of a stop since shortly before it last worked"
    )
    snow_mm: float | None = Field(
        default=None, description="water that fell in frost within the 48 hours before it began, mm"
    )
    gust_m_s: float | None = Field(default=None, description="the strongest wind, over the same hours")
    storm_rate: float | None = Field(
        default=None, description="share of the site's other days with as strong a wind or rain; of a storm"
    )
    storm_days: float | None = Field(
        default=None, description="of how many other days of the site the weather is known; of a storm"
    )
    ambient_c: float | None = Field(
        default=None, description="air temperature of the weather service, median"
    )
    frost_share: float | None = Field(
        default=None, description="share of its hours in which the air froze, by energy lost"
    )
    ambient_min_c: float | None = Field(default=None, description="the coldest hour's air, °C")
    ambient_drop_c: float | None = Field(
        default=None, description="how far the air cooled within two of these hours"
    )
    slope_per_day: float | None = Field(
        default=None, description="how much the daily loss share grows a day, over the incident"
    )
    loss_before: float | None = Field(
        default=None, description="loss of the days before it began, over its own: a step, or grown slowly"
    )
    slope_step: float | None = Field(
        default=None,
        description="whether a loss that grew did so at once (1) or by the same share each day (0)",
    )
    plateau_slope: float | None = Field(default=None, description="how much the level held moves a day")
    plateau_step: float | None = Field(
        default=None, description="the largest fall of that level from day to day, of all its change"
    )
    days: int = Field(default=1, description="days on which it was seen")
    same_hours: float | None = Field(
        default=None, description="1: it comes at the same solar hours each day; 0: at any"
    )


class EpisodeWindow(Document):
    """One episode of an incident, or a spell of it: when, how long, and what it cost."""

    window: Window
    hours: float = Field(description="hours of judged readings inside it")
    lost_kwh: float


class Episode(Document):
    """One stretch of a day in which an asset did not do what was expected; incidents are made of them."""

    kind: IncidentKind
    window: Window
    hours: float = Field(description="hours of judged readings inside its spells")
    expected_kwh: float
    lost_kwh: float
    spells: list[EpisodeWindow] = Field(
        default=[], description="when within it power was missing; empty where it was all the time"
    )
    confidence: float = Field(ge=0, le=1)
    signals: Signals
    evidence: list[Evidence]
    events: list[LoggedEvent] = []


class Supersession(Document):
    """Why an incident does not stand any more. `run`: the run of the site layer that found it."""

    reason: Literal["withdrawn", "merged", "judged_again"]
    statement: str
    event_id: str = Field(default="", description="the plant's event that it was merged into")
    run: str
    at: datetime


class Incident(Document):
    """What is wrong with an asset, over days and files: episodes of one kind that belong together.

    Hours, energy and power are those of its episodes; between them the asset may have been well.
    """

    incident_id: str
    asset_id: str
    kind: IncidentKind
    event: str = Field(
        default="", description="the site's event that it is part of: the same for all its machines"
    )
    state: IncidentState
    suspected: bool = Field(
        default=False,
        description="a small loss that is not sure: told with evidence, nothing is booked, nobody is sent",
    )
    window: Window = Field(description="from its first to its last reading so far")
    episodes: list[EpisodeWindow] = Field(
        default=[], description="when it was there, the newest last; empty in older histories"
    )
    duration_hours: float = Field(description="hours of judged readings in its episodes")
    days: int = Field(description="days on which it was seen")
    expected_power_kw: float
    measured_power_kw: float
    deviation_kw: float
    deviation_percent: float
    lost_energy_kwh: float = Field(description="so far; 0 while it is only suspected")
    recent_loss_share: float = Field(
        description="of the last day on which it was seen, the share of the whole day's energy lost to it"
    )
    severity: float = Field(ge=0, le=1)
    confidence: float = Field(ge=0, le=1)
    actionable: bool
    signals: Signals
    evidence: list[Evidence]
    events: list[LoggedEvent] = Field(default=[], description="what event logs say of it, faults first")
    provisional: bool = Field(
        default=False, description="its last day was judged while other machines of its site had not come"
    )
    superseded: Supersession | None = None


class QualityIssue(Document):
    """A problem of the data, not of the asset. No loss is counted for it."""

    kind: Literal[
        "missing_readings",
        "unusable_readings",
        "communication_gap",
        "stale_values",
        "logger_zeros",
        "interpolated_values",
        "unit_error",
        "implausible_power",
        "outliers",
        "clock_shift",
        "sensor_drift",
        "level_shift",
        "no_reference",
    ]
    statement: str
    readings: int
    blinding: bool = Field(
        default=False, description="the asset cannot be judged for hours: somebody must mend it"
    )
    sensor: str = Field(
        default="",
        description="of an irradiance sensor that several machines have: the first of these, by id",
    )


class QualitySummary(Document):
    """Completeness: readings that came over those due. Accuracy: valid readings over those that came."""

    completeness_percent: float
    accuracy_percent: float
    issues: list[QualityIssue]


class AssetDetection(Document):
    """What was seen of one asset in one file."""

    asset_id: str
    site_id: str
    window: Window
    basis: Basis
    basis_reason: str
    expected_energy_kwh: float
    measured_energy_kwh: float
    lost_energy_kwh: float
    set_aside_readings: int = Field(
        default=0, description="readings above 5 × nameplate; in the telemetry store they have no power"
    )
    clipped_hours: float = Field(default=0.0, description="hours at the asset's own ceiling; no fault")
    daily_expected_kwh: list[float] = Field(description="expected energy of each of the last days, kWh")
    daily_measured_kwh: list[float] = Field(description="measured energy of the same days, kWh")
    residual_shares: list[float] = Field(
        description="hourly (expected − measured) over expected outside incidents, for intervals"
    )
    quality: QualitySummary
    incidents: list[Incident] = Field(description="those that this file has part in, as they now stand")


class Geometry(Document):
    """How an irradiance sensor lies to the modules it stands for; degrees, azimuth from north."""

    horizontal: bool
    tilt: float
    azimuth: float
    explained: float = Field(description="share of the power's variance that it explains")


class FileQuality(Document):
    """Row counts of the whole file, by reason."""

    rows_read: int
    rows_used: int
    rejected: dict[str, int]
    flagged: dict[str, int]
    unmeasured: list[str] = Field(
        default=[], description="columns of the contract without a value: what they watch is not watched"
    )


class LogSummary(Document):
    """What came of an event log."""

    events: dict[str, int] = Field(description="events by class")
    unknown: dict[str, int] = Field(
        default={}, description="events whose code and text no table knows, by code; the most frequent ones"
    )
    again: int = Field(default=0, description="telemetry files that were judged again with it")
    left: int = Field(default=0, description="telemetry files of its days that were too many for that")

    def in_words(self) -> str:
        """For the file's outcome."""
        classes = ", ".join(f"{count} {name}" for name, count in self.events.items())
        told = [f"event log: {counted(sum(self.events.values()), 'event')} ({classes})"]
        if self.unknown:
            unknown = listed([shortened(name, LONGEST_CODE) for name in self.unknown], CODES_NAMED)
            told.append(f"{counted(len(self.unknown), 'unknown code')}: {unknown}")
        told += [f"{counted(self.again, 'file')} judged again"] if self.again else []
        told += [f"{counted(self.left, 'file')} left: put them again"] if self.left else []
        return "; ".join(told)


CODES_NAMED, LONGEST_CODE = 5, 40
"""So many unknown codes are named in words, each with so many characters."""


class DetectionRecord(Document):
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
    event_log: LogSummary | None = Field(
        default=None, description="the file was an event log; `assets`: those judged again with it"
    )
