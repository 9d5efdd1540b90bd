"""Claims to an insurer: one claim an order, sent when the order is opened, again when its amounts change,
and withdrawn when the order is cancelled.

`PUT <endpoint>/claims/<work order id>` with the whole claim: sending it twice is sending it once.
"""

from __future__ import annotations

import json
from typing import Any

from delivery.deliver.systems import Ticket
from delivery.deliver.told import Told
from ona.config.custom_services import InsuranceAutomation
from ona.runtime import http
from ona.runtime.clock import parse
from ona.runtime.identity import digest

DAY_S = 86400.0


class Insurance:
    """The insurer that the configuration names."""

    def __init__(self, service: InsuranceAutomation, key: str) -> None:
        self.service, self._key = service, key

    def tell(self, told: Told, ticket: Ticket | None) -> Ticket:
        """Send the claim unless the insurer has it as it is."""
        claim = document(told)
        seen = digest(json.dumps(claim, sort_keys=True))
        if ticket is not None and ticket.raw == seen:
            return ticket
        answer = http.call(
            "PUT",
            f"{self.service.api_endpoint}/claims/{told.work_order_id}",
            what="insurer",
            document=claim,
            headers={
                "Authorization": f"Bearer {self._key}",
                "Idempotency-Key": f"{told.work_order_id}-{seen}",
            },
        )
        number = str(answer.get("claim_id", "")) if isinstance(answer, dict) else ""
        return Ticket(number or told.work_order_id, seen)

    def look(self, names: list[str]) -> dict[str, Ticket]:
        """Insurers settle claims with people, not with us."""
        return {}


def document(told: Told) -> dict[str, Any]:
    """The claim. Production is lost from the fault's report until the work was done, or will be."""
    order, record = told.order, told.record
    state = {"CANCELLED": "withdrawn"}.get(
        told.status, "final" if record.get("verified_at") else "estimated"
    )
    end = parse(record.get("completed_at") or record["scheduled_end"])
    days = max((end - order.created_at).total_seconds() / DAY_S, 0.0)
    lost = round(order.energy_at_risk.daily_loss_usd * days, 2)
    return {
        "work_order_id": told.work_order_id,
        "state": state,
        "customer_id": record.get("customer_id", ""),
        "site_id": order.site_id,
        "asset_id": order.asset_id,
        "component": order.component.model_dump(mode="json"),
        "cause": order.cause,
        "title": order.title,
        "description": order.description,
        "reported_at": record["created_at"],
        "repaired_at": record.get("completed_at"),
        "repair_cost_usd": order.total_cost_usd,
        "lost_production_usd": lost,
        "claim_usd": 0.0 if state == "withdrawn" else round(order.total_cost_usd + lost, 2),
        "parts": [
            {"sku": line.sku, "quantity": line.quantity, "total_price_usd": line.total_price_usd,
             "under_warranty": line.under_warranty}
            for line in order.bill_of_materials
        ],
    }  # fmt: skip
