"""`configs/ooda/causes.yaml`: what a cause is called elsewhere, and what it means for the work.

rule = rule_for(cause_rules(), "inverter_failure")
rule.duration_hours, rule.needs_part      # 4.0, "power_module"
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, RootModel

from ona.config.files import ConfigFile
from ona.documents.base import Document

Light = Literal["any", "day", "dark"]
"""When work can be done: at any time, with the sun up, or with the sun down."""


class CauseRule(Document):
    """What a cause is called elsewhere, and what it means for the work."""

    category: str = Field(description="of `configs/ooda/categories.yaml`, with its subcategory")
    subcategory: str
    orange_button: str = Field(description="failure mechanism, in the wording of Orange Button's taxonomy")
    sunspec: list[str] = Field(description="event bits of SunSpec models 101 to 103, where one fits")
    error_type: Literal["normal", "warning", "critical", "fault", "offline", "standby", "unknown"] = Field(
        description="of ODS-E 1.0"
    )
    fault: bool = Field(default=True, description="false: it explains a loss, nobody is sent")
    component_type: str = Field(description="of the asset's component that is concerned")
    specialization: str = Field(description="the skill that a crew needs")
    duration_hours: float = Field(gt=0, description="hours of work, without the way")
    crew_size: int = Field(ge=1, description="technicians")
    equipment: list[str] = Field(
        default=[], description="what the crew must bring, by name (a lift); its crews' items list it"
    )
    light: Light = Field(default="any", description="whether the work wants the sun up, or down")
    growth_percent_per_day: float = Field(
        ge=0, description="% by which the daily loss grows a day while nothing is done"
    )
    recurrence_per_day: float = Field(
        default=1.0, ge=0, le=1, description="chance that a fault that went away comes again on a day"
    )
    needs_part: str | None = Field(description="the catalogue's component type; null: no part is needed")
    actions: list[str] = Field(description="what is recommended, in order")


class CausesConfig(RootModel[dict[str, CauseRule]]):
    """`configs/ooda/causes.yaml`: rules by the cause's own name."""

    model_config = ConfigDict(frozen=True)


FILE = ConfigFile("ooda/causes.yaml", CausesConfig)


def cause_rules() -> dict[str, CauseRule]:
    """`ooda/causes.yaml`."""
    return FILE.read().root


def rule_for(rules: dict[str, CauseRule], cause: str) -> CauseRule:
    """A cause's rule; a cause that `causes.yaml` lacks has the rule of an unknown pattern."""
    return rules.get(cause) or rules["unknown_pattern"]
