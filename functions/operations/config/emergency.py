"""`configs/operations/emergency.yaml`: what goes on while the platform is stopped, and how it restarts."""

from __future__ import annotations

from pydantic import Field

from ona.config.files import ConfigFile
from ona.documents.base import Document


class Emergency(Document):
    """How the platform is stopped and started again."""

    goes_on: dict[str, str]
    """Functions and workflows that a stop leaves alone, by their name without `ona-` and the environment;
    beside each the reason."""
    told_before_s: int = Field(ge=1, le=600)
    """Seconds that EventBridge may take until changed targets hold."""
    starts_per_second: float = Field(gt=0, le=1000)
    """So many executions are started in a second when held events are taken up."""
    again_at_once: int = Field(ge=1, le=1000)
    """So many files are worked on at once when files are done again."""
    hanging_times: float = Field(ge=1.5, le=100)
    """An execution hangs when nothing happened in it for so many times as long as 95 % of its like take."""
    hanging_least_s: int = Field(ge=10, le=86_400)
    """Seconds below which nothing is called hanging."""
    patience_s: int = Field(ge=0, le=86_400)
    """Seconds that a stop waits for the executions that run."""


FILE = ConfigFile("operations/emergency.yaml", Emergency)


def emergency() -> Emergency:
    """`emergency.yaml`."""
    return FILE.read()
