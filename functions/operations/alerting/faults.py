"""What CloudWatch knows of the faults behind alarms: which began first, and whether one is over.

An alert that waited whether a cause comes on, or that is told to the next level, is told minutes after its
alarm went on. What it says then is what CloudWatch knows at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ona.runtime.observability import logger
from operations.config.catalogue import Catalogue
from operations.reading.finding import Client
from operations.reading.first_fault import began
from operations.reading.newest_fault import course


class Faults:
    """Nothing is known: nobody was asked."""

    def began(self, _name: str, _on_at: datetime) -> datetime | None:
        """When the fault of an alarm (its name without the environment's ending) began that went on at
        `on_at`, UTC; None where it is not known."""
        return None

    def course(self, _name: str, _now: datetime) -> str:
        """What became of it since, in words; empty where it is not known."""
        return ""


class Measured(Faults):
    """As the values of the alarms' metrics say; of a composite alarm, those of its parts. An answer that
    does not come holds no alert up: it is told without, and stays quiet behind its cause as before."""

    def __init__(self, client: Client, catalogue: Catalogue, environment: str) -> None:
        self.client, self.environment = client, environment
        self.parts: Mapping[str, Collection[str]] = {one.name: one.children for one in catalogue.alarms}

    def began(self, name: str, on_at: datetime) -> datetime | None:
        """See Faults."""
        try:
            return began(self.client("cloudwatch"), self._judged(name), on_at)
        except Exception:
            logger.exception("nobody said when its fault began", alarm=name)
            return None

    def course(self, name: str, now: datetime) -> str:
        """See Faults."""
        try:
            on = [alarm for alarm in self._judged(name) if alarm["StateValue"] == "ALARM"]
        except Exception:
            logger.exception("nobody said whether its fault is over", alarm=name)
            return ""
        return course(self.client, on, now, executions=False)[1]

    def _judged(self, name: str) -> list[dict[str, Any]]:
        """The metric alarms of an alarm: itself, or its parts."""
        catalogued = f"{name}-{{environment}}"
        names = [
            one.format(environment=self.environment) for one in self.parts.get(catalogued) or [catalogued]
        ]
        found = self.client("cloudwatch").describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])
        alarms: list[dict[str, Any]] = found["MetricAlarms"]
        return alarms
