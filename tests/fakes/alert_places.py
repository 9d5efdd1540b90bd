"""Places where alerts are told, as local servers that take what the providers document, and nothing else.

PagerDuty: PagerDuty/api-schema, reference/events-v2/openapiv3.json (fields, 202, 400, 429); its older page
https://v2.developer.pagerduty.com/docs/send-an-event-events-api-v2 has the length of a routing key. Slack:
https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks, Block Kit's reference
(https://docs.slack.dev/reference/block-kit/blocks/). In truth both pass over an unknown field; these refuse
it, so that a misspelled one is seen.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any, ClassVar

from tests.fakes.ticketing import Answer, Server


class Pager(Server):
    """PagerDuty's Events API v2. `incidents`: state by key; `sounded`: keys that rang somebody."""

    ROUTING = "e93facc04764012d7bfb002500d5d1a6"
    TOP: ClassVar = {
        "payload", "routing_key", "event_action", "dedup_key", "client", "client_url", "links", "images"
    }  # fmt: skip
    PAYLOAD: ClassVar = {
        "summary", "timestamp", "severity", "source", "component", "group", "class", "custom_details"
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, str] = {}
        self.sounded: list[str] = []
        self.taken: list[tuple[str, str]] = []

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        if (method, path) != ("POST", "/v2/enqueue"):
            return 404, {"status": "not found"}
        problems = self._problems(body)
        if "application/json" not in headers.get("Content-Type", ""):
            problems.append("Content-Type is not application/json")
        if problems:
            return 400, {
                "status": "invalid event",
                "message": "Event object is invalid",
                "errors": problems,
            }
        key, action = body["dedup_key"], body["event_action"]
        self.taken.append((key, action))
        before = self.incidents.get(key)
        if action == "trigger" and before in (None, "resolve"):
            self.sounded.append(key)
        if action == "trigger" or before not in (None, "resolve"):
            self.incidents[key] = action
        return 202, {"status": "success", "message": "Event processed", "dedup_key": key}

    def _problems(self, body: Any) -> list[str]:
        found = [f"unknown field {name}" for name in set(body) - self.TOP]
        if len(str(body.get("routing_key", ""))) != 32:
            found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
        elif body["routing_key"] != self.ROUTING:
            found.append("Invalid routing key")
        if body.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            found.append("'event_action' is missing or none of trigger, acknowledge, resolve")
        key = body.get("dedup_key")
        if not isinstance(key, str) or not 0 < len(key) <= 255:
            found.append("'dedup_key' is missing or too long")
        if body.get("event_action") != "trigger":
            return found
        payload = body.get("payload")
        if not isinstance(payload, dict):
            return [*found, "'payload' is missing or blank"]
        found += [f"unknown field payload.{name}" for name in set(payload) - self.PAYLOAD]
        for name in ("summary", "source", "severity"):
            if not isinstance(payload.get(name), str) or not payload[name]:
                found.append(f"'payload.{name}' is missing or blank")
        if len(payload.get("summary", "")) > 1024:
            found.append("'payload.summary' is too long")
        if payload.get("severity") not in ("critical", "warning", "error", "info"):
            found.append("'payload.severity' is invalid (must be one of critical, warning, error, info)")
        if "timestamp" in payload:
            datetime.fromisoformat(payload["timestamp"])
        if not isinstance(payload.get("custom_details", {}), dict):
            found.append("'payload.custom_details' is no object")
        return found


class Chat(Server):
    """Slack's incoming webhook. `posted`: the channel's messages in one line each; `texts`: in full;
    `gone`: "", or why nothing is taken."""

    PATH = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
    GONE: ClassVar = {
        "channel_is_archived": 410, "channel_not_found": 404, "action_prohibited": 403, "no_service": 404
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[str] = []
        self.texts: list[str] = []
        self.gone = ""

    @property
    def address(self) -> str:
        return f"{self.url}{self.PATH}"

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        if method != "POST" or path != self.PATH:
            return 404, "no_team"
        if self.gone:
            return self.GONE[self.gone], self.gone
        if "application/json" not in headers.get("Content-Type", "") or not isinstance(body, dict):
            return 400, "invalid_payload"
        if set(body) - {"text", "blocks"} or not isinstance(body.get("text"), str) or not body["text"]:
            return 400, "invalid_payload"
        if len(body.get("blocks", [])) > 50 or not all(map(self._is_block, body.get("blocks", []))):
            return 400, "invalid_blocks"
        self.posted.append(body["text"])
        self.texts.append("\n".join(block["text"]["text"] for block in body.get("blocks", [])))
        return 200, "ok"

    @staticmethod
    def _is_block(block: Any) -> bool:
        kinds = {"header": ("plain_text", 150), "section": ("mrkdwn", 3000)}
        kind = kinds.get(block.get("type"))
        text = block.get("text", {})
        return (
            kind is not None
            and set(block) == {"type", "text"}
            and set(text) == {"type", "text"}
            and text["type"] == kind[0]
            and 0 < len(text["text"]) <= kind[1]
        )


class Hook(Server):
    """A receiver of signed webhooks, as Standard Webhooks' libraries verify them. It knows a message again
    by `webhook-id`. `heard`: data by id, each once; `times`: how often each came."""

    SECRET = "whsec_" + base64.b64encode(b"a secret of the night watch").decode()

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, Any] = {}
        self.times: dict[str, int] = {}

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        name, stamp = headers["webhook-id"], headers["webhook-timestamp"]
        key = base64.b64decode(self.SECRET.removeprefix("whsec_"))
        signed = f"{name}.{stamp}.".encode() + self.raw
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(headers["webhook-signature"], wanted):
            return 401, {"error": "signature"}
        if set(body) != {"type", "timestamp", "data"} or not body["type"].startswith("alert."):
            return 400, {"error": "shape"}
        self.heard[name] = body["data"]
        self.times[name] = self.times.get(name, 0) + 1
        return 204, ""
