"""Signed webhooks, as Standard Webhooks (standardwebhooks.com) has them: receivers verify with its
libraries.

`webhook-id` is the same for every try to tell one version of an order, `webhook-signature` is
`v1,base64(HMAC-SHA256(secret, "<id>.<timestamp>.<body>"))`. A subscription's secret is derived from the
platform's own signing key, so that none is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from delivery.deliver.message import OrderMessage
from delivery.deliver.systems import Ticket
from ona.config import parameters
from ona.outbox.items import Recipient
from ona.outbox.signing import SIGNING_KEY, secret_of
from ona.runtime import http
from ona.runtime.errors import InvalidConfiguration

PREFIX = "whsec_"
"""With what a secret begins, as Standard Webhooks has it; base64 follows."""


class Webhook:
    """One endpoint. `public`: a customer named it, so it must be on the internet."""

    def __init__(self, url: str, secret: str, name: str, *, public: bool = False) -> None:
        self.url, self.name, self.public = url, name, public
        try:
            self.secret = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except ValueError as error:
            raise InvalidConfiguration(f"{name}: the secret must be {PREFIX} and base64") from error

    @classmethod
    def of_subscription(cls, recipient: Recipient) -> Webhook:
        """A subscriber's endpoint. Raises InvalidConfiguration where the platform has no signing key."""
        key = parameters.parameter(SIGNING_KEY)
        if not key:
            raise InvalidConfiguration(f"parameter {SIGNING_KEY} is not set (docs/delivery.md)")
        return cls(recipient.endpoint, secret_of(key, recipient.name), recipient.name, public=True)

    def send(self, message: OrderMessage, ticket: Ticket | None) -> Ticket:
        """POST the order; any 2xx is enough."""
        self.post(message.key, message.document())
        return Ticket("")

    def post(self, key: str, document: dict[str, Any]) -> None:
        """POST a document, signed; the same `key` again is the same message. Raises Busy, Refused."""
        body = json.dumps(document, separators=(",", ":")).encode()
        stamp = str(int(time.time()))
        signed = b".".join([key.encode(), stamp.encode(), body])
        signature = base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode()
        headers = {
            "webhook-id": key,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{signature}",
            "Idempotency-Key": key,
        }
        http.call(
            "POST",
            self.url,
            what=f"webhook {self.name}",
            document=body,
            headers=headers,
            public=self.public,
            any_answer=True,
        )

    def look_up(self, names: list[str]) -> dict[str, Ticket]:
        """Nothing comes back from a webhook: their owners change orders through the API."""
        return {}
