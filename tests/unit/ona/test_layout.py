"""Every key is made and read in one place: build → parse → build gives the same key, for every shape."""

from __future__ import annotations

import importlib
import string
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ona.runtime.clock import FIRST_YEAR, LAST_YEAR
from ona.store.layout import OBSERVATION, TELEMETRY, KeyShape, day_of
from tests.paths import ROOT

FAMILIES = sorted(f"{path.parent.name}.layout" for path in ROOT.glob("functions/*/layout.py"))
SHAPES = {
    shape.template: shape
    for module in ("ona.store.layout", *FAMILIES)
    for shape in vars(importlib.import_module(module)).values()
    if isinstance(shape, KeyShape)
}
TEXT = st.text(string.ascii_letters + string.digits + "._-=+% äß☀🌞", min_size=1, max_size=30)
DAYS = st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "": TEXT,
    "path": st.lists(TEXT, min_size=1, max_size=4).map("/".join),
    "folders": DAYS,
    "dashes": DAYS,
    "digits": DAYS,
    "month": DAYS.map(lambda day: day.replace(day=1)),
    "hour": st.datetimes(
        datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31), timezones=st.just(UTC)
    ).map(lambda moment: moment.replace(minute=0, second=0, microsecond=0)),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@given(data=st.data())
def test_a_key_that_was_built_is_read_back_and_built_again(shape: KeyShape, data: st.DataObject) -> None:
    fields = {name: data.draw(VALUES[kind], label=name) for name, kind in shape.fields.items()}
    key = shape.build(**fields)
    parsed = shape.parse(key)
    assert parsed is not None
    assert shape.build(**parsed) == key
    assert all(
        key.startswith(shape.prefix(**{n: fields[n] for n in list(fields)[:k]})) for k in range(len(fields))
    )


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (TELEMETRY, {"site_id": "a/b", "day": date(2025, 6, 10), "name": "x"}),
        (TELEMETRY, {"site_id": "", "day": date(2025, 6, 10), "name": "x"}),
        (OBSERVATION, {"day": date(2025, 6, 10), "name": "a/../b"}),
    ],
)
def test_a_value_that_would_make_another_kind_of_key_is_refused(
    shape: KeyShape, fields: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="make no key"):
        shape.build(**fields)


@pytest.mark.parametrize(
    "key", ["telemetry/site=a/day=2025-13-40/x.parquet", "telemetry/site=a/day=x/y.parquet", "x"]
)
def test_a_key_of_another_kind_is_not_parsed(key: str) -> None:
    assert TELEMETRY.parse(key) is None


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("observations/2025/06/10/x.csv", date(2025, 6, 10)),
        ("backfill/2024/02/30/x.csv", date(2000, 1, 1)),
        ("backfill/x.csv", date(2000, 1, 1)),
    ],
)
def test_the_day_of_a_key_or_the_fallback(key: str, day: date) -> None:
    assert day_of(key, date(2000, 1, 1)) == day
