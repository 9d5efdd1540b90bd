"""Whether an event came through the function's own APIs, and by which door.

A family has two APIs: one takes API keys, the other IAM signatures. The template names both to the function
(environment variables `API_ID` and `IAM_API_ID`), and its stage (`ONA_ENVIRONMENT`). Each door is believed
about its own credentials only: the authorizer's context of the first, the caller's ARN of the second.

A caller who may invoke the function itself can forge all of this. The function's resource policy admits its
APIs only; who else may is decided by IAM in the account (docs/access.md, "What is trusted").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ona.runtime import aws

Door = Literal["key", "signature"]
"""How a caller came in: with an API key, or with an IAM signature."""


def door(event: Mapping[str, Any]) -> Door | None:
    """The door that an event came through; None for one that came through none of this function's.

    >>> import os
    >>> os.environ.update(API_ID="abc", IAM_API_ID="def", ONA_ENVIRONMENT="dev")
    >>> door({"requestContext": {"apiId": "def", "stage": "dev"}})
    'signature'
    >>> door({"requestContext": {"apiId": "other", "stage": "dev"}}) is None
    True
    """
    context = event.get("requestContext")
    if not isinstance(context, Mapping) or context.get("stage") != aws.environment("ONA_ENVIRONMENT"):
        return None
    doors: dict[Any, Door] = {
        aws.environment("API_ID"): "key",
        aws.environment("IAM_API_ID"): "signature",
    }
    return doors.get(context.get("apiId"))
