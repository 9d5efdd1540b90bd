"""The recipients in the demo: a queue on the alerts topic for operators, and a receiver of webhooks.

The receiver checks signatures as every receiver of a webhook should.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ona.outbox.items import Delivery, Notice
from ona.runtime.clock import local_and_utc
from ops import outbox
from ops.demo.follow import run_task
from ops.target import Target

WAIT_S = 20.0
"""How long the receiver waits for a message (ours)."""
QUEUE = "demo-operators-inbox"


@dataclass(frozen=True)
class Message:
    """A message to the operators."""

    subject: str
    text: str


def open_inbox(target: Target) -> None:
    """Subscribe the operators' queue to the alerts topic."""
    subscribed_queue(target, QUEUE, target.outputs["AlertsTopicArn"])


def subscribed_queue(target: Target, name: str, topic: str, **attributes: str) -> str:
    """A queue that hears a topic; its policy lets the topic send, as SNS demands. Returns its URL.

    `attributes` are those of the subscription.
    """
    sqs = target.client("sqs")
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    target.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return url


def send(target: Target) -> None:
    """Send what is due in the outbox, as its timer does every minute. Raises OpsError when it fails."""
    run_task(target, "deliver", "send")


def messages(target: Target) -> list[Message]:
    """All messages that the operators got, in order."""
    sqs = target.client("sqs")
    received: list[Message] = []
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        if not answer:
            return received
        for item in answer:
            body = json.loads(item["Body"])
            received.append(Message(str(body.get("Subject", "")), str(body["Message"])))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])


def waiting(target: Target, zone: str) -> list[str]:
    """The deliveries that wait, and until when, in a time zone."""
    return [waits(item, zone) for item in outbox.items(target, ["send"])]


def waits(item: Delivery | Notice, zone: str) -> str:
    """What waits, and until when."""
    what = item.work_order_id if isinstance(item, Delivery) else item.subject
    return f"{what}, until {local_and_utc(item.next_at, zone)}" if item.next_at else f"{what}, due now"


@dataclass
class Listener:
    """A receiver of webhooks on this machine. `heard`: the messages whose signature is right."""

    secret: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    def __enter__(self) -> Listener:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(204 if outer.take(dict(self.headers), body) else 401)
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/ona"
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()

    def wait_for(self, version: int) -> bool:
        """Whether a version of the order, or a later one, arrives within 20 s."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if any(item["version"] >= version for item in self.heard):
                return True
            time.sleep(0.1)
        return False

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """Accept a message if its signature is right (Standard Webhooks)."""
        lower = {name.lower(): value for name, value in headers.items()}
        signed = f"{lower.get('webhook-id')}.{lower.get('webhook-timestamp')}.".encode() + body
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(lower.get("webhook-signature", ""), f"v1,{wanted}"):
            self.refused += 1
            return False
        self.heard.append(json.loads(body))
        return True
