"""`configs/ooda/trends.yaml`: when a cleaning pays."""

from __future__ import annotations

from pydantic import Field

from ona.config.files import ConfigFile
from ona.documents.base import Document


class TrendRules(Document):
    """`configs/ooda/trends.yaml`: when a cleaning pays."""

    cleaning_threshold_percent: float = Field(
        gt=0, lt=100, description="% of power lost from which dirt is worth a look"
    )
    cost_per_cleaning_usd: float = Field(gt=0, description="USD for one asset's modules")
    roi_threshold_days: int = Field(ge=1, le=365, description="days within which a cleaning should pay")


FILE = ConfigFile("ooda/trends.yaml", TrendRules)


def trend_rules() -> TrendRules:
    """`ooda/trends.yaml`."""
    return FILE.read()
