"""Jira Service Management: requests by the service desk API, their fields and workflow by REST API v3.

https://developer.atlassian.com/cloud/jira/service-desk/rest/ and …/jira/platform/rest/v3/. The order's id
stands in the summary and is searched for there, so no custom field is needed.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from delivery.deliver.message import OrderMessage
from delivery.deliver.systems import Ticket
from delivery.deliver.systems.tickets import A_TIME, Tickets
from ona.config.ticketing import JiraSystem
from ona.documents.work_orders import OrderStatus
from ona.runtime import http

CATEGORIES: dict[str, OrderStatus] = {"new": "OPEN", "indeterminate": "IN_PROGRESS", "done": "COMPLETE"}
"""Every Jira status belongs to one of three categories."""
CATEGORY_OF: dict[OrderStatus, str] = {
    "OPEN": "new",
    "IN_PROGRESS": "indeterminate",
    "ON_HOLD": "indeterminate",
    "COMPLETE": "done",
    "CANCELLED": "done",
}
"""The category in which an order's ticket stands, by the order's status."""


class Jira(Tickets[JiraSystem]):
    """One service desk."""

    PRIORITIES: ClassVar = {
        "critical": "Highest",
        "high": "High",
        "medium": "Medium",
        "low": "Low",
        "none": "Lowest",
    }
    """Jira's default priorities, by ours."""

    def find(self, work_order_id: str) -> Ticket | None:
        """By summary; the oldest first."""
        matches = self._search(f'summary ~ "\\"{work_order_id}\\"" ORDER BY created ASC')
        return next((t for t, title in matches if f"[{work_order_id}]" in title), None)

    def create(self, message: OrderMessage) -> Ticket:
        """A request of the configured type; its other fields follow at once."""
        answer = self.ask(
            "POST",
            "/rest/servicedeskapi/request",
            {
                "serviceDeskId": self.system.service_desk_id,
                "requestTypeId": self.system.request_type_id,
                "requestFieldValues": {"summary": self.title(message), "description": self.text(message)},
            },
        )
        if not isinstance(answer, dict) or not answer.get("issueKey"):
            raise self.unreadable("issueKey")
        ticket = self.look_up([str(answer["issueKey"])]).get(str(answer["issueKey"]))
        ticket = ticket or Ticket(str(answer["issueKey"]))
        self.write(ticket, message)
        return ticket

    def write(self, ticket: Ticket, message: OrderMessage) -> None:
        """Summary, description, due date, priority; the last two only where the project has them on its
        screen. API v2 takes the description as plain text."""
        path = f"/rest/api/2/issue/{quote(ticket.name)}"
        text = {"summary": self.title(message), "description": self.text(message)}
        more = {
            "duedate": f"{message.tracked.due_date:%Y-%m-%d}",
            "priority": {"name": self.priorities[message.priority]},
        }
        try:
            self.ask("PUT", path, {"fields": {**text, **more}})
        except http.Refused as error:
            if error.status != 400:
                raise
            self.ask("PUT", path, {"fields": text})

    def move(self, ticket: Ticket, message: OrderMessage) -> Ticket:
        """The transition to the configured status; where the workflow has none from here, first one into
        its category. None at all: it stays."""
        path = f"/rest/api/3/issue/{quote(ticket.name)}/transitions"
        wanted, category = self.theirs(message.status), CATEGORY_OF[message.status]
        for _ in range(2):
            answer = self.ask("GET", path)
            if not isinstance(answer, dict) or "transitions" not in answer:
                raise self.unreadable("transitions")
            ways = answer["transitions"]
            here = CATEGORY_OF[ticket.status] if ticket.status else ""
            by_name = [way for way in ways if way["to"]["name"] == wanted]
            nearer = [way for way in ways if way["to"]["statusCategory"]["key"] == category != here]
            chosen = next(iter(by_name or nearer), None)
            if chosen is None:
                break
            self.ask("POST", path, {"transition": {"id": chosen["id"]}})
            ticket = self._ticket(ticket.name, {"status": chosen["to"]})
            if by_name or wanted is None:
                break
        return ticket

    def fetch(self, names: list[str]) -> list[Ticket]:
        """By key. A search would refuse all of them for one that is gone."""
        asked = {"issueIdsOrKeys": names, "fields": ["summary", "status"]}
        return [ticket for ticket, _ in self._issues("/rest/api/3/issue/bulkfetch", asked)]

    def _search(self, jql: str) -> list[tuple[Ticket, str]]:
        asked = {"jql": jql, "fields": ["summary", "status"], "maxResults": A_TIME}
        return self._issues("/rest/api/3/search/jql", asked)

    def _issues(self, path: str, asked: dict[str, Any]) -> list[tuple[Ticket, str]]:
        answer = self.ask("POST", path, asked)
        if not isinstance(answer, dict) or "issues" not in answer:
            raise self.unreadable("issues")
        return [
            (self._ticket(str(item["key"]), item["fields"]), str(item["fields"].get("summary", "")))
            for item in answer["issues"]
        ]

    def _ticket(self, name: str, fields: dict[str, Any]) -> Ticket:
        raw = str(fields["status"]["name"])
        category = str(fields["status"].get("statusCategory", {}).get("key", ""))
        return Ticket(name, raw, self.statuses.get(raw) or CATEGORIES.get(category))
