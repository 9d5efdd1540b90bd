"""What the routes take and give, as models: they validate, and they make the OpenAPI document."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from ona.api.envelope import Envelope
from ona.api.strict import JsonNumber, Moment
from ona.documents.base import Document
from ona.documents.work_orders import OrderStatus, Priority, VisitDay, WorkOrder
from ona.outbox import addresses
from ona.repairs.crews import BookedDay, Booking
from ona.repairs.tracking import (
    LONGEST_ENDPOINT,
    LONGEST_NAME,
    LONGEST_NOTE,
    MOST_ASSIGNEES,
    MOST_HOURS,
    MOST_PARTS,
    MOST_PIECES,
    Subscription,
    SubscriptionKind,
    TrackedOrder,
)
from ooda.documents.detections import Incident, PlantCause, Window

_EMAIL = re.compile(
    r"(?=.{3,254}$)(?=[^@]{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])",
    re.ASCII | re.IGNORECASE,
)
"""An address that can be one (RFC 5321: 64 characters before the @, 254 in all, a host's name behind it);
the confirmation mail shows whether somebody reads it. Amazon SES, which mails for SNS, has no letters
beyond ASCII before the @ (Amazon SES Developer Guide, "Verified identities")."""
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class UnattendedFault(Document):
    """That no crew can go, as the last plan found."""

    why: str
    priority: Priority
    seen_at: AwareDatetime


class SiteIncident(Incident):
    """An incident of an asset of yours."""

    site_id: str
    unattended: UnattendedFault | None = Field(
        default=None, description="why nobody is sent to it; none: somebody is, or nobody needs to go"
    )


class SiteEvent(Document):
    """An event of a plant, in the place of one incident a machine: no machine's fault, nobody is sent."""

    event_id: str
    site_id: str
    cause: PlantCause
    window: Window
    days: list[str]
    machines: list[str] = Field(description="those of yours")
    ended: bool
    statement: str


class IncidentPage(Document):
    """Incidents by asset, then by time. `next` asks for the assets that follow."""

    incidents: list[SiteIncident]
    site_events: list[SiteEvent] = Field(
        default=[], description="of the sites of this page's assets, with those assets"
    )
    next: str | None = Field(description="put it into `next` of the following request; none: that was all")


class HistoryEntry(Document):
    """One thing that happened to an order."""

    status: OrderStatus
    at: AwareDatetime
    by: str
    event: str = Field(description="opened, status, changed, visit_moved, reopened, verified")
    fields: list[str] = Field(default=[], description="what was changed beside the status")
    note: str = ""


class PartUsed(Document):
    """What was really built in, as it was reported."""

    sku: str
    quantity: int


class ReportedPart(Document):
    """What was really built in. Its bounds are those of a report: an order of before may hold more."""

    sku: Name
    quantity: Annotated[int, Field(ge=0, le=MOST_PIECES), JsonNumber]


class OrderState(Document):
    """How an order stands. `version` is what a change must name."""

    work_order_id: str
    asset_id: str
    site_id: str
    title: str
    priority: Priority
    status: OrderStatus
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    due_date: AwareDatetime
    scheduled_start: AwareDatetime
    scheduled_end: AwareDatetime
    visit_days: list[VisitDay] = Field(default=[], description="each day of a visit of several days")
    crew_id: str
    assignees: list[str]
    completed_at: AwareDatetime | None = None
    verified_at: AwareDatetime | None = Field(default=None, description="telemetry says the fault is gone")
    actual_hours: float | None = None
    parts_used: list[PartUsed] = []


class Subscriber(Document):
    """Somebody who is told of an order. Mail goes out once its owner confirmed the address."""

    subscription_id: str
    kind: SubscriptionKind
    endpoint: str
    created_at: AwareDatetime


class NewSubscription(Document):
    """Whom to tell: an e-mail address, or an https address that takes a signed POST."""

    kind: SubscriptionKind
    endpoint: Annotated[str, Field(min_length=3, max_length=LONGEST_ENDPOINT)]

    @model_validator(mode="after")
    def _right_kind(self) -> NewSubscription:
        if not self.endpoint.isprintable():
            raise ValueError("endpoint has characters that cannot be printed")
        if self.kind == "email" and not _EMAIL.fullmatch(addresses.in_ascii(self.endpoint)):
            raise ValueError("endpoint is no e-mail address")
        return self


class Subscribed(Subscriber):
    """A subscription, as the answer to whoever subscribed tells it."""

    secret: str | None = Field(
        default=None, description="of a webhook: verifies its signature (Standard Webhooks); told here only"
    )


class Unsubscribed(Document):
    """A subscription that is no more."""

    subscription_id: str


class OrderPage(Document):
    """Orders, the newest first."""

    work_orders: list[OrderState]
    next: str | None = Field(description="put it into `next` of the following request; none: that was all")


class OrderDetail(Document):
    """What was ordered, how it stands, and what happened to it: a page of its history, the latest first."""

    order: WorkOrder
    state: OrderState
    history: list[HistoryEntry] = Field(description="a page's lines, the oldest of them first")
    subscriptions: list[Subscriber]
    next: str | None = Field(
        default=None, description="put it into `next` of the following request for earlier history"
    )


class OrderChange(Document):
    """What to change, and the version that was read: somebody else's change in between is a conflict."""

    version: Annotated[int, Field(ge=1, description="as read"), JsonNumber]
    status: OrderStatus | None = None
    assignees: list[Name] | None = Field(default=None, max_length=MOST_ASSIGNEES)
    due_date: Moment | None = None
    completed_at: Moment | None = Field(
        default=None, description="with COMPLETE: when the work was done, now if it is not said"
    )
    actual_hours: Annotated[float, Field(gt=0, le=MOST_HOURS), JsonNumber] | None = None
    parts_used: list[ReportedPart] | None = Field(default=None, max_length=MOST_PARTS)
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""

    @model_validator(mode="after")
    def _done_when_done(self) -> OrderChange:
        if self.completed_at is not None and self.status != "COMPLETE":
            raise ValueError("completed_at goes with status COMPLETE")
        return self


class Visit(Document):
    """A crew's time at one of your assets. `leaves` and `returns` include the way."""

    crew_id: str
    asset_id: str
    site_id: str
    leaves: AwareDatetime
    start: AwareDatetime
    end: AwareDatetime
    returns: AwareDatetime
    technicians: int
    specialization: str
    movable: bool = Field(description="a later plan may still move it")
    days: list[BookedDay] = Field(
        default=[], description="a visit of several days, day by day; the times above span them"
    )


class Visits(Document):
    """The plan as it stands, by time."""

    visits: list[Visit]
    next: str | None = Field(description="put it into `next` of the following request; none: that was all")


IncidentAnswer = Envelope[IncidentPage]
OrdersAnswer = Envelope[OrderPage]
OrderAnswer = Envelope[OrderDetail]
SubscriptionAnswer = Envelope[Subscribed]
UnsubscribedAnswer = Envelope[Unsubscribed]
ScheduleAnswer = Envelope[Visits]


def state_of(order: TrackedOrder) -> OrderState:
    """A tracked order as the API tells it."""
    item = order.item()
    fields = {name: item[name] for name in OrderState.model_fields if name in item}
    return OrderState.model_validate({**fields, "work_order_id": order.work_order_id})


def subscriber(name: str, subscription: Subscription) -> Subscriber:
    """A subscription as the API tells it."""
    return Subscriber(subscription_id=name, **dict(subscription))


def visit_of(crew_id: str, booking: Booking, *, movable: bool) -> Visit:
    """A booking as the API tells it."""
    fields = {name: value for name, value in booking if name in Visit.model_fields}
    return Visit.model_validate({**fields, "crew_id": crew_id, "movable": movable})
