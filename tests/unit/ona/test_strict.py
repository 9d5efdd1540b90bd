"""Requests are taken as documented: no text for a number, no number for a time."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from forecasting.forecasting_api.models import NowcastUpload
from ona.api.strict import JsonNumber, Moment
from ooda.operations_api.models import OrderChange

WholeNumber, Number = Annotated[int, JsonNumber], Annotated[float, JsonNumber]
SECONDS = (1_700_000_000, "1700000000", True)
TEXTS = ("2025-06-10", "2025-06-10T08:00Z", "2025-06-10T08:00:00", "2025-13-10T08:00:00Z")
EDGES = ("0527-11-18T20:57:44Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((WholeNumber, wrong) for wrong in ("1", "", True, 1.5, [1], "१")),
        *((Number, wrong) for wrong in ("1.5", False, {})),
        *((Moment, wrong) for wrong in (*SECONDS, *TEXTS, *EDGES, "２025-06-10T08:00:00Z")),
    ],
)
def test_what_only_converts_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(WholeNumber, 1), (WholeNumber, 1.0), (Number, 1), (Moment, "2025-06-10t08:00:00.123456z")],
)
def test_what_is_documented_is_taken(kind: Any, value: Any) -> None:
    TypeAdapter(kind).validate_python(value)


def test_bodies_use_them() -> None:
    for wrong in ({"version": "1"}, {"version": 1, "actual_hours": "2"}, {"version": 1, "due_date": 5}):
        with pytest.raises(ValidationError):
            OrderChange.model_validate(wrong)
    with pytest.raises(ValidationError):
        OrderChange.model_validate({"version": 1, "parts_used": [{"sku": "x", "quantity": "3"}]})
    meta = {"site_id": "s", "timestamp": "2025-06-10T08:00:00Z"}
    for wrong in ({"size_bytes": "10"}, {"timestamp": 1}):
        body = {"customer_id": "c", "data_type": "nowcast", "metadata": {**meta, **wrong}}
        with pytest.raises(ValidationError):
            NowcastUpload.model_validate(body)
