"""Cursors of pages: where the next page begins, as a caller gets it and gives it back.

>>> text = cursor({"asset_id": "INV-050"})
>>> position(text, "asset_id")
{'asset_id': 'INV-050'}
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ona.api import bodies
from ona.api.envelope import ApiError

MOST_KEY_BYTES = 1024
"""Bytes of a value: a table's sort key is no longer (DynamoDB Developer Guide, "Constraints in Amazon
DynamoDB")."""


def cursor(key: Mapping[str, str] | None) -> str | None:
    """The value of `next` that a page tells; None on the last page."""
    return base64.urlsafe_b64encode(json.dumps(dict(key)).encode()).decode() if key else None


def position(text: str | None, *names: str) -> dict[str, str]:
    """Where a page begins, from the caller's `next`; empty for the first page. `names`: what the route's
    own cursors hold.

    Raises ApiError (400) for what no page of the route told.
    """
    if not text:
        return {}
    try:
        key = bodies.read(base64.b64decode(text, altchars="-_", validate=True).decode())
    except ValueError as error:
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of a page", field="next") from error
    if not isinstance(key, dict) or set(key) != set(names) or not all(map(_may_be_key, key.values())):
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of this route's pages", field="next")
    return key


def _may_be_key(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.encode()) <= MOST_KEY_BYTES
