"""Claims to an insurer: one claim an order, sent when the order is opened, again when its amounts change,
and withdrawn when the order is cancelled.

`PUT <endpoint>/claims/<work order id>` with the whole claim: sending it twice is sending it once.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from delivery.deliver.message import OrderMessage
from delivery.deliver.systems import Ticket
from ona.config.custom_services import InsuranceAutomation
from ona.documents.base import Document
from ona.documents.findings import FindingComponent
from ona.runtime import http
from ona.runtime.identity import digest
from ona.store.items import Moment

DAY_S = 86400.0
"""Seconds in one day (24 hours): converts a difference of two instants to days."""


class ClaimedPart(Document):
    """A part that was ordered."""

    sku: str
    quantity: int
    total_price_usd: float | None
    under_warranty: bool


class Claim(Document):
    """What an insurer is sent. Money in USD; `repaired_at`: None until the work is done."""

    work_order_id: str
    state: Literal["estimated", "final", "withdrawn"]
    customer_id: str
    site_id: str
    asset_id: str
    component: FindingComponent
    cause: str
    title: str
    description: str
    reported_at: Moment
    repaired_at: Moment | None
    repair_cost_usd: float
    lost_production_usd: float
    claim_usd: float
    parts: list[ClaimedPart]


class Insurance:
    """The insurer that the configuration names."""

    def __init__(self, service: InsuranceAutomation, key: str) -> None:
        self.service, self._key = service, key

    def send(self, message: OrderMessage, ticket: Ticket | None) -> Ticket:
        """Send the claim unless the insurer has it as it is."""
        claim = claim_of(message).document()
        checksum = digest(json.dumps(claim, sort_keys=True))
        if ticket is not None and ticket.raw == checksum:
            return ticket
        answer = http.call(
            "PUT",
            f"{self.service.api_endpoint}/claims/{message.work_order_id}",
            what="insurer",
            document=claim,
            headers={
                "Authorization": f"Bearer {self._key}",
                "Idempotency-Key": f"{message.work_order_id}-{checksum}",
            },
        )
        number = str(answer.get("claim_id", "")) if isinstance(answer, dict) else ""
        return Ticket(number or message.work_order_id, checksum)

    def look_up(self, names: list[str]) -> dict[str, Ticket]:
        """Insurers settle claims with people, not with us."""
        return {}


def claim_of(message: OrderMessage) -> Claim:
    """The claim. Production is lost from the fault's report until the work was done, or will be."""
    order, tracked = message.order, message.tracked
    lost = _lost_usd(message, tracked.completed_at or tracked.scheduled_end)
    state: Literal["estimated", "final", "withdrawn"] = "final" if tracked.verified_at else "estimated"
    if message.status == "CANCELLED":
        state = "withdrawn"
    return Claim(
        work_order_id=message.work_order_id,
        state=state,
        customer_id=tracked.customer_id,
        site_id=order.site_id,
        asset_id=order.asset_id,
        component=order.component,
        cause=order.cause,
        title=order.title,
        description=order.description,
        reported_at=tracked.created_at,
        repaired_at=tracked.completed_at,
        repair_cost_usd=order.total_cost_usd,
        lost_production_usd=lost,
        claim_usd=0.0 if state == "withdrawn" else round(order.total_cost_usd + lost, 2),
        parts=[
            ClaimedPart(
                sku=line.sku,
                quantity=line.quantity,
                total_price_usd=line.total_price_usd,
                under_warranty=line.under_warranty,
            )
            for line in order.bill_of_materials
        ],
    )


def _lost_usd(message: OrderMessage, end: datetime) -> float:
    """Production lost from the order's making until `end`, USD."""
    days = max((end - message.order.created_at).total_seconds() / DAY_S, 0.0)
    return round(message.order.energy_at_risk.daily_loss_usd * days, 2)
