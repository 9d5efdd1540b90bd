"""What the alert log has of an event's alarm, before it is judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from operations.alerting.documents import Alert, Hour, Standing, Window
from operations.config.maintenance import Recurring


@dataclass(frozen=True)
class Known:
    """`causes`: where the alarms stand that would explain this one; `later`: the keys of those whose fault
    began after its own, which explain nothing; `again`: the event has made an alert before; `recurring`,
    `zone`: the windows of the configuration."""

    alert: Alert | None = None
    standing: Standing | None = None
    hour: Hour | None = None
    causes: Sequence[Standing] = ()
    later: Collection[str] = ()
    windows: Sequence[Window] = ()
    recurring: Sequence[Recurring] = ()
    zone: str = "UTC"
    again: bool = False
