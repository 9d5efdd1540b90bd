"""List prices: one dated file, by region; each price says where it stands.

>>> book = Prices.read({"day": "2026-11-28", "regions": {"eu-west-9": {
...     "lambda_request": {"usd": 0.0000002, "assumed": "an example"}}}})
>>> book.of("eu-west-9", "lambda_request").usd
2e-07
>>> book.of("mars-1", "lambda_request")
Traceback (most recent call last):
...
ops.target.OpsError: no price of lambda_request in region mars-1: add it to configs/operations/prices/
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ona.config.files import read_yaml, validated
from ona.documents.base import Document
from ops.target import CONFIGS, OpsError

IN_CONFIGS = "operations/prices"
"""The folder of the lists under configs/."""
FOLDER = CONFIGS / IN_CONFIGS


class Price(Document):
    """USD for one unit, and where that stands: a page with its day, or why it is only assumed."""

    usd: float = Field(gt=0)
    source: str = ""
    seen: date | Literal["undated", ""] = ""
    quoted: bool = False
    assumed: str = ""

    @model_validator(mode="after")
    def _says_whence(self) -> Self:
        if bool(self.source) == bool(self.assumed):
            raise ValueError("a price has either a source or a reason why it is assumed")
        if self.source and not self.seen:
            raise ValueError("a source has the day on which it was seen, or `undated`")
        return self


class Prices(Document):
    """One price list. Names of prices end with their unit: gb_second, request, gb_month, …"""

    day: date
    regions: dict[str, dict[str, Price]]

    def of(self, region: str, name: str) -> Price:
        """The price of that name. Raises OpsError, which names both, when the list has none."""
        try:
            return self.regions[region][name]
        except KeyError as error:
            told = f"no price of {name} in region {region}: add it to configs/operations/prices/"
            raise OpsError(told) from error


def newest(folder: Path = FOLDER) -> Prices:
    """The newest list. Raises OpsError when there is none, InvalidConfiguration when it is wrong."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise OpsError(f"no price list in {folder}")
    return validated(Prices, read_yaml(files[-1]), str(files[-1]))
