"""`configs/extensions/ticketing.yaml`: the ticketing systems and webhooks that work orders are sent to."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ona.config.fields import Address
from ona.config.files import ConfigFile
from ona.documents.base import Document
from ona.documents.work_orders import OrderStatus, Priority


class _System(Document):
    """What every system has. `secret_parameter` names the parameter that holds its key or password."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    url: Address
    secret_parameter: str = Field(pattern=r"^/ona-platform/[a-z]+/ticketing-[a-z0-9-]+$")
    customers: list[str] = Field(default=[], description="whose orders go there; empty: everybody's")

    def takes(self, customer_id: str) -> bool:
        """Whether a customer's orders are sent to this system."""
        return not self.customers or customer_id in self.customers


class _Tickets(_System):
    """A system that keeps tickets, whose status we ask for."""

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


class TicketingConfig(Document):
    """`configs/extensions/ticketing.yaml`."""

    systems: list[System]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [system.name for system in self.systems]
        if len(set(names)) != len(names):
            raise ValueError("two systems have one name")
        return self


FILE = ConfigFile("extensions/ticketing.yaml", TicketingConfig)


def ticketing_config() -> TicketingConfig:
    """The content of `extensions/ticketing.yaml`. Raises InvalidConfiguration."""
    return FILE.read()
