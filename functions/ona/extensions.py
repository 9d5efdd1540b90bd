"""Models of `configs/notifications.yaml` and of what lies under `configs/extensions/`: other people's
systems that orders are told to. Everything there is off until somebody names a system."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ona.clock import Weekday
from ona.records import OrderStatus, Priority


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _address(url: str) -> str:
    """An endpoint: https, or http on this machine, where tests and trials run."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost")
    if not parts.hostname or parts.scheme not in (("http", "https") if local else ("https",)):
        raise ValueError("must be https://host[/path]")
    if parts.username or parts.password:
        raise ValueError("must hold no user and no password: those go to Parameter Store")
    return url.rstrip("/")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except Exception as error:
        raise ValueError(f"{name!r} is no IANA time zone") from error
    return name


Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]


# ------------------------------------------------------------------ notifications.yaml


class QuietHours(_Strict):
    """From `start` to `end`, over midnight where `start` is later."""

    start: time
    end: time

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end must differ; no quiet hours: quiet_hours: null")
        return self


class Digest(_Strict):
    """The day's overview, at this local time."""

    at: time
    days: list[Weekday] = Field(min_length=1)


class NotificationRules(_Strict):
    """`configs/notifications.yaml`: what people are told, and when."""

    timezone: Zone
    quiet_hours: QuietHours | None
    always: list[Priority] = Field(description="priorities that do not wait for quiet hours to end")
    single_messages: int = Field(ge=1, description="more than so many at once become one message")
    messages_an_hour: int = Field(ge=1, description="of one recipient; what is more comes in the next hour")
    digest: Digest | None


# ------------------------------------------------------------------ extensions/ticketing.yaml


class _System(_Strict):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    url: Address
    secret_parameter: str = Field(pattern=r"^/ona-platform/[a-z]+/ticketing-[a-z0-9-]+$")
    customers: list[str] = Field(default=[], description="whose orders go there; none named: everybody's")

    def takes(self, customer_id: str) -> bool:
        """Whether a customer's orders go there."""
        return not self.customers or customer_id in self.customers


class _Tickets(_System):
    auth_header: str = Field(
        default="",
        description="header that carries the secret as it is; none: Basic for user:secret, Bearer",
    )
    poll_minutes: int = Field(default=5, ge=1, le=1440, description="how often tickets are asked for")
    statuses: dict[str, OrderStatus] = Field(
        default={}, description="its statuses in our words; the first of each of ours is set there"
    )
    priorities: dict[Priority, str] = Field(default={}, description="our priorities in its words")


class JiraSystem(_Tickets):
    """Jira Service Management, REST API v3 and its service desk API."""

    kind: Literal["jira"]
    service_desk_id: str
    request_type_id: str


class ServiceNowSystem(_Tickets):
    """ServiceNow, Table API."""

    kind: Literal["servicenow"]
    table: str = Field(default="incident", pattern=r"^[a-z_0-9]+$")
    close_code: str = "Solution provided"
    hold_reason: str = "1"


class AtlasSystem(_Tickets):
    """Atlas CMMS."""

    kind: Literal["atlas"]


class WebhookSystem(_System):
    """A signed webhook of the operator's own."""

    kind: Literal["webhook"]


TicketSystem = JiraSystem | ServiceNowSystem | AtlasSystem
System = Annotated[TicketSystem | WebhookSystem, Field(discriminator="kind")]


class TicketingConfig(_Strict):
    """`configs/extensions/ticketing.yaml`."""

    systems: list[System]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [system.name for system in self.systems]
        if len(set(names)) != len(names):
            raise ValueError("two systems have one name")
        return self


# ------------------------------------------------------------------ extensions/custom_services.yaml


class InsuranceAutomation(_Strict):
    """Claims to an insurer for orders whose repair and lost production pass a threshold."""

    enabled: bool
    api_endpoint: Address
    api_key_parameter: str = Field(pattern=r"^/ona-platform/[a-z]+/insurance-api-key$")
    claim_threshold_usd: float = Field(ge=0)
    auto_submission: bool = Field(
        description="false: people are told what could be claimed, nothing is sent"
    )
    notification_email: str = Field(default="", pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$")

    def covers(self, at_stake_usd: float) -> bool:
        """Whether so much is claimed."""
        return self.enabled and at_stake_usd >= self.claim_threshold_usd


class CustomServices(_Strict):
    """`configs/extensions/custom_services.yaml`."""

    insurance_automation: InsuranceAutomation


__all__ = [
    "AtlasSystem", "CustomServices", "Digest", "InsuranceAutomation", "JiraSystem", "NotificationRules",
    "QuietHours", "ServiceNowSystem", "System", "TicketSystem", "TicketingConfig", "WebhookSystem",
]  # fmt: skip
