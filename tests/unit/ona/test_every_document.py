"""Every model of a document, item, payload, request and configuration file: whatever stands in its place or
in one of its fields is taken or refused by our own error, which names the place. No validator breaks.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import access
import delivery
import forecasting
import ona
import ooda
from ona.documents.base import Document
from ona.runtime.errors import InvalidPayload

DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "a negative number": -1,
    "half": 0.5,
    "1e308": 1e308,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "10^400": 10**400,
    "a decimal": Decimal("1E+6000"),
    "an empty text": "",
    "a long text": "x" * 100_000,
    "a control character": "a\x00b\n",
    "a lone surrogate": "\ud800",
    "the year 1": "0001-01-01T00:00:00+14:00",
    "the year 9999": "9999-12-31T23:59:59-14:00",
    "an empty list": [],
    "a list of nothing": [None],
    "an empty object": {},
    "an object of nothing": {"": None},
    "nested deeply": DEEP,
    "bytes": b"\xff\x00",
    "an address without end": "https://[::1",
    "a path that climbs": "../../etc/passwd",
}


def _imported() -> None:
    for family in (access, delivery, forecasting, ona, ooda):
        for module in pkgutil.walk_packages(family.__path__, f"{family.__name__}."):
            importlib.import_module(module.name)


def _all(model: type[Document]) -> Iterator[type[Document]]:
    for child in model.__subclasses__():
        yield child
        yield from _all(child)


_imported()
MODELS = {
    f"{model.__module__}.{model.__qualname__}": model
    for model in _all(Document)
    if model.__module__.split(".")[0] in ("access", "delivery", "forecasting", "ona", "ooda")
}


def taken_or_refused(model: type[Document], value: Any) -> bool:
    """Whether it is taken; an error of somebody else ends the test."""
    try:
        model.read(value, "table x, item 7")
    except InvalidPayload as error:
        assert str(error).startswith("table x, item 7"), error
        assert len(str(error)) < 20_000
        return False
    return True


@pytest.mark.parametrize("name", MODELS)
def test_whatever_stands_in_a_field_is_taken_or_refused_in_words(name: str) -> None:
    model = MODELS[name]
    taken_or_refused(model, {"k" * 100_000: 1})
    for value in VALUES.values():
        assert not taken_or_refused(model, value) or isinstance(value, dict)
        for field, described in model.model_fields.items():
            for key in {field, described.alias or field}:
                taken_or_refused(model, {key: value})
        taken_or_refused(model, dict.fromkeys(model.model_fields, value))
        taken_or_refused(model, {**dict.fromkeys(model.model_fields, 1), "another": value})


def test_all_models_are_tried() -> None:
    """Those of the tables, of the steps, of the APIs, of the configuration."""
    assert len(MODELS) > 120
    for part in ("TrackedOrder", "OrderLock", "DetectRequest", "Schedule", "Asset", "NotificationRules"):
        assert any(name.endswith(f".{part}") for name in MODELS), part
