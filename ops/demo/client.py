"""The demo as a client of the APIs: requests with an API key, and uploads where it promised a place."""

from __future__ import annotations

import json
from typing import Any

import urllib3

from ops.target import OpsError, Target


class Refused(OpsError):
    """The API refused a request; `status` and `body` say why."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body
        super().__init__(f"the API answered {status}: {json.dumps(body)[:500]}")


def call(target: Target, key: str, method: str, path: str, body: Any = None) -> Any:
    """One request to the API; its `data`. Raises Refused."""
    answer = urllib3.request(
        method,
        f"{target.api_url}{path}",
        body=json.dumps(body).encode() if body is not None else None,
        headers={"X-API-Key": key, "Content-Type": "application/json"},
        timeout=90,
        retries=False,
    )
    try:
        content = answer.json()
    except ValueError:
        content = answer.data.decode("utf-8", "replace")
    if answer.status != 200:
        raise Refused(answer.status, content)
    return content["data"]


def upload(promise: dict[str, Any], body: bytes) -> None:
    """PUT a file where the API promised it a place. Raises Refused."""
    answer = urllib3.request(
        promise["method"],
        promise["upload_url"],
        body=body,
        headers=promise["headers"],
        timeout=90,
        retries=False,
    )
    if answer.status != 200:
        raise Refused(answer.status, answer.data.decode("utf-8", "replace"))
