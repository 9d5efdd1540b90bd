"""What Diagnose writes: one diagnostic document an asset."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.documents.base import Document, S3Pointer
from ona.documents.findings import (
    ConfidenceInterval,
    Finding,
)


class Soiling(Document):
    """Dirt on the modules, from how the clear-sky level falls between rains or cleanings."""

    rate_percent_per_day: float
    loss_percent: float = Field(description="what it takes now, of what a clean asset would give")
    daily_loss_usd: float
    cleaning_advised: bool
    payback_days: float | None = Field(description="days in which a cleaning pays for itself; None: never")
    reason: str


class TrendAnalysis(Document):
    """None where there is too little history to say."""

    degradation_rate_percent_per_year: float | None
    degradation_interval: ConfidenceInterval | None = None
    performance_trend: Literal["improving", "stable", "declining", "unknown"]
    soiling: Soiling | None = None
    next_maintenance_due: datetime | None


class Diagnostic(Document):
    """Output of Diagnose: `diagnostics/YYYY/MM/DD/diag-….json`, one an asset."""

    diagnostic_id: str
    asset_id: str
    analysis_timestamp: datetime
    detection: S3Pointer
    findings: list[Finding]
    trend_analysis: TrendAnalysis
