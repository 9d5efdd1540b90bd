"""Cursors of pages: where the next page begins, as a caller gets it and gives it back.

>>> text = cursor({"asset_id": "INV-050"})
>>> position(text)
{'asset_id': 'INV-050'}
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from ona.api.envelope import ApiError


def cursor(key: Mapping[str, str] | None) -> str | None:
    """The value of `next` that a page tells; None on the last page."""
    return base64.urlsafe_b64encode(json.dumps(dict(key)).encode()).decode() if key else None


def position(text: str | None) -> dict[str, str]:
    """Where a page begins, from the caller's `next`; empty for the first page.

    Raises ApiError (400) for what no page told.
    """
    if not text:
        return {}
    try:
        key = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, RecursionError) as error:  # RecursionError: thousands of brackets
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of a page", field="next") from error
    if not isinstance(key, dict) or not all(isinstance(value, str) for value in key.values()):
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of a page", field="next")
    return key
