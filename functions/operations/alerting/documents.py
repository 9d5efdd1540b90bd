"""What the alert processor takes, keeps and answers.

The items of the alert log lie in the table `<prefix>-alert-log` (key `alert_id`, index `due-index` by
`lane` and `next_at`, expiry `ttl`). The same table holds alerts of files that were not accepted, as before.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from ona.documents.base import Document
from ona.outbox.items import AlertAction, AlertChannel
from ona.store.items import Moment, TableItem
from operations.config.alarms import Severity

KEPT = timedelta(days=90)
"""How long an alert stays in the log after it was last changed."""
COUNTS_KEPT = timedelta(days=2)
"""Nobody asks for an hour that is over."""
What = Literal["alarm", "ok", "insufficient", "acknowledge", "resolve", "undeliverable", "due"]
"""What happened: an alarm's new state; what a person does; a place that was not told; a time has come."""
Outcome = Literal[
    "opened", "suppressed", "counted", "escalated", "acknowledged", "resolved", "undeliverable", "none"
]
Status = Literal["open", "acknowledged", "resolved", "suppressed"]


class AlertEvent(Document):
    """One thing that happened, whoever told it. `name`: the alarm, without the environment's ending; what a
    person, a place or the clock tells is about `alert_id`. The same `id` is the same event. `rings` to
    `lasts_s`: as the catalogue has them, `told_by` and `causes` without the environment's ending."""

    id: str
    what: What
    at: Moment
    name: str = ""
    alert_id: str = ""
    reason: str = ""
    kind: str = "other"
    about: str = ""
    family: str = ""
    severity: Severity = "medium"
    page: str = ""
    rings: bool = True
    told_by: str = ""
    causes: list[str] = []
    settle_s: int = 0
    lasts_s: int = 0
    by: str = ""
    place: str = ""
    action: AlertAction = "trigger"
    doubtful: bool = False
    correlation_id: str = ""


class Telling(TableItem):
    """One place that was told, or is to be. `outcome`: queued until the place was found not to answer; that
    it was told stands in the outbox's item."""

    place: str
    channel: AlertChannel | None = None
    action: AlertAction
    level: int = 0
    at: Moment
    delivery_id: str
    outcome: Literal["queued", "undeliverable", "doubtful"] = "queued"


class Alert(TableItem):
    """One alert. `level`: how far it has been escalated, 0 while nobody was told; `told_since`: when people
    were told first; `suppressed_by`: the window, the cause, the earlier alert that keeps it quiet;
    `off_at`: its alarm went off while it was still open whether a cause would come on; `behind`: the cause
    that was on when it was closed, and keeps its alarm quiet."""

    key: str = Field(alias="alert_id")
    name: str
    kind: str
    about: str = ""
    family: str = ""
    severity: Severity
    status: Status
    reason: str
    page: str = ""
    rings: bool = True
    told_by: str = ""
    causes: list[str] = []
    settle_s: int = 0
    lasts_s: int = 0
    off_at: Moment | None = None
    behind: str = ""
    opened_at: Moment
    last_at: Moment
    count: int = 1
    level: int = 0
    told: list[Telling] = []
    told_since: Moment | None = None
    lane: Literal["due"] | None = None
    next_at: Moment | None = None
    suppressed_by: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: Moment | None = None
    resolved_by: str | None = None
    resolved_at: Moment | None = None
    correlation_id: str = ""
    version: int = 1
    ttl: int

    @property
    def unheard(self) -> bool:
        """Whether no place that was to be told can be told."""
        triggers = [telling for telling in self.told if telling.action == "trigger"]
        return bool(triggers) and all(telling.outcome == "undeliverable" for telling in triggers)


class Standing(TableItem):
    """Where one alarm stands: its latest alert, whether that is open, and which event came last.

    Whoever changes an alert counts `version` up here in the same transaction: one alarm's events are judged
    one after the other. `told_at`: when people were told of the alarm last; `on_until`: when it was on
    last, before it went off.
    """

    key: str = Field(alias="alert_id")
    alert: str = ""
    open: bool = False
    last_event: str = ""
    last_event_at: Moment
    last_outcome: Outcome = "none"
    told_at: Moment | None = None
    on_until: Moment | None = None
    version: int = 1
    ttl: int


class Hour(TableItem):
    """How many alerts of one kind were told in one hour. `over`: the alert that was one too many, and was
    told to the next level for all that follow."""

    key: str = Field(alias="alert_id")
    opened: int = 0
    over: str | None = None
    version: int = 1
    ttl: int


class Window(TableItem):
    """A maintenance window of the platform that was opened by hand; `next_at` is its end. It has no lane
    any more once it is over."""

    key: str = Field(alias="alert_id")
    begins_at: Moment
    next_at: Moment
    only: list[str] = []
    always: list[Severity] = []
    why: str
    by: str
    lane: Literal["window"] | None = None
    ended_at: Moment | None = None
    version: int = 1
    ttl: int


class AlertRequest(Document):
    """Payload of alertProcessor. `judge`: one event, as EventBridge or a command has it; `due`: what waits
    for its time."""

    task: Literal["judge", "due"]
    event: dict[str, Any] = {}


class Published(Document):
    """An event of the platform that the workflow publishes."""

    detail_type: str
    detail: dict[str, Any]


class AlertResult(Document):
    """Answer of alertProcessor to one event."""

    outcome: Outcome
    alert_id: str
    why: str
    publish: Published | None = None
