"""What the demo's platform has logged, with secrets and people planted beside what the demo does itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local import cloud
from ops import customers
from ops.demo import inbox, simulate
from ops.demo.client import Refused, call
from ops.target import Target, embedded

MAIL, PHONE, PERSON = "ana.souza@example.com", "+55 11 98765-4321", "Ana Souza-Lindqvist"
WRONG_KEY = "ona_" + "Zk9x" * 10
OF_THE_DEMO = ("Thandi M.",)
"""People whom the demo names itself."""
LIKE_SECRETS = re.compile(
    r"whsec_[\w+/=]{8,}|\bona_[\w-]{30,}|\bAKIA[A-Z0-9]{12,}|[\w.+-]+@[\w-]+\.(?:com|org|br|net)\b"
    r"|Bearer [\w.~+/-]{8,}|PRIVATE KEY|X-Amz-Signature=[0-9a-f]{16,}"
)


class Logged:
    """Reads all logs just before the demo's cloud is stopped; `keys`: the API keys that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: dict[str, list[str]] = {}
        self.keys: list[str] = []
        self.secrets: list[str] = []
        stop, add_key, listen = cloud.stop, customers.add_key, inbox.Listener.__exit__

        def stopping(home: Path, **more: Any) -> Any:
            running = cloud.running(home)
            if running is not None and not self.lines:
                self._act_and_read(embedded(running))
            return stop(home, **more)

        def adding(*arguments: Any, **more: Any) -> str:
            self.keys.append(add_key(*arguments, **more))
            return self.keys[-1]

        def leaving(listener: inbox.Listener, *error: Any) -> Any:
            self.secrets.append(listener.secret)
            return listen(listener, *error)

        monkeypatch.setattr(cloud, "stop", stopping)
        monkeypatch.setattr(customers, "add_key", adding)
        monkeypatch.setattr(inbox.Listener, "__exit__", leaving)

    def _act_and_read(self, target: Target) -> None:
        self._act(target)
        logs = target.client("logs")
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                name = group["logGroupName"]
                events = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
                self.lines[name] = [event["message"] for answer in events for event in answer["events"]]

    def _act(self, target: Target) -> None:
        """A person follows an order and works on it; somebody comes with a wrong key; names that only look
        like secrets."""
        key = customers.add_key(target, simulate.CUSTOMER, "standard")
        order = call(target, key, "GET", "/ops/work-orders?status=OPEN")["work_orders"][0]
        path = f"/ops/work-orders/{order['work_order_id']}"
        call(target, key, "POST", f"{path}/subscriptions", {"kind": "email", "endpoint": MAIL})
        change = {"status": "IN_PROGRESS", "assignees": [PERSON], "note": f"call me: {PHONE}, {MAIL}"}
        call(target, key, "PATCH", path, {"version": order["version"], **change})
        with pytest.raises(Refused):
            call(target, WRONG_KEY, "GET", "/ops/work-orders")
        period = {"start_date": "2025-06-01T00:00:00Z", "end_date": "2025-06-02T00:00:00Z"}
        wanted = {"customer_id": simulate.CUSTOMER, "data_type": "historical"}
        call(target, key, "POST", "/upload_train", {**wanted, "metadata": {"site_id": "key-1", **period}})
        inbox.send(target)

    def holding(self, text: str) -> list[str]:
        """The log groups that hold a text."""
        return [name for name, lines in self.lines.items() if any(text in line for line in lines)]

    def like_secrets(self) -> list[str]:
        """What looks like a secret, with its log group."""
        return [
            f"{name}: {found[0]}"
            for name, lines in self.lines.items()
            for line in lines
            for found in LIKE_SECRETS.finditer(line)
        ]


def check(logged: Logged) -> None:
    """No secret and no person stands in any log; what only looks like one does."""
    functions = [name for name, lines in logged.lines.items() if name.startswith("/aws/lambda/") and lines]
    assert len(functions) >= 10, functions
    planted = [MAIL, PHONE, PERSON, WRONG_KEY, *OF_THE_DEMO, *logged.keys, *logged.secrets]
    assert len(planted) >= 8
    told = {text: groups for text in planted if text and (groups := logged.holding(text))}
    assert told == {}
    assert logged.like_secrets() == []
    promised = "/aws/lambda/ona-forecastingApi-dev"
    assert any("upload promised" in line and "key-1" in line for line in logged.lines[promised])
    assert logged.holding('"correlation_id"'), "the lines are ours"
