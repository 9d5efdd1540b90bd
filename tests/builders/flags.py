"""Feature flags for tests, set as AppConfig would give them, read by Powertools."""

from __future__ import annotations

from typing import Any

import pytest

from ona.config import flags


def switched(
    monkeypatch: pytest.MonkeyPatch, document: dict[str, Any] | None = None, **values: bool
) -> None:
    """Let AppConfig have deployed `document`, or flags with these values for everybody."""
    reader = flags.Reader("app", "environment", "profile")
    reader._document = document or {name: {"default": value} for name, value in values.items()}
    reader._ask_at = float("inf")
    monkeypatch.setattr(flags, "_reader", lambda _place: reader)


def only(value: bool, *customers: str) -> dict[str, Any]:
    """A flag's entry that has a value for some customers alone."""
    condition = {"action": "KEY_IN_VALUE", "key": "customer_id", "value": list(customers)}
    rules = {"some": {"when_match": value, "conditions": [condition]}}
    return {"default": not value, "rules": rules}
