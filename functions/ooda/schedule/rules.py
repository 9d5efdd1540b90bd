"""What a plan depends on beside findings and crews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ona.config.parts import Part
from ooda.config.loss_function import (
    Constraints,
    CrewRules,
    LossFunctionConfig,
    LossWeights,
    Thresholds,
)

Leg = tuple[float, float]
"""A way between two places: minutes and km."""
Legs = Mapping[tuple[str, str], Leg]
"""Measured ways by the names of their ends: sites, and crews' ids for their bases."""


@dataclass(frozen=True)
class PlanningRules:
    """The user's rules (`config`: `loss_function.yaml`), the `weights` of the loss (the file's, or
    Parameter Store's over them), the `catalogue` of spare parts, and measured ways (`legs`)."""

    config: LossFunctionConfig
    weights: LossWeights
    catalogue: Sequence[Part] = ()
    legs: Legs = field(default_factory=dict)

    @property
    def crew(self) -> CrewRules:
        """What crews can do, and cost."""
        return self.config.crew

    @property
    def constraints(self) -> Constraints:
        """What a plan must obey."""
        return self.config.constraints

    @property
    def thresholds(self) -> Thresholds:
        """Below which daily loss work may wait."""
        return self.config.thresholds
