"""`configs/delivery/notifications.yaml`: what people are told, and when."""

from __future__ import annotations

from typing import Self

from pydantic import (
    Field,
    model_validator,
)

from ona.config.fields import ClockTime, Zone
from ona.config.files import ConfigFile
from ona.documents.base import Document
from ona.documents.work_orders import Priority
from ona.runtime.clock import Weekday


class QuietHours(Document):
    """From `start` to `end`, over midnight where `start` is later."""

    start: ClockTime
    end: ClockTime

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end must differ; no quiet hours: quiet_hours: null")
        return self


class Digest(Document):
    """The day's overview, at this local time."""

    at: ClockTime
    days: list[Weekday] = Field(min_length=1)


class NotificationRules(Document):
    """`configs/delivery/notifications.yaml`: what people are told, and when."""

    timezone: Zone
    quiet_hours: QuietHours | None
    always: list[Priority] = Field(description="priorities that do not wait for quiet hours to end")
    single_messages: int = Field(ge=1, description="more than so many at once become one message")
    messages_an_hour: int = Field(ge=1, description="of one recipient; what is more comes in the next hour")
    digest: Digest | None


FILE = ConfigFile("delivery/notifications.yaml", NotificationRules)


def notification_rules() -> NotificationRules:
    """`delivery/notifications.yaml`."""
    return FILE.read()
