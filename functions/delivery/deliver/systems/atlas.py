"""Atlas CMMS (github.com/Grashjs/cmms): work orders by its REST API.

Its statuses and priorities are ours, but for CANCELLED and critical. The order's id stands in the title and
is searched for there. A secret `e-mail:password` signs in for a token; any other is sent as it is.
"""

from __future__ import annotations

from typing import Any, ClassVar

from delivery.deliver.message import OrderMessage
from delivery.deliver.systems import Ticket
from delivery.deliver.systems.tickets import Tickets
from ona.config.ticketing import AtlasSystem
from ona.runtime import http
from ona.runtime.clock import iso


class Atlas(Tickets[AtlasSystem]):
    """One company's account."""

    STATUSES: ClassVar = {name: name for name in ("OPEN", "IN_PROGRESS", "ON_HOLD", "COMPLETE")}
    """Atlas' statuses and ours; it has no cancelled one."""
    PRIORITIES: ClassVar = {
        "critical": "HIGH",
        "high": "HIGH",
        "medium": "MEDIUM",
        "low": "LOW",
        "none": "NONE",
    }
    """Atlas' priority by ours."""
    _signed_in = ""

    def find(self, work_order_id: str) -> Ticket | None:
        """By title; the oldest first."""
        matches = [item for item in self._search(work_order_id) if f"[{work_order_id}]" in item["title"]]
        return self._ticket(min(matches, key=lambda item: int(item["id"]))) if matches else None

    def create(self, message: OrderMessage) -> Ticket:
        """A work order."""
        return self._ticket(self._asked("POST", "/work-orders", self._fields(message)))

    def write(self, ticket: Ticket, message: OrderMessage) -> None:
        """Its fields, but not its status."""
        self._asked("PATCH", f"/work-orders/{ticket.name}", self._fields(message))

    def move(self, ticket: Ticket, message: OrderMessage) -> Ticket:
        """Its status. One that is cancelled here is complete there; its text says that it is cancelled."""
        wanted = self.theirs("COMPLETE" if message.status == "CANCELLED" else message.status)
        if wanted is None or wanted == ticket.raw:
            return ticket
        path = f"/work-orders/{ticket.name}/change-status"
        return self._ticket(self._asked("PATCH", path, {"status": wanted}))

    def fetch(self, names: list[str]) -> list[Ticket]:
        """One by one: the API has no list of ids."""
        tickets = []
        for name in names:
            try:
                tickets.append(self._ticket(self._asked("GET", f"/work-orders/{name}")))
            except http.Refused as error:
                if error.status not in (404, 410):
                    raise
        return tickets

    def authorization(self) -> dict[str, str]:
        """A token by sign-in, once a run."""
        if self.system.auth_header or ":" not in self._secret:
            return super().authorization()
        if not self._signed_in:
            email, _, password = self._secret.partition(":")
            answer = http.call(
                "POST",
                f"{self.system.url}/auth/signin",
                what=f"atlas {self.system.name}",
                document={"email": email, "password": password, "type": "CLIENT"},
            )
            if not isinstance(answer, dict) or not answer.get("accessToken"):
                raise self.unreadable("accessToken")
            self._signed_in = str(answer["accessToken"])
        return {"Authorization": f"Bearer {self._signed_in}"}

    def _fields(self, message: OrderMessage) -> dict[str, Any]:
        return {
            "title": self.title(message),
            "description": self.text(message),
            "priority": self.priorities[message.priority],
            "dueDate": iso(message.tracked.due_date),
            "estimatedDuration": message.order.estimated_duration_hours,
        }

    def _search(self, text: str) -> list[dict[str, Any]]:
        asked = {
            "filterFields": [{"field": "title", "operation": "cn", "value": text}],
            "pageNum": 0,
            "pageSize": 50,
        }
        answer = self.ask("POST", "/work-orders/search", asked)
        if not isinstance(answer, dict) or not isinstance(answer.get("content"), list):
            raise self.unreadable("content")
        return answer["content"]

    def _asked(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        answer = self.ask(method, path, document)
        if not isinstance(answer, dict) or "id" not in answer:
            raise self.unreadable("id")
        return answer

    def _ticket(self, item: dict[str, Any]) -> Ticket:
        raw = str(item["status"])
        return Ticket(str(item["id"]), raw, self.statuses.get(raw))
