"""A finding: a cause, named, with what it costs and what to do."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.documents.base import Document

IncidentState = Literal["open", "recovering", "closed", "superseded"]
"""An incident is open while it lasts; recovering when its asset gave its power again, on a later day or
within the day; closed after enough such days; superseded when the site layer withdrew or merged it."""


class FindingComponent(Document):
    """The part concerned. Empty OEM and model: the registry names no such part."""

    oem: str = ""
    model: str = ""
    serial: str = ""
    type: str


class ConfidenceInterval(Document):
    """80 % interval, in the unit of what it is of."""

    lower: float
    upper: float


class RiskHorizon(Document):
    """Energy at Risk if nothing is done for so many hours: kWh and USD, growth of the fault included. The
    interval is of `loss_kwh`."""

    hours: int
    loss_kwh: float
    loss_usd: float
    confidence_interval: ConfidenceInterval


class EnergyAtRisk(Document):
    """Energy that will be lost: kWh and USD. `daily_*` is the coming day's; the interval is of
    `daily_loss_kwh`."""

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


class Finding(Document):
    """A cause, named, with what it costs and what to do."""

    finding_id: str
    finding_key: str = Field(description="the same fault gives the same key on every day")
    asset_id: str
    component: FindingComponent
    severity: float = Field(description="0 to 1")
    risk_class: Literal["critical", "major", "minor", "negligible"]
    rank_score: float = Field(description="0 to 1, by severity, frequency and recency; ranks findings")
    cause: str = Field(description="its name in `configs/ooda/causes.yaml`")
    category: str
    subcategory: str
    orange_button: str = ""
    sunspec: list[str] = []
    error_type: str = "unknown"
    description: str
    reasons: list[str]
    confidence: float = Field(description="0 to 1")
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
