"""`configs/ooda/parts.yaml`: the catalogue of spare parts.

>>> fan = Part(sku="FAN", description="", component_type="fan", oem="*", model="*", lead_time_days=6)
>>> fan.wait_days, fan.model_copy(update={"stock": 2}).wait_days
(6.0, 0.0)
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ona.config.files import ConfigFile
from ona.documents.base import Document

MOST_PRICE_USD, MOST_PIECES = 100_000_000.0, 1_000_000
"""USD of a part, and pieces: beyond is a typing error (ours)."""
MOST_LEAD_DAYS, MOST_WARRANTY_MONTHS = 3_650.0, 1_200
"""Ten years, and a century as for components in `assets.json`: a longer wait leaves the calendar (ours)."""


class Consumable(Document):
    """What is used up with a part: so many of another line of the catalogue."""

    sku: str
    quantity: int = Field(default=1, ge=1, le=MOST_PIECES)


class Part(Document):
    """A spare part: USD, days, months. A part without price or lead time ranks last."""

    sku: str
    description: str
    component_type: str
    oem: str
    model: str
    unit_price_usd: float | None = Field(default=None, ge=0, le=MOST_PRICE_USD)
    lead_time_days: float | None = Field(default=None, ge=0, le=MOST_LEAD_DAYS)
    supplier: str = ""
    warranty_months: int | None = Field(default=None, ge=0, le=MOST_WARRANTY_MONTHS)
    stock: int | None = Field(
        default=None,
        ge=0,
        le=MOST_PIECES,
        description="pieces on the own shelf: with one there, nobody waits; not counted down",
    )
    consumables: list[Consumable] = Field(default=[], description="what is used up with it")
    most_a_repair: int = Field(
        default=10,
        ge=1,
        description="pieces that one repair may need at most: reports of more teach nothing",
    )

    @property
    def wait_days(self) -> float | None:
        """Days until it is there: 0 where one is on the own shelf, None where nothing is listed."""
        return 0.0 if self.stock else self.lead_time_days


class PartsCatalogue(Document):
    """`configs/ooda/parts.yaml`; its JSON Schema: docs/parts.schema.json. Version 2 has `stock` and
    `consumables`; files of version 1 are read as they are."""

    version: Literal[1, 2]
    parts: list[Part]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        skus = [part.sku for part in self.parts]
        twice = sorted({sku for sku in skus if skus.count(sku) > 1})
        if twice:
            raise ValueError(f"sku listed twice: {', '.join(twice)}")
        absent = sorted({item.sku for part in self.parts for item in part.consumables} - set(skus))
        if absent:
            raise ValueError(f"consumables that are not in the catalogue: {', '.join(absent)}")
        return self


FILE = ConfigFile("ooda/parts.yaml", PartsCatalogue)


def parts_catalogue() -> PartsCatalogue:
    """`ooda/parts.yaml`."""
    return FILE.read()
