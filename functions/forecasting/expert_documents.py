"""The documents of a forecast's experts: what each said, and what they missed together."""

from __future__ import annotations

import math
from datetime import date

from pydantic import Field

from ona.documents.base import Document


class ExpertErrors(Document):
    """What experts missed in some hours, as `forecasting.model.experts.Heard` has it."""

    through: str = Field(description="the newest day (UTC)")
    hours: float = Field(ge=0.0, description="how many hours; older ones count less")
    products: dict[str, list[float]] = Field(
        description="by expert the mean products of its error with each expert's, in this order"
    )

    def checked(self) -> ExpertErrors:
        """Itself, where it is a square of numbers with a day. Raises ValueError."""
        date.fromisoformat(self.through)
        rows = self.products.values()
        if any(len(row) != len(rows) or not all(map(math.isfinite, row)) for row in rows):
            raise ValueError(f"{self.through}: products of experts' errors are no square of numbers")
        return self


class ExpertSaid(Document):
    """What one expert says of the first hours of a forecast, and its weight in it.

    `median`: shares of capacity by point; None where it is silent.
    """

    name: str
    weight: float
    median: list[float | None]
