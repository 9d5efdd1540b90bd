"""A job, as planning decides on it, and the work order that is made of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from ona.documents.assets import Location
from ona.documents.base import Document, S3Pointer
from ona.documents.findings import FindingComponent

Decision = Literal["scheduled", "moved", "deferred", "already_ordered", "unschedulable"]
"""What planning decides on a finding: a visit, another time for a visit, later, or nobody."""
JobPriority = Literal["critical", "high", "medium", "low"]
Priority = Literal["none", "low", "medium", "high", "critical"]
"""A work order's priority: its job's, or `none`, which people may set."""
OrderStatus = Literal["OPEN", "IN_PROGRESS", "ON_HOLD", "COMPLETE", "CANCELLED"]


class VisitDay(Document):
    """When people work on one day of a visit of several days."""

    start: AwareDatetime
    end: AwareDatetime


class CrewAssignment(Document):
    """Which crew goes, with how many technicians and which skill."""

    crew_id: str
    technician_count: int
    specialization: str


class Learned(Document):
    """What a customer's earlier repairs of a cause say of one number, and what was made of it: how many
    reports, what they say, how much they weigh (`ona.repairs.experience`)."""

    what: str = Field(description="`duration_hours`, or the SKU of a part whose pieces are meant")
    usual: float = Field(description="what the configuration says: hours, or one piece")
    reports: int = Field(description="of plausible size, of the latest twenty verified repairs")
    set_aside: int = Field(description="of no plausible size: they do not count")
    median: float | None = Field(description="of the reports that count; None where there are none")
    weight: float = Field(description="0 to 1: of the reports against what is usual")
    planned: float = Field(description="what was planned or ordered: hours, or pieces")


class Job(Document):
    """A finding with planning's decision. A job that is scheduled or moved has a visit: its start, end and
    crew; `travel_km` is the way that the visit adds to the crew's tour."""

    finding_id: str
    finding_key: str
    asset_id: str
    site_id: str
    diagnostic: S3Pointer
    decision: Decision
    reason: str
    priority: JobPriority
    duration_hours: float
    scheduled_start: datetime | None = None
    scheduled_end: datetime | None = None
    crew_assignment: CrewAssignment | None = None
    visit_days: list[VisitDay] = Field(default=[], description="each day of a visit of several days")
    travel_km: float = 0.0
    parts_arrive: datetime | None = None
    loss_terms: dict[str, float] = Field(default={}, description="USD, unweighted, by term of the loss")
    due: datetime | None = Field(default=None, description="critical work only")
    waiting_a_day_usd: float | None = Field(
        default=None, description="production lost, with the fault's growth, if it were done a day later"
    )
    work_order_id: str = ""
    learned: Learned | None = Field(
        default=None, description="what earlier repairs say of the hours; None where there are none"
    )
    assumed: list[str] = Field(
        default=[], description="what was not known, what was taken instead, and where to enter it"
    )


class BomLine(Document):
    """One part of a bill of materials."""

    sku: str
    description: str
    component_type: str
    quantity: int
    unit_price_usd: float | None
    total_price_usd: float | None
    lead_time_days: float | None
    supplier: str
    warranty_months: int | None
    score: float | None
    recommended: bool
    stock: int | None = Field(default=None, description="pieces on the own shelf, where the catalogue says")
    consumable: bool = Field(default=False, description="used up with the part, not chosen by the rule")
    under_warranty: bool = Field(
        default=False,
        description="the component's maker replaces it: claim it; its price is not in the cost",
    )


class OrderRisk(Document):
    """What the repair saves. `roi_days` = cost ÷ daily loss; None where nothing is lost, or a part's price
    is unknown."""

    daily_loss_usd: float
    total_risk_usd: float
    roi_days: float | None


class WorkOrder(Document):
    """Output of Order: `work-orders/YYYY/MM/DD/wo-….json`, what was ordered. How it stands (status, people,
    hours) is in the tracking table; the API answers with both as one."""

    work_order_id: str
    asset_id: str
    customer_id: str = ""
    site_id: str = ""
    location: Location | None = None
    created_at: datetime
    due_date: datetime | None = None
    priority: Priority
    title: str
    description: str
    recommended_actions: list[str]
    component: FindingComponent
    estimated_duration_hours: float
    scheduled_start: datetime
    scheduled_end: datetime
    crew_assignment: CrewAssignment
    visit_days: list[VisitDay] = Field(default=[], description="each day of a visit of several days")
    bill_of_materials: list[BomLine]
    alternatives: list[BomLine]
    total_cost_usd: float
    energy_at_risk: OrderRisk
    finding_id: str
    finding_key: str
    incident_id: str = Field(default="", description="the incident to be ended; none for data problems")
    cause: str = Field(default="", description="its name in `configs/ooda/causes.yaml`")
    idempotency_key: str = Field(default="", description="the same for every try to make this order")
    attachments: list[str] = Field(
        default=[], description="documents that say more: keys in the output bucket"
    )
    learned: list[Learned] = Field(
        default=[], description="what this customer's earlier repairs say of hours and parts"
    )
    status: OrderStatus
