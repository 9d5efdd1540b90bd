"""An upload of times and power alone is staged and filled; what it lacks is in the upload's report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pandas as pd
import pytest
from moto import mock_aws

from forecasting.data_ingestion import handler as ingest
from forecasting.interpolation_service import handler as fill
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry
from ona.store import s3
from tests.builders.assets import make_asset
from tests.builders.telemetry import DAY, sunny_day, to_csv
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import ENVIRONMENT, IN, OUT, create_table

HISTORY = "historical/customer-001/karoo/12345678-1234-4123-8123-123456789012.csv"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        for name, value in {**ENVIRONMENT, "LOCATIONS_TABLE": "locations"}.items():
            monkeypatch.setenv(name, value)
        for bucket in (IN, OUT):
            boto3.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
            )
        create_table("locations", "location_id")
        yield


def registered(*sites: str) -> None:
    """One inverter a site, INV-001 at the first."""
    assets = [
        make_asset(f"INV-{n + 1:03d}", customer_id="customer-001", site_id=site)
        for n, site in enumerate(sites)
    ]
    s3.write_json(
        IN, "assets.json", {"assets": [a.model_dump(mode="json", exclude_none=True) for a in assets]}
    )


def history(columns: list[str]) -> bytes:
    days = [sunny_day(day=DAY + timedelta(days=n)) for n in range(3)]
    return to_csv(pd.concat(days, ignore_index=True)[columns])


def upload(key: str, data: bytes) -> dict:
    s3.write_bytes(IN, key, data, "text/csv")
    event = {"source": {"bucket": IN, "key": key}, "file_id": "0" * 16, "execution_id": "e"}
    return ingest.lambda_handler(event, Context())


@pytest.mark.parametrize("columns", [["timestamp", "asset_id", "power_kw"], ["timestamp", "power_kw"]])
def test_power_and_time_go_the_whole_way(columns: list[str], aws: None) -> None:
    registered("karoo", "elsewhere")
    answer = upload(HISTORY, history(columns))
    assert answer["rows_used"] == 3 * 96
    assert [site["site_id"] for site in answer["sites"]] == ["karoo"]
    filled = fill.lambda_handler(
        {
            "kind": "historical",
            "file_id": "0" * 16,
            "upload": answer["sites"][0],
            "weather": {"weather": None, "provider": "", "reason": "no provider"},
        },
        Context(),
    )
    report = s3.read_json(S3Pointer(**filled["report"]))
    assert report["unmeasured"] == ["temperature_c", "voltage_v"] == filled["unmeasured"]
    assert (report["days"], report["training"] is not None) == (3, True)


def test_with_two_machines_a_file_must_say_whose_it_is(aws: None) -> None:
    registered("karoo", "karoo")
    with pytest.raises(InvalidTelemetry) as caught:
        upload(HISTORY, history(["timestamp", "power_kw"]))
    assert (caught.value.reason, "asset_id" in caught.value.message) == ("missing_columns", True)
    named = upload("nowcast/2025/06/12/INV-002_nowcast.csv", history(["timestamp", "power_kw"]))
    assert named["kind"] == "nowcast"


def test_power_in_watts_is_refused_though_nothing_else_is_there(aws: None) -> None:
    registered("karoo")
    day = sunny_day().assign(power_kw=lambda frame: frame["power_kw"] * 1000.0)
    with pytest.raises(InvalidTelemetry) as caught:
        upload(HISTORY, to_csv(day[["timestamp", "power_kw"]]))
    assert caught.value.reason == "power_above_capacity"
    assert "kW" in caught.value.remedy


def test_an_upload_with_all_columns_says_that_nothing_lacks(aws: None) -> None:
    registered("karoo")
    columns = ["timestamp", "asset_id", "temperature_c", "voltage_v", "power_kw"]
    answer = upload(HISTORY, history(columns))
    assert answer["unmeasured"] == []
    assert datetime.fromisoformat(answer["sites"][0]["start"]) == DAY.astimezone(UTC)
