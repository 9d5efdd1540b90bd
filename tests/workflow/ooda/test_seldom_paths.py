"""Paths that only rare situations take, each walked with the real roles.

`ona roles` lists what nothing used. A permission for one of these paths stands in a template because the
path exists; here the path is walked, so that its permission is seen to be needed and to be enough.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from ona.runtime.clock import utc_now
from ona.sky.weather_document import Place
from ona.store.layout import FORECAST_CSV
from ona.store.tables import to_item
from ops import customers, samples
from tests.builders.telemetry import dead_from, sunny_day
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

NO_TELEMETRY = b"PK\x03\x04 a workbook, renamed"
TAGS = [{"Key": "site", "Value": "north"}]


def sample(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


def without_assets(platform: Platform) -> None:
    platform.s3.delete_object(Bucket=platform.target.input_bucket, Key="assets.json")


def ordered(platform: Platform) -> dict[str, Any]:
    """A dead inverter's order, and what Order was asked."""
    assert platform.put_and_wait(dead_from(9))["status"] == "SUCCEEDED"
    [key] = platform.keys("schedules/")
    job = platform.read(key)["jobs"][0]
    pointer = {"bucket": platform.target.output_bucket, "key": key, "version_id": ""}
    asked = {"schedule": pointer, "finding_id": job["finding_id"]}
    return {"job": asked, "execution_id": "by-hand"}


# ------------------------------------------------------------------ s3:ListBucket: 404, not 403


@pytest.mark.parametrize(
    "name", ["ooda/diagnose", "forecasting/interpolation_service", "forecasting/weather_cache"]
)
def test_a_pointer_to_nothing_is_told_as_missing(platform: Platform, name: str) -> None:
    """Without `s3:ListBucket` S3 answers 403, and the dead letter would say AccessDenied."""
    answer = samples.invoke(platform.target, name.split("/")[1], sample(name))
    assert answer.error.startswith("ObjectMissing: "), answer.error


def test_without_an_asset_registry_each_function_says_what_to_do(platform: Platform) -> None:
    request = ordered(platform)
    without_assets(platform)
    source = sample("ooda/detect")["source"]
    body = (ROOT / "samples" / Path(source["key"]).name).read_bytes()
    platform.s3.put_object(Bucket=source["bucket"], Key=source["key"], Body=body)
    platform.ended("ooda", source["key"])
    for function, event in (
        ("order", request),
        ("detect", sample("ooda/detect")),
        ("data_ingestion", sample("forecasting/data_ingestion")),
    ):
        answer = samples.invoke(platform.target, function, event)
        assert "no_asset_registry" in answer.error, (function, answer.error)


def test_before_there_is_an_asset_registry_the_api_knows_no_assets(platform: Platform) -> None:
    without_assets(platform)
    key = customers.add_key(platform.target, "customer-a", "standard")
    url = f"{platform.target.api_url}/ops/incidents"
    answer = urllib3.request("GET", url, headers={"X-API-Key": key}, timeout=60)
    assert (answer.status, answer.json()["data"]["incidents"]) == (200, []), answer.data


def test_weather_whose_document_is_gone_counts_as_none(platform: Platform) -> None:
    """The table names a document of the weather cache that the bucket deleted by its age."""
    [asset] = json.loads((ROOT / "samples/assets.json").read_text())["assets"][:1]
    place = Place.of(asset["location"]["latitude"], asset["location"]["longitude"])
    item = {
        "location_timestamp": f"{place.place_id}#{utc_now():%Y-%m-%dT%H}",
        "key": "weather/cache/gone.json",
    }
    table = platform.target.outputs["WeatherCacheTableName"]
    platform.target.client("dynamodb").put_item(TableName=table, Item=to_item(item))
    without_assets(platform)  # the sample brings its own
    answer = samples.run(platform.target, ROOT / "events/forecasting/forecasting_api.json")
    assert not answer.error, answer.error
    metadata = json.loads(answer.document["body"])["data"]["metadata"]
    assert "no_weather" in metadata["degraded"], metadata


def test_the_api_of_orders_finds_the_customer_of_a_signed_request(platform: Platform) -> None:
    role = "arn:aws:iam::000000000000:role/fleet-reader"
    customers.add_principal(platform.target, role, "customer-a", "standard")
    settings = platform.target.client("lambda").get_function_configuration(
        FunctionName=platform.target.function("operations_api")
    )["Environment"]["Variables"]
    event = sample("ooda/operations_api")
    event["requestContext"] |= {"apiId": settings["IAM_API_ID"], "identity": {"userArn": role}}
    del event["requestContext"]["authorizer"]
    answer = samples.invoke(platform.target, "operations_api", event)
    assert (answer.document["statusCode"], answer.error) == (200, "")


