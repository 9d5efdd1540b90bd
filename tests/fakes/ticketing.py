"""Ticketing systems, webhook receivers and an insurer as local HTTP servers that can misbehave.

`fault(kind, match)` makes the next request that matches go wrong: "fail" (503, nothing done), "throttle"
(429 with Retry-After), "refuse" (400), "late" (done, but the answer comes after the caller has gone),
"drop" (done, then the connection is cut), "drip" (done, the answer comes byte by byte), "page" (done, the
answer is a web page), "twice" (done twice: a gateway repeated it). `down` fails everything.
"""

from __future__ import annotations

import json
import re
import threading
import time
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

LATE_S = 0.8
FAULTS = ("fail", "throttle", "late", "drop", "drip", "page", "redirect")
Answer = tuple[int, Any]


class Server(ABC):
    """One system; subclasses answer."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.faults: list[tuple[str, str, int]] = []
        self.down = False
        self.lock = threading.RLock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(size)
                outer.handle(self, raw)

            do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def fault(self, kind: str, match: str = "", skip: int = 0) -> None:
        self.faults.append((kind, match, len(self.requests) + skip))

    def handle(self, handler: Any, raw: bytes) -> None:
        method, path = handler.command, handler.path
        with self.lock:
            self.raw = raw
            body = json.loads(raw) if raw else None
            self.requests.append((method, path, {k.lower(): v for k, v in handler.headers.items()}, body))
            kind = "fail" if self.down else ""
            for fault in self.faults:
                if not kind and fault[1] in f"{method} {path} " and len(self.requests) > fault[2]:
                    kind = fault[0]
                    self.faults.remove(fault)
                    break
            if kind in ("fail", "throttle", "refuse"):
                status = {"fail": 503, "throttle": 429, "refuse": 400}[kind]
                extra = {"Retry-After": "120"} if kind == "throttle" else {}
                return self._send(handler, status, {"error": f"{kind} on purpose"}, extra)
            status, answer = self.answer(method, path, handler.headers, body)
            if kind == "twice":
                status, answer = self.answer(method, path, handler.headers, body)
        if kind == "late":
            time.sleep(LATE_S)
        if kind == "drop":
            handler.connection.close()
            handler.close_connection = True
            return None
        if kind == "redirect":
            return self._send(handler, 302, "", {"Location": "https://sign-in.example/"})
        if kind == "page":
            return self._send(handler, 200, "<html>please sign in</html>", {})
        return self._send(handler, status, answer, {}, slow=kind == "drip")

    def _send(
        self, handler: Any, status: int, answer: Any, extra: dict[str, str], *, slow: bool = False
    ) -> None:
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        body = b"" if status == 204 else body
        try:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(body)))
            for name, value in extra.items():
                handler.send_header(name, value)
            handler.end_headers()
            for byte in [body[i : i + 1] for i in range(len(body))] if slow else [body]:
                handler.wfile.write(byte)
                handler.wfile.flush()
                if slow:
                    time.sleep(0.05)
        except OSError:
            handler.close_connection = True

    @abstractmethod
    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        """(HTTP status, JSON) of a request."""


class ServiceNow(Server):
    """The Table API of `incident`; it computes nothing."""

    kind = "servicenow"
    names: ClassVar = {"OPEN": "1", "IN_PROGRESS": "2", "ON_HOLD": "3", "COMPLETE": "6", "CANCELLED": "8"}

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        parts = urlsplit(path)
        assert parts.path.startswith("/api/now/table/incident")
        name = parts.path.removeprefix("/api/now/table/incident").strip("/")
        if method == "GET":
            query = parse_qs(parts.query)
            wanted, limit = query["sysparm_query"][0], int(query["sysparm_limit"][0])
            if wanted.startswith("correlation_id="):
                key = wanted.split("^")[0].removeprefix("correlation_id=")
                matches = [t for t in self.tickets.values() if t["correlation_id"] == key]
            else:
                matches = [
                    self.tickets[n] for n in wanted.removeprefix("sys_idIN").split(",") if n in self.tickets
                ]
            return 200, {"result": matches[:limit]}
        if method == "POST":
            created = {"sys_id": f"{len(self.tickets) + 1:032x}", "state": "1", **body}
            self.tickets[created["sys_id"]] = created
            return 201, {"result": created}
        if name not in self.tickets:
            return 404, {"error": {"message": "No Record found"}}
        if body.get("state") == "6" and not (body.get("close_code") and body.get("close_notes")):
            return 403, {"error": {"message": "Resolution code and notes are mandatory"}}
        self.tickets[name].update(body)
        return 200, {"result": self.tickets[name]}

    def text(self, ticket: dict[str, Any]) -> str:
        return str(ticket["short_description"] + ticket["description"])

    def status(self, ticket: dict[str, Any]) -> str:
        return {v: k for k, v in self.names.items()}[ticket["state"]]

    def set(self, ticket: dict[str, Any], status: str) -> None:
        ticket["state"] = self.names[status]


class Jira(Server):
    """A service desk with a workflow in which Pending can be reached from Work in progress only."""

    kind = "jira"
    names: ClassVar = {
        "OPEN": "Waiting for support",
        "IN_PROGRESS": "Work in progress",
        "ON_HOLD": "Pending",
        "COMPLETE": "Resolved",
        "CANCELLED": "Canceled",
    }
    category: ClassVar = {
        "OPEN": "new",
        "IN_PROGRESS": "indeterminate",
        "ON_HOLD": "indeterminate",
        "COMPLETE": "done",
        "CANCELLED": "done",
    }

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}

    def _status(self, ours: str) -> dict[str, Any]:
        return {"name": self.names[ours], "statusCategory": {"key": self.category[ours]}}

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        if path == "/rest/servicedeskapi/request":
            key = f"OPS-{len(self.tickets) + 1}"
            assert (body["serviceDeskId"], body["requestTypeId"]) == ("1", "10")
            values = body["requestFieldValues"]
            self.tickets[key] = {"key": key, "fields": {**values, "status": self._status("OPEN")}}
            return 201, {"issueKey": key}
        if path == "/rest/api/3/search/jql":
            wanted = re.search(r"wo-[0-9]{8}-[0-9a-f]{8}", body["jql"])
            assert wanted is not None
            matches = [t for t in self.tickets.values() if wanted[0] in t["fields"]["summary"]]
            return 200, {"issues": matches}
        if path == "/rest/api/3/issue/bulkfetch":
            keys = body["issueIdsOrKeys"]
            gone = [key for key in keys if key not in self.tickets]
            return 200, {
                "issues": [self.tickets[key] for key in keys if key not in gone],
                "issueErrors": gone,
            }
        name = path.split("/")[5]
        if name not in self.tickets:
            return 404, {"errorMessages": ["Issue does not exist"]}
        fields = self.tickets[name]["fields"]
        if path.endswith("/transitions"):
            here = self.status(self.tickets[name])
            ways = [s for s in self.names if s != here and (s != "ON_HOLD" or here == "IN_PROGRESS")]
            if method == "GET":
                return 200, {"transitions": [{"id": s, "name": s, "to": self._status(s)} for s in ways]}
            if body["transition"]["id"] not in ways:
                return 400, {"errorMessages": ["It is not on the workflow"]}
            fields["status"] = self._status(body["transition"]["id"])
            return 204, None
        fields.update(body["fields"])
        return 204, None

    def text(self, ticket: dict[str, Any]) -> str:
        return str(ticket["fields"]["summary"] + ticket["fields"]["description"])

    def status(self, ticket: dict[str, Any]) -> str:
        return {v: k for k, v in self.names.items()}[ticket["fields"]["status"]["name"]]

    def set(self, ticket: dict[str, Any], status: str) -> None:
        ticket["fields"]["status"] = self._status(status)


class Atlas(Server):
    """Atlas CMMS: a token by sign-in, work orders, no CANCELLED."""

    kind = "atlas"

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        if path == "/auth/signin":
            good = body == {"email": "ona@example.com", "password": "pass", "type": "CLIENT"}
            return (200, {"accessToken": "jwt"}) if good else (403, {"message": "no"})
        if headers.get("Authorization") != "Bearer jwt":
            return 401, {"message": "sign in"}
        if path == "/work-orders/search":
            wanted = body["filterFields"][0]["value"]
            return 200, {"content": [t for t in self.tickets.values() if wanted in t["title"]]}
        if path == "/work-orders":
            created = {"id": len(self.tickets) + 1, "status": "OPEN", **body}
            self.tickets[str(created["id"])] = created
            return 200, created
        name = path.split("/")[2]
        if name not in self.tickets:
            return 404, {"message": "Not found"}
        if method == "PATCH":
            self.tickets[name].update(body)
        return 200, self.tickets[name]

    def text(self, ticket: dict[str, Any]) -> str:
        return str(ticket["title"] + ticket["description"])

    def status(self, ticket: dict[str, Any]) -> str:
        return str(ticket["status"])

    def set(self, ticket: dict[str, Any], status: str) -> None:
        ticket["status"] = status


class Receiver(Server):
    """A webhook's receiver, or an insurer: takes everything and keeps it as it came."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Answer:
        self.bodies.append(self.raw)
        return 200, {"claim_id": "CL-1"}


SYSTEMS = {"jira": Jira, "servicenow": ServiceNow, "atlas": Atlas}
