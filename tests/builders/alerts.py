"""A night on call on moto: the alert log, the outbox, and places that can misbehave.

What Deliver publishes comes back to the alert processor, as EventBridge brings it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from delivery.deliver import alerts as telling
from delivery.deliver import notifications, sending
from ona.runtime import events as bus
from ona.runtime import http
from ona.runtime.clock import iso, parse
from ona.store import tables
from operations.alerting import events, log
from operations.alerting.documents import Alert
from operations.alerting.faults import Faults
from operations.alerting.judge import Decision
from operations.config.alerting import Alerting
from operations.config.catalogue import Catalogue
from operations.config.maintenance import Maintenance
from tests.builders.delivery import rules as for_people
from tests.fakes.alert_places import Chat, Hook, Pager
from tests.fakes.tables import create_table

T0 = datetime(2026, 11, 28, 1, 5, tzinfo=UTC)
"""At night: quiet hours hold for orders."""
MINUTE = timedelta(minutes=1)


def alerting(**changes: Any) -> Alerting:
    """The chat first, then whoever is on call, then a webhook, then a mail."""
    secret = "/ona-platform/prod/alerting-{}"
    base: dict[str, Any] = {
        "zone": "UTC",
        "repeat_quiet_minutes": {"critical": 5, "high": 60},
        "flood_an_hour": 4,
        "recheck_minutes": 5,
        "places": [
            {"name": "chat", "channel": "slack", "secret_parameter": secret.format("chat")},
            {"name": "pager", "channel": "pagerduty", "secret_parameter": secret.format("pager")},
            {"name": "hook", "channel": "webhook", "url": "http://127.0.0.1:1",
             "secret_parameter": secret.format("hook")},
            {"name": "mail", "channel": "email"},
        ],
        "people": [{"name": "Nia", "places": ["pager"]}],
        "rota": [{"start": "19:00", "end": "07:00", "people": ["Nia"]}],
        "levels": {
            "critical": [
                {"after_minutes": 0, "places": ["chat"]},
                {"after_minutes": 15, "places": ["on-call"]},
                {"after_minutes": 30, "places": ["hook", "mail"]},
            ],
            "high": [{"after_minutes": 0, "places": ["mail"]}],
        },
    }  # fmt: skip
    return Alerting.model_validate({**base, **changes})


class Night:
    """The places, and what happens to them. `mails`: subjects that SNS was given; `now`: its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chat, self.pager, self.hook = Chat(), Pager(), Hook()
        self.mails: list[str] = []
        self.mails_full: list[str] = []
        self.mail_error: Exception | None = None
        self.now = T0
        self.published: list[bus.Event] = []
        rules = alerting().model_dump(mode="json")
        for place in rules["places"]:
            urls = {"hook": f"{self.hook.url}/ona", "pager": f"{self.pager.url}/v2/enqueue"}
            place["url"] = urls.get(place["name"])
        self.rules = Alerting.model_validate(rules)
        self.catalogue = Catalogue(alarms=[], watched=[], dashboards=[])
        self.calendar = Maintenance(zone="UTC", windows=[])
        self.faults = Faults()
        monkeypatch.setattr(notifications, "publish", self._mail)
        monkeypatch.setattr(bus, "publish", self.published.extend)
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(telling, "backoff", lambda attempts: MINUTE * min(2**attempts, 5))
        secrets = {"chat": self.chat.address, "pager": Pager.ROUTING, "hook": Hook.SECRET}
        for name, value in secrets.items():
            boto3.client("ssm").put_parameter(
                Name=f"/ona-platform/dev/alerting-{name}", Value=value, Type="SecureString"
            )

    def fault(self, place: str, kind: str) -> None:
        """The next request there goes wrong; nobody waits long for what never comes."""
        if kind in ("late", "drip"):
            self.monkeypatch.setattr(http, "TIMEOUT_S", 0.4)
        getattr(self, place).fault(kind)

    def _mail(self, subject: str, text: str, attributes: dict[str, str], topic: str = "") -> None:
        if "alert" not in attributes.get("event", ""):
            return
        if self.mail_error is not None:
            raise self.mail_error
        self.mails.append(subject)
        self.mails_full.append(f"{subject}\n{text}")

    def say(self, event: dict[str, Any]) -> Decision:
        """One event through the alert processor."""
        happened = events.read(event, "dev", self.catalogue, self.now)
        return log.decide(happened, self.rules, self.calendar, "dev", self.now, self.faults)[0]

    def alarm(self, name: str = "ona-detect-errors", value: str = "ALARM") -> Decision:
        """An alarm's new state, now. Alarms named `…errors` are critical, `…duration` are high."""
        stamp = f"{self.now:%Y-%m-%dT%H:%M:%S}.000+0000"
        state = {"value": value, "timestamp": stamp, "reason": "many"}
        detail = {"alarmName": f"{name}-dev", "state": state}
        return self.say(
            {
                "source": "aws.cloudwatch",
                "detail-type": "CloudWatch Alarm State Change",
                "id": f"{name} {stamp}",
                "resources": [f"arn:aws:cloudwatch:x:1:alarm:{name}-dev"],
                "detail": detail,
            }
        )

    def deliver(self) -> dict[str, int]:
        """What Deliver's timer does; then what it published reaches the alert processor."""
        counts = sending.run(for_people(), self.now, left=lambda: 1000.0)
        self.bring()
        return counts

    def bring(self) -> None:
        """Bring what was published to the alert processor, twice, as EventBridge may."""
        told, self.published[:] = list(self.published), []
        for event in [*told, *told]:
            detail = {"environment": "dev", **event.detail}
            self.say(
                {"source": "ona.platform", "detail-type": event.detail_type, "id": "x", "detail": detail}
            )

    def wake(self) -> None:
        """What the alert processor's timer does."""
        log.end_windows(self.now)
        for alert_id in log.due(self.now):
            self.say({"due": alert_id})

    def pass_time(self, minutes: int) -> None:
        """Minute by minute, with both timers; minutes in which nothing is due are passed over."""
        until = self.now + minutes * MINUTE
        while (due := self._next_due()) is not None and due <= until:
            self.now = max(due, self.now + MINUTE)
            self.wake()
            self.deliver()
        self.now = max(until, self.now)

    def _next_due(self) -> datetime | None:
        """When something waits for a timer; what a run of before holds waits until that has ended."""
        items = [*tables.scan("alert-log"), *tables.scan("outbox")]
        waiting = [item for item in items if item.get("lane") in ("due", "send", "window")]
        moments = [
            max(parse(str(item["next_at"])), parse(str(item.get("claimed_until", item["next_at"]))))
            for item in waiting
        ]
        return min(moments, default=None)

    def person(self, what: str, alert_id: str, by: str = "Nia") -> Decision:
        number = f"{what} {alert_id} {iso(self.now)}"
        return self.say({"person": {"id": number, "what": what, "alert_id": alert_id, "by": by}})

    def alert(self, key: str) -> Alert:
        found = log.ALERTS.get(key)
        assert found is not None
        return found

    def close(self) -> None:
        for server in (self.chat, self.pager, self.hook):
            server.close()


@contextmanager
def night(monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    """A night in a cloud that is there already (fixture `cloud`)."""
    create_table("alert-log", "alert_id", {"due-index": ("lane", "next_at")})
    monkeypatch.setenv("ALERT_LOG_TABLE", "alert-log")
    queue = boto3.client("sqs").create_queue(QueueName="outbox-letters")["QueueUrl"]
    monkeypatch.setenv("OUTBOX_DEAD_LETTERS_URL", queue)
    made = Night(monkeypatch)
    try:
        yield made
    finally:
        made.close()