def test_a_delivery_waits_for_a_document_that_is_not_written_yet(platform: Platform) -> None:
    ordered(platform)
    [key] = platform.keys("work-orders/")
    platform.s3.delete_object(Bucket=platform.target.output_bucket, Key=key)
    assert platform.deliver()["told"] == 0
    [item] = [item for item in platform.table("Outbox") if "wanted" in item]
    assert "is not written yet" in item["last_error"]


# ------------------------------------------------------------------ files with tags, and files by hand


@pytest.mark.parametrize(
    ("workflow", "key"),
    [
        ("ooda", "observations/2025/06/10/INV-001_tagged.csv"),
        ("forecast_upload", "historical/customer-a/site/tagged.csv"),
        ("forecast_upload", "nowcast/2025/06/10/customer-a/tagged.csv"),
    ],
)
def test_a_rejected_file_takes_its_tags_along(platform: Platform, workflow: str, key: str) -> None:
    """S3 copies an object's tags: from the version that the event names, or, by hand, from the newest."""
    source, copy = platform.target.input_bucket, f"quarantine/{key}"
    platform.s3.put_object(Bucket=source, Key=key, Body=NO_TELEMETRY, Tagging="site=north")
    assert platform.ended(workflow, key)["status"] == "SUCCEEDED"
    where = {"Bucket": platform.target.output_bucket, "Key": copy}
    assert platform.s3.get_object_tagging(**where)["TagSet"] == TAGS
    platform.s3.delete_object(**where)
    event = platform.event(key)
    del event["detail"]["object"]["version-id"]
    assert platform.run(event, workflow)["status"] == "SUCCEEDED"
    assert platform.s3.get_object_tagging(**where)["TagSet"] == TAGS


# ------------------------------------------------------------------ what lies beside a file of today


def test_a_file_of_today_is_judged_with_forecast_and_weather(platform: Platform) -> None:
    """Detect reads the newest weather and the day's forecasts, Diagnose those of the coming days."""
    today = datetime.combine(utc_now().date() - timedelta(days=1), datetime.min.time(), UTC)
    for day in (today, today + timedelta(days=1)):
        shape = sunny_day(day=day)
        rows = [
            f"{at:%Y-%m-%dT%H:%M:%SZ},{kw:.3f}"
            for at, kw in zip(shape["timestamp"], shape["power_kw"], strict=True)
        ]
        body = "\n".join(["timestamp,predicted_power_kw", *rows, ""]).encode()
        key = FORECAST_CSV.build(day=day, asset_id="INV-001", made=today)
        platform.s3.put_object(Bucket=platform.target.input_bucket, Key=key, Body=body)
    frame = sunny_day(day=today).drop(columns="irradiance_w_m2")
    frame.loc[frame["timestamp"].dt.hour >= 9, "power_kw"] = 0.0
    done = platform.put_and_wait(frame, key=f"observations/{today:%Y/%m/%d}/INV-001_{today:%Y%m%d}.csv")
    assert done["status"] == "SUCCEEDED", done
    [key] = platform.keys("detections/")
    assert platform.read(key)["assets"][0]["basis"] == "forecast"
    [key] = platform.keys("diagnostics/")
    assert platform.read(key)["findings"]


# ------------------------------------------------------------------ an order that follows its visit


def test_an_order_follows_a_visit_that_a_later_plan_moved(platform: Platform) -> None:
    request = ordered(platform)
    [order] = [item for item in platform.table("Tracking") if item["job_id"].startswith("wo-")]
    dynamodb, table = platform.target.client("dynamodb"), platform.target.outputs["CrewsTableName"]
    [crew] = [crew for crew in platform.table("Crews") if crew.get("bookings")]
    for name in ("leaves", "start", "end", "returns"):
        when = datetime.fromisoformat(crew["bookings"][0][name]) + timedelta(hours=1)
        crew["bookings"][0][name] = when.isoformat().replace("+00:00", "Z")
    dynamodb.put_item(TableName=table, Item=to_item({**crew, "version": crew["version"] + 1}))
    pointer = request["job"]["schedule"]
    plan = platform.read(pointer["key"])
    plan["jobs"][0]["decision"] = "moved"
    platform.s3.put_object(Bucket=pointer["bucket"], Key=pointer["key"], Body=json.dumps(plan).encode())
    answer = samples.invoke(platform.target, "order", request)
    assert answer.document["status"] == "moved", answer
    [after] = [item for item in platform.table("Tracking") if item["job_id"] == order["job_id"]]
    assert after["scheduled_start"] == crew["bookings"][0]["start"] != order["scheduled_start"]
