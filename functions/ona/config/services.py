"""`configs/services.yaml`: sizes and limits of the functions."""

from __future__ import annotations

from pydantic import ConfigDict, Field, RootModel

from ona.config.files import ConfigFile
from ona.documents.base import Document


class ServiceLimits(Document):
    """One function's size and limits; the bounds are those of AWS Lambda."""

    memory: int = Field(ge=128, le=10240, description="MB")
    timeout: int = Field(ge=1, le=900, description="s")
    max_file_size_mb: float | None = Field(default=None, gt=0, description="MB; null: it reads no files")


class ServicesConfig(RootModel[dict[str, ServiceLimits]]):
    """`configs/services.yaml`: limits by the function's name."""

    model_config = ConfigDict(frozen=True)


FILE = ConfigFile("services.yaml", ServicesConfig)


def service_limits() -> dict[str, ServiceLimits]:
    """`services.yaml`."""
    return FILE.read().root
