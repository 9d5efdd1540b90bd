"""`configs/ooda/causes.yaml`: what a cause is called elsewhere, and what it means for the work."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, RootModel

from ona.config.files import ConfigFile
from ona.documents.base import Document

Light = Literal["any", "day", "dark"]


class CauseRule(Document):
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


FILE = ConfigFile("ooda/causes.yaml", CausesConfig)


def cause_rules() -> dict[str, CauseRule]:
    """`ooda/causes.yaml`."""
    return FILE.read().root


def rule_for(known: dict[str, CauseRule], cause: str) -> CauseRule:
    """A cause's rule; one that `causes.yaml` does not have is treated as an unknown pattern."""
    return known.get(cause) or known["unknown_pattern"]
