"""The documents of a site's accuracy: what was measured of its forecasts, and what calibration keeps."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from forecasting.expert_documents import ExpertErrors
from ona.documents.base import Document


class MeasuredDay(Document):
    """A measured day of a site, as calibration keeps it (`forecasting.model.calibration.Day`)."""

    day: str
    source: Literal["model", "physical", "usual"]
    model_version: str
    scores: list[float]
    hours: list[int] = Field(
        default=[], description="of the UTC day, 1…24, of each score; older ones have none"
    )
    misses: dict[str, tuple[float, float]] = Field(description="shares below and above, by interval")
    experts: ExpertErrors | None = Field(
        default=None, description="of what was served; older ones have none"
    )


class LiveCalibration(Document):
    """`accuracy/<customer>/<site>/live.json`: the measured days of a site, of the last 90.

    `model_version`, `through` and `factors` stand in documents of earlier versions only; nothing is made
    of them.
    """

    days: list[MeasuredDay] = []
    model_version: str = ""
    through: str = ""
    factors: dict[str, dict[str, float]] = {}

    def checked(self) -> LiveCalibration:
        """Itself, where it has measured days or is of an earlier version. Raises ValueError."""
        if not (self.days or self.through):
            raise ValueError("no measured day stands in it")
        for measured in self.days:
            date.fromisoformat(measured.day)
            if not all(level.isdigit() for level in measured.misses):
                raise ValueError(f"{measured.day}: misses of no interval")
            if measured.hours and len(measured.hours) != len(measured.scores):
                raise ValueError(f"{measured.day}: hours of other scores")
            if not all(1 <= hour <= 24 for hour in measured.hours):
                raise ValueError(f"{measured.day}: hours of no day")
            if measured.experts is not None:
                measured.experts.checked()
        return self


class LeadRecord(Document):
    """How good the forecasts of one day were that were issued a certain time before."""

    lead: Literal["first_hours", "day_ahead", "two_days"]
    hours: int
    mae_kw: float
    bias_kw: float = Field(description="forecast less measured")
    pinball_kw: float = Field(description="mean loss at the five levels that a forecast states")
    width_80_kw: float
    width_95_kw: float
    at_or_below: dict[str, int] = Field(description="hours at or below the forecast of each level")


class AccuracyRecord(Document):
    """How good yesterday's forecast was. Accuracy is 100 · (1 − MAE / capacity) over daylight.

    Records of earlier versions end with `coverage_95_percent`.
    """

    customer_id: str
    site_id: str
    day: str
    forecast_id: str
    issued_at: datetime
    model_version: str
    hours: int
    accuracy_percent: float
    mae_kw: float
    bias_kw: float
    coverage_80_percent: float
    coverage_95_percent: float
    capacity_kw: float | None = None
    source: str = Field(default="", description="what made the forecast: model, physical, usual")
    reference_hours: int = Field(default=0, description="hours that have a reference")
    reference_mae_kw: float | None = Field(default=None, description="24-hour clear-sky persistence")
    mae_of_reference_hours_kw: float | None = Field(default=None, description="the forecast's, same hours")
    leads: list[LeadRecord] = []
