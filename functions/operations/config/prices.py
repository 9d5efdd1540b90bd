"""List prices: one dated file of `configs/operations/prices/`, by region; each price says where it stands.

>>> book = Prices.read({"day": "2026-11-28", "regions": {"eu-west-9": {
...     "lambda_request": {"usd": 0.0000002, "assumed": "an example"}}}})
>>> book.of("eu-west-9", "lambda_request").usd
2e-07
>>> book.of("mars-1", "lambda_request")
Traceback (most recent call last):
...
ona.runtime.errors.InvalidConfiguration: no price of lambda_request in region mars-1: add it to configs/operations/prices/
"""  # noqa: E501  the message is one line

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ona.config.files import directory, read_yaml, validated
from ona.documents.base import Document
from ona.runtime.errors import InvalidConfiguration

FOLDER = "operations/prices"
"""The folder of the lists under configs/."""
MEGABYTES = 1024
"""Megabytes of a gigabyte, as Lambda bills memory: 1 024 MB are 1 GB (AWS Lambda pricing, examples)."""
GIGABYTE = 1024**3
STANDING = "standing"
"""The family of what costs while nothing runs: storage, alarms, dashboards."""
Kind = Literal[
    "functions", "workflows", "tables", "objects", "logs", "messages", "apis", "watching", "lake"
]
"""What is paid for, in the words of the bill's lines."""
_KINDS: dict[str, Kind] = {
    "lambda": "functions",
    "states": "workflows",
    "dynamodb": "tables",
    "s3": "objects",
    "logs": "logs",
    "events": "messages",
    "sqs": "messages",
    "sns": "messages",
    "api": "apis",
    "alarm": "watching",
    "dashboard": "watching",
    "metric": "watching",
    "athena": "lake",
}


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
    """One price list. Names of prices begin with their service and end with their unit: sqs_request, …"""

    day: date
    regions: dict[str, dict[str, Price]]

    def of(self, region: str, name: str) -> Price:
        """The price of that name. Raises InvalidConfiguration, which names both, when the list has none."""
        try:
            return self.regions[region][name]
        except KeyError as error:
            told = f"no price of {name} in region {region}: add it to configs/operations/prices/"
            raise InvalidConfiguration(told) from error


def kind_of(name: str) -> Kind:
    """What a price is paid for.

    >>> kind_of("dynamodb_gb_month"), kind_of("lambda_arm64_gb_second")
    ('tables', 'functions')
    """
    return _KINDS[name.split("_", 1)[0]]


def newest(base: Path | None = None) -> Prices:
    """The newest list below a folder of configuration. Raises InvalidConfiguration without one."""
    folder = (base or directory()) / FOLDER
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InvalidConfiguration(f"no price list in {folder}")
    return validated(Prices, read_yaml(files[-1]), str(files[-1]))
