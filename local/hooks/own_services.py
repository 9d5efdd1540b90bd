"""Services that ministack lacks, as services of its server: JSON 1.1, an action by the header X-Amz-Target.

A hook gives its calls by their names in AWS's API. What a call refuses it raises as Refused. Its module has
`get_state` and `load_persisted_state`, which ministack asks of each service that it keeps.
Source of the errors that are no service's own: AWS JSON 1.1 protocol (Smithy), "Operation error
serialization"; common errors of the API references (SerializationException, UnknownOperationException).
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from local.hooks.base import private

Json = dict[str, Any]
Calls = Mapping[str, Callable[[Json], Json]]


class Refused(Exception):
    """What a service answers instead of doing it: an error code and words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def answer(calls: Calls, headers: Mapping[str, Any], body: bytes) -> Any:
    """Answer a request: status, headers, body."""
    from ministack.core.responses import error_response_json

    action = str(headers.get("x-amz-target") or "").rpartition(".")[2]
    try:
        if action not in calls:
            raise Refused("UnknownOperationException", f"operation {action or 'none'} is not known here")
        told = json.dumps(calls[action](_asked(body))).encode()
    except Refused as refused:
        return error_response_json(refused.code, refused.text, 400)
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, told


def _asked(body: bytes) -> Json:
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise Refused("SerializationException", "the body is no JSON object")
    return asked


def register(name: str, prefix: str, module: types.ModuleType, calls: Calls) -> None:
    """Let ministack's server route to a service, and keep its state. `prefix`: what stands in X-Amz-Target
    before the action. The service's name is that of its host and of its credentials' scope.
    """
    from ministack import app
    from ministack.core import router

    async def handle_request(_method: str, _path: str, headers: Any, body: bytes, _query: Any) -> Any:
        return answer(calls, headers, body)

    known = name.replace("-", "_")
    module.handle_request = handle_request  # type: ignore[attr-defined]
    sys.modules[f"ministack.services.{known}"] = module
    private(router, "SERVICE_PATTERNS")[name] = {
        "target_prefixes": [prefix],
        "host_patterns": [rf"{name}\."],
        "credential_scope": name,
    }
    private(app, "SERVICE_REGISTRY")[name] = {"module": known}
    private(app, "SERVICE_HANDLERS")[name] = handle_request
    private(app, "_state_map")[known] = known
