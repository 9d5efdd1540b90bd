"""Documents between the loop's steps that somebody else wrote: the step fails by one of our errors, which
names the object, so that its letter says what to mend. What only helps is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pandas as pd
import pytest

from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidInput, OnaError
from ona.store.s3 import read_bytes, read_json, versions_of, write_bytes, write_json
from ooda.detect.handler import lambda_handler as detect
from ooda.diagnose.handler import lambda_handler as diagnose
from ooda.order.handler import lambda_handler as order
from ooda.schedule.handler import lambda_handler as schedule
from tests.builders.assets import make_registry
from tests.builders.telemetry import dead_from, sunny_day, to_csv
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import IN, OUT, create_table

FILE = "observations/2025/06/10/INV-001_20250610.csv"
HISTORY = "incidents/site/INV-001.json"
RECORD = "detections/2025/06/10/det-1.json"
DIAGNOSTIC = "diagnostics/2025/06/10/diag-1.json"
SCHEDULE = "schedules/2025/06/10/sched-1.json"
CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b'{"assets": [',
    "no UTF-8": b"\xff\xfe\x00\x01",
    "null": b"null",
    "a list": b"[1, 2]",
    "a text": b'"abc"',
    "a number of 5 000 digits": b"9" * 5_000,
    "NaN": b"NaN",
    "deep": b"[" * 100_000,
    "another schema": b'{"colour": "red", "of": {"a": ["later"]}}',
    "lists of nothing": b'{"assets": [null], "jobs": [null], "findings": [null], "days": [null]}',
    "texts for lists": b'{"assets": "x", "jobs": "x", "findings": "x", "days": "x"}',
}


@pytest.fixture
def loop(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets with a registry and a file, and the table of the weather."""
    create_table("weather", "location_timestamp")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")
    write_json(IN, "assets.json", make_registry(2).model_dump(mode="json", exclude_none=True))
    write_bytes(IN, FILE, to_csv(dead_from(9)), "text/csv")


def at(bucket: str, key: str) -> dict[str, Any]:
    return {"bucket": bucket, "key": key, "version_id": ""}


def detection() -> Any:
    event = {"source": at(IN, FILE), "file_id": "0" * 16, "execution_id": "execution-1"}
    return detect(event, Context())


STEPS: dict[str, tuple[str, Callable[[], Any]]] = {
    "Detect, assets.json": ("assets.json", detection),
    "Diagnose, record": (
        RECORD,
        lambda: diagnose({"detection": at(OUT, RECORD)}, Context()),
    ),
    "Schedule, diagnostic": (
        DIAGNOSTIC,
        lambda: schedule({"diagnostics": [at(OUT, DIAGNOSTIC)], "execution_id": "x"}, Context()),
    ),
    "Order, schedule": (
        SCHEDULE,
        lambda: order(
            {"job": {"schedule": at(OUT, SCHEDULE), "finding_id": "f"}, "execution_id": "x"}, Context()
        ),
    ),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_each_step_names_the_object_that_it_cannot_read(loop: None, kind: str) -> None:
    registry = read_bytes(S3Pointer.read(at(IN, "assets.json")))
    for step, (key, run) in STEPS.items():
        bucket = IN if key == "assets.json" else OUT
        write_bytes(bucket, key, CONTENTS[kind], "application/json")
        with pytest.raises(OnaError) as caught:
            run()
        assert isinstance(caught.value, InvalidInput), f"{step}: it is not tried again"
        assert key.rsplit("/", 1)[-1] in str(caught.value), step
        assert "errors.pydantic.dev" not in str(caught.value)
        assert len(str(caught.value)) < 5_000
        boto3.client("s3").delete_object(Bucket=bucket, Key=key)
        write_bytes(IN, "assets.json", registry, "application/json")


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_travel_file_that_cannot_be_read_is_named_and_stops_no_plan(
    loop: None, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_bytes(IN, "travel.csv", CONTENTS[kind], "application/json")
    answer = schedule({"diagnostics": [], "execution_id": "x"}, Context())
    assert answer["jobs"] == []
    assert any("travel.csv" in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        *((kind, "nothing before") for kind in (*CONTENTS, "another asset's")),
        *((kind, "an earlier version") for kind in ("empty", "null", "another asset's")),
    ],
    ids=str,
)
def test_a_damaged_history_costs_neither_the_file_nor_the_next(
    loop: None, kind: str, kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    boto3.client("s3").put_bucket_versioning(Bucket=OUT, VersioningConfiguration={"Status": "Enabled"})
    detection()
    sound = read_json(S3Pointer(bucket=OUT, key=HISTORY))
    if kept == "nothing before":
        for version in versions_of(OUT, HISTORY):
            boto3.client("s3").delete_object(Bucket=OUT, Key=HISTORY, VersionId=version)
    other = json.dumps({**sound, "asset_id": "INV-777"}).encode()
    write_bytes(OUT, HISTORY, CONTENTS.get(kind, other), "application/json")
    second = FILE.replace("INV-001_20250610", "INV-001_20250611")
    write_bytes(IN, second, to_csv(dead_from(9).assign(timestamp=lambda f: _next_day(f))), "text/csv")
    caplog.clear()
    answer = detect({"source": at(IN, second), "file_id": "1" * 16, "execution_id": "x"}, Context())
    assert answer["status"] == "found"
    (asset,) = read_json(S3Pointer(bucket=OUT, key=answer["detection"]["key"]))["assets"]
    assert f"s3://{OUT}/{HISTORY} cannot be read" in asset["basis_reason"]
    assert any(HISTORY in str(record.__dict__) for record in caplog.records)
    days = list(read_json(S3Pointer(bucket=OUT, key=HISTORY))["days"])
    assert len(days) == (1 if kept == "nothing before" else 2), days
    assert any(
        read_bytes(S3Pointer(bucket=OUT, key=HISTORY, version_id=version)) == CONTENTS.get(kind, other)
        for version in versions_of(OUT, HISTORY)
    ), "the damaged object is kept aside"
    caplog.clear()
    again = detect({"source": at(IN, FILE), "file_id": "2" * 16, "execution_id": "x"}, Context())
    (asset,) = read_json(S3Pointer(bucket=OUT, key=again["detection"]["key"]))["assets"]
    assert "cannot be read" not in asset["basis_reason"], "the next file finds a sound one"


def _next_day(frame: pd.DataFrame) -> pd.Series:
    return frame["timestamp"] + pd.Timedelta(days=1)


HELPERS: dict[str, str] = {
    "a forecast": "forecasts/2025/06/10/INV-001_forecast_20250610T00.csv",
    "a neighbour": "telemetry/site=site/day=2025-06-10/INV-002.parquet",
    "the weather's month": "weather/cache/-26.2_28.0_202506.json",
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_what_only_helps_is_left_out(loop: None, kind: str) -> None:
    for helper, key in HELPERS.items():
        bucket = OUT if helper == "a neighbour" else IN
        write_bytes(bucket, key, CONTENTS[kind], "application/octet-stream")
    answer = detection()
    assert answer["assets"] == 1
    assert json.dumps(answer)


@pytest.mark.parametrize("day", ["sunny", "dead"])
def test_without_a_wrong_document_the_file_is_judged(loop: None, day: str) -> None:
    body = to_csv(sunny_day() if day == "sunny" else dead_from(9))
    write_bytes(IN, FILE, body, "text/csv")
    answer = detection()
    assert (answer["assets"], answer["status"]) == (1, "nothing_found" if day == "sunny" else "found")
