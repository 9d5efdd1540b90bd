"""What CloudWatch knows of the faults behind alarms: which began first, and whether one is over.

An alert that waited whether a cause comes on, or that is told to the next level, is told minutes after its
alarm went on. What it says then is what CloudWatch knows at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from time import monotonic
from typing import Any

from ona.runtime.observability import logger
from operations.config.catalogue import Catalogue
from operations.reading.finding import Client
from operations.reading.first_fault import began
from operations.reading.newest_fault import course

Asked = tuple[str, str, datetime]
"""What is asked, of which alarm, and as of when."""
Answer = datetime | str | None


class Faults:
    """Nothing is known: nobody was asked."""

    def began(self, _name: str, _on_at: datetime) -> datetime | None:
        """When the fault of an alarm (its name without the environment's ending) began that went on at
        `on_at`, UTC; None where it is not known."""
        return None

    def course(self, _name: str, _now: datetime) -> str:
        """What became of it since, in words; empty where it is not known."""
        return ""


PATIENCE_S = 3
"""Seconds that one answer of CloudWatch is waited for, once (ours)."""
ALL_S = 15.0
"""Seconds after which nothing more is asked of it for one event (ours). The function has 60."""


class Measured(Faults):
    """As the values of the alarms' metrics say; of a composite alarm, those of its parts. An answer that
    does not come holds no alert up: it is told without, and stays quiet behind its cause as before.

    One is made for each event. Nothing is asked twice, and nothing more after an answer that did not come.
    """

    def __init__(self, client: Client, catalogue: Catalogue, environment: str) -> None:
        self.client, self.environment = client, environment
        self.parts: Mapping[str, Collection[str]] = {one.name: one.children for one in catalogue.alarms}
        self._known: dict[Asked, Answer] = {}
        self._until = monotonic() + ALL_S

    def began(self, name: str, on_at: datetime) -> datetime | None:
        """See Faults."""

        def ask() -> datetime | None:
            return began(self.client("cloudwatch"), self._judged(name), on_at)

        found = self._once(("began", name, on_at), ask)
        return found if isinstance(found, datetime) else None

    def course(self, name: str, now: datetime) -> str:
        """See Faults."""

        def ask() -> str:
            on = [alarm for alarm in self._judged(name) if alarm["StateValue"] == "ALARM"]
            return course(self.client, on, now, executions=False)[1]

        return str(self._once(("course", name, now), ask) or "")

    def _once(self, what: Asked, ask: Callable[[], Answer]) -> Answer:
        """What CloudWatch answers; None where it does not, or took too long before."""
        if what not in self._known and monotonic() < self._until:
            self._known[what] = None
            try:
                self._known[what] = ask()
            except Exception:
                logger.exception("CloudWatch does not say what became of a fault", alarm=what[1])
                self._until = 0.0
        return self._known.get(what)

    def _judged(self, name: str) -> list[dict[str, Any]]:
        """The metric alarms of an alarm: itself, or its parts."""
        catalogued = f"{name}-{{environment}}"
        names = [
            one.format(environment=self.environment) for one in self.parts.get(catalogued) or [catalogued]
        ]
        found = self.client("cloudwatch").describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])
        alarms: list[dict[str, Any]] = found["MetricAlarms"]
        return alarms
