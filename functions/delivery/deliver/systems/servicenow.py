"""ServiceNow, Table API: https://docs.servicenow.com, REST API reference, Table API.

The order's id is the record's `correlation_id`, the field that ServiceNow has for other systems' keys.
Statuses are those of the table `incident` unless the configuration names others.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from delivery.deliver.message import OrderMessage
from delivery.deliver.systems import Ticket
from delivery.deliver.systems.tickets import Tickets
from ona.config.ticketing import ServiceNowSystem

FIELDS = "sys_id,number,state,correlation_id,sys_created_on"
"""The columns of ServiceNow's incident table that we read."""


class ServiceNow(Tickets[ServiceNowSystem]):
    """One table of one instance."""

    STATUSES: ClassVar = {
        "1": "OPEN",
        "2": "IN_PROGRESS",
        "3": "ON_HOLD",
        "6": "COMPLETE",
        "7": "COMPLETE",
        "8": "CANCELLED",
    }
    """Our status by ServiceNow's number of an incident's state."""
    PRIORITIES: ClassVar = {"critical": "1", "high": "2", "medium": "3", "low": "3", "none": "3"}
    """Urgency, from which ServiceNow computes the priority."""

    def find(self, work_order_id: str) -> Ticket | None:
        """By correlation id; the oldest first."""
        return next(iter(self._query(f"correlation_id={work_order_id}^ORDERBYsys_created_on", 1)), None)

    def create(self, message: OrderMessage) -> Ticket:
        """A record of the table."""
        fields = {"correlation_id": message.work_order_id, "correlation_display": "Ona Platform"}
        return self._ticket(self._result("POST", "", {**fields, **self._fields(message)}))

    def write(self, ticket: Ticket, message: OrderMessage) -> None:
        """Its fields, but not its state."""
        self._result("PATCH", f"/{ticket.name}", self._fields(message))

    def move(self, ticket: Ticket, message: OrderMessage) -> Ticket:
        """Its state, with the fields that ServiceNow wants beside some."""
        wanted = self.theirs(message.status)
        if wanted is None or wanted == ticket.raw:
            return ticket
        note = next((line.note for line in reversed(message.history) if line.note), "")
        more: dict[str, str] = {}
        if message.status == "COMPLETE":
            more = {"close_code": self.system.close_code, "close_notes": note or "done"}
        elif message.status == "ON_HOLD":
            more = {"hold_reason": self.system.hold_reason}
        return self._ticket(self._result("PATCH", f"/{ticket.name}", {"state": wanted, **more}))

    def fetch(self, names: list[str]) -> list[Ticket]:
        """By sys_id."""
        return self._query(f"sys_idIN{','.join(names)}", len(names))

    def _fields(self, message: OrderMessage) -> dict[str, str]:
        return {
            "short_description": self.title(message),
            "description": self.text(message),
            "urgency": self.priorities[message.priority],
            "due_date": f"{message.tracked.due_date:%Y-%m-%d %H:%M:%S}",
        }

    def _query(self, query: str, most: int) -> list[Ticket]:
        asked = urlencode({"sysparm_query": query, "sysparm_fields": FIELDS, "sysparm_limit": most})
        answer = self.ask("GET", f"/api/now/table/{self.system.table}?{asked}")
        if not isinstance(answer, dict) or not isinstance(answer.get("result"), list):
            raise self.unreadable("result")
        return [self._ticket(item) for item in answer["result"]]

    def _result(self, method: str, path: str, fields: dict[str, str]) -> dict[str, Any]:
        answer = self.ask(method, f"/api/now/table/{self.system.table}{path}", fields)
        if not isinstance(answer, dict) or not isinstance(answer.get("result"), dict):
            raise self.unreadable("result")
        return answer["result"]

    def _ticket(self, record: dict[str, Any]) -> Ticket:
        raw = str(record["state"])
        return Ticket(str(record["sys_id"]), raw, self.statuses.get(raw))
