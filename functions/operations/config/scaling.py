"""`configs/operations/scaling.yaml`: what one file and one order need, measured, and AWS's quotas."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from ona.config.files import ConfigFile
from ona.documents.base import Document

LOG, STORED = "log_bytes", "stored_bytes"
"""Names in the file that are bytes; every other `what` is the name of a price."""
Need = Literal[
    "concurrency_peak",
    "files_peak",
    "transitions_peak",
    "writes_peak",
    "one_key_peak",
    "reads_peak",
    "puts_peak",
    "gets_peak",
]


class Sample(Document):
    """So many files, each with so many assets, were measured."""

    files: int = Field(ge=1)
    assets: int = Field(ge=1)


class Both(Document):
    """A figure for a small file and for a large one."""

    small: float = Field(ge=0)
    large: float = Field(ge=0)


class FunctionFigures(Document):
    """A function as deployed, and the CPU seconds that one file or one order takes in it."""

    memory_mb: int = Field(ge=128, le=10240, description="megabytes")
    processor: Literal["arm64", "x86_64"]
    timeout_s: float = Field(gt=0, le=900, description="seconds after which Lambda stops it")
    cpu_s: Both


class OfFile(Both):
    """A raw count of the two measurements."""

    family: str
    by: str
    what: str


class OfOrder(Document):
    """A raw count of what the measured orders brought."""

    family: str
    by: str
    what: str
    amount: float = Field(ge=0)


class OfAssetDay(Document):
    """What one asset's day leaves."""

    telemetry_bytes: float = Field(ge=0)


class Quota(Document):
    """A quota of AWS. `raised`: whether AWS raises it when it is asked for."""

    name: str
    code: str
    default: float = Field(gt=0)
    need: Need
    raised: bool = Field(alias="raise")
    source: str


class Figures(Document):
    """The file."""

    measured: date
    small: Sample
    large: Sample
    orders: int = Field(ge=1)
    call_s: float = Field(ge=0, le=10, description="seconds of one call to a service")
    peak: float = Field(ge=1, description="the busiest second over the mean one")
    orders_per_asset_month: float = Field(ge=0)
    functions: dict[str, FunctionFigures]
    per_file: list[OfFile]
    per_order: list[OfOrder]
    one_key: Both
    per_asset_day: OfAssetDay
    standing: dict[str, float]
    quotas: list[Quota]

    @model_validator(mode="after")
    def _sizes_differ(self) -> Self:
        if self.small.assets >= self.large.assets:
            raise ValueError("the large file has more assets than the small one")
        return self


FILE = ConfigFile("operations/scaling.yaml", Figures)
