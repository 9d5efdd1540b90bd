"""From an upload to a forecast, over HTTP, events and workflows, and every way in which it can go wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import urllib3

from ona.api import callers as kernel_customers
from ona.documents.assets import AssetRegistry
from ops import accounting, customers, deadletters, explain, ingest, models
from ops.demo import newcustomer
from ops.demo.client import upload as put_promised
from ops.demo.newcustomer import CUSTOMER, SITE_ID
from tests.builders.assets import make_asset
from tests.builders.telemetry import to_csv
from tests.fakes.platform import Platform
from tests.fakes.waiting import eventually
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("forecasting")]
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DAYS = 36


@dataclass
class World:
    """The platform with a customer, its recorded weather, and a second customer to keep out."""

    platform: Platform
    site: newcustomer.World
    key: str
    stranger: str

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and parsed body of one request; `key=""` sends none."""
        sent = {"Content-Type": "application/json", **headers}
        if key != "":
            sent["X-API-Key"] = key or self.key
        text = body if isinstance(body, (str, bytes)) or body is None else json.dumps(body)
        answer = urllib3.request(
            method,
            f"{self.platform.target.api_url}{path}",
            body=text,
            headers=sent,
            timeout=60,
            retries=False,
        )
        try:
            return answer.status, json.loads(answer.data) if answer.data else None
        except ValueError:
            return answer.status, answer.data.decode()

    def train_body(self, customer: str = CUSTOMER, **metadata: Any) -> dict[str, Any]:
        span = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"}
        return {
            "customer_id": customer,
            "data_type": "historical",
            "metadata": {"site_id": SITE_ID, **span, **metadata},
        }

    def put(self, key: str, body: bytes) -> str:
        self.platform.s3.put_object(Bucket=self.platform.target.input_bucket, Key=key, Body=body)
        return key

    def history(self, days: int = DAYS, until: datetime = NOW, name: str = "") -> str:
        body = self.site.csv(until - timedelta(days=days), until)
        return self.put(f"historical/{CUSTOMER}/{SITE_ID}/{name or uuid.uuid4()}.csv", body)

    def uploaded(self, key: str) -> Any:
        done = self.platform.ended("forecast_upload", key)
        assert done["status"] == "SUCCEEDED", done
        return json.loads(done["output"])

    def trained(self, upload: Any) -> Any:
        done = self.platform.ended("forecast_training", upload["sites"][0]["training"]["key"])
        assert done["status"] == "SUCCEEDED", done["cause"]
        return json.loads(done["output"])

    def forecast(self, **query: Any) -> Any:
        parts = {"customer_id": CUSTOMER, "site_id": SITE_ID, **query}
        text = "&".join(f"{name}={value}" for name, value in parts.items() if value is not None)
        status, body = self.call("GET", f"/forecast?{text}")
        assert status == 200, body
        return body["data"]


@pytest.fixture(scope="module")
def site() -> newcustomer.World:
    return newcustomer.world(NOW, DAYS + 8)


@pytest.fixture
def world(platform: Platform, site: newcustomer.World) -> World:
    registry = AssetRegistry(
        assets=[
            *newcustomer.registry().assets,
            make_asset("OTHER-1", customer_id="stranger", site_id="far"),
        ]
    )
    platform.s3.put_object(
        Bucket=platform.target.input_bucket,
        Key="assets.json",
        Body=json.dumps(registry.model_dump(mode="json")).encode(),
    )
    newcustomer.record(platform.target, site.weather)
    made = World(
        platform,
        site,
        customers.add_key(platform.target, CUSTOMER, "standard"),
        customers.add_key(platform.target, "stranger", "premium"),
    )
    return made


def path_of(platform: Platform, arn: str) -> list[str]:
    return [step.name for step in explain.steps(explain.history(platform.target, arn))]


def serving(world: World) -> list[str]:
    return [row.card.version for row in models.versions(world.platform.target, CUSTOMER) if row.serves]


# ------------------------------------------------------------------ the whole way


def test_from_the_key_to_a_forecast(world: World) -> None:
    status, answer = world.call("POST", "/upload_train", world.train_body())
    assert status == 200
    promise = answer["data"]
    assert promise["expires_in"] == 3600
    put_promised(promise, world.site.csv(NOW - timedelta(days=DAYS), NOW, gaps=True))
    upload = world.uploaded(promise["upload_id"])
    assert upload["outcome"] == "published"
    report = world.platform.read(upload["sites"][0]["report"]["key"])
    assert report["weather_provider"] == "recorded"
    assert {gap["cause"] for gap in report["gaps"]} >= {"logger", "communication"}
    assert report["filled"]["weather"] > 100
    trained = world.trained(upload)
    assert trained["outcome"] == "promoted", trained
    assert world.forecast()["metadata"]["model_version"] == trained["version"], "heard at once"

    status, answer = world.call(
        "POST",
        "/upload_nowcast",
        {
            "customer_id": CUSTOMER,
            "data_type": "nowcast",
            "metadata": {"site_id": SITE_ID, "timestamp": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"},
        },
    )
    assert status == 200
    assert answer["data"]["expires_in"] == 1800
    put_promised(answer["data"], world.site.csv(NOW - timedelta(hours=24), NOW))
    renewed = world.uploaded(answer["data"]["upload_id"])
    assert renewed["forecasts"][0]["degraded"] == []

    data = world.forecast()
    assert len(data["forecasts"]) == 48
    assert data["metadata"]["model_version"] == trained["version"]
    assert data["metadata"]["degraded"] == []
    assert data["forecast_id"] == renewed["forecasts"][0]["forecast"]["key"].split("/")[-1][:-5]
    for point in data["forecasts"]:
        bounds = point["confidence_interval"]
        inside = point["predicted_power_kw"]
        assert 0 <= bounds["lower_95"] <= bounds["lower_80"] <= inside <= bounds["upper_80"]
        assert bounds["upper_80"] <= bounds["upper_95"] <= data["capacity_kw"]
    powers = [point["predicted_power_kw"] for point in data["forecasts"]]
    assert max(powers) > 20
    assert min(powers) == 0
    assert data["summary"]["total_predicted_energy_kwh"] == pytest.approx(sum(powers), abs=0.1)
    assert {item.state for item in accounting.account(world.platform.target)} == {"done"}
    assert world.platform.letters() == []

    quarter = world.forecast(interval_minutes=15, horizon_hours=24)
    assert len(quarter["forecasts"]) == 96
    assert quarter["metadata"]["notes"] == ["intervals are those of the hourly mean"]
    long = world.forecast(horizon_hours=168)
    assert len(long["forecasts"]) == 168
    total = world.forecast(site_id=None)
    assert total["site_id"] is None
    assert [p["predicted_power_kw"] for p in total["forecasts"]] == powers

    # detection's CSV: what its reader takes
    listed = world.platform.s3.list_objects_v2(
        Bucket=world.platform.target.input_bucket, Prefix="forecasts/"
    )
    keys = [item["Key"] for item in listed["Contents"]]
    assert any("/NEW-001_forecast_" in key for key in keys)
    body = world.platform.s3.get_object(Bucket=world.platform.target.input_bucket, Key=keys[0])[
        "Body"
    ].read()
    assert body.decode().startswith("timestamp,asset_id,predicted_power_kw,temperature_c,irradiance_w_m2")


def test_a_wind_site_is_forecast_from_upload_to_answer_without_a_night(world: World) -> None:
    turbine = make_asset(
        "WTG-1",
        type="Wind Turbine",
        capacity_kw=3000.0,
        customer_id=CUSTOMER,
        site_id="ridge",
        location={"latitude": 36.1, "longitude": -79.95},
    )
    body = AssetRegistry(assets=[*newcustomer.registry().assets, turbine]).model_dump(mode="json")
    world.put("assets.json", json.dumps(body).encode())
    weather = world.site.weather
    speeds = pd.Series(weather.values["wind_speed_m_s"], index=pd.DatetimeIndex(weather.hours), dtype=float)
    gusty = speeds * 1.6
    made = weather.model_copy(update={"values": {**weather.values, "wind_speed_m_s": gusty.tolist()}})
    newcustomer.record(world.platform.target, made)
    past = gusty[(gusty.index > NOW - timedelta(days=DAYS)) & (gusty.index <= NOW)]
    power = 3000.0 * (((past - 3.0) / 9.0).clip(0, 1) ** 3)
    frame = pd.DataFrame(
        {
            "timestamp": past.index,
            "asset_id": "WTG-1",
            "temperature_c": 15.0,
            "voltage_v": 690.0,
            "power_kw": power.to_numpy(),
            "wind_speed_m_s": past.to_numpy(),
        }
    )
    frame = frame.drop(index=range(100, 140)).reset_index(drop=True)
    upload = world.uploaded(world.put(f"historical/{CUSTOMER}/ridge/{uuid.uuid4()}.csv", to_csv(frame)))
    report = world.platform.read(upload["sites"][0]["report"]["key"])
    assert "night" not in report["filled"]
    assert report["filled"]["weather"] == 40
    assert world.trained(upload)["outcome"] == "promoted"
    data = world.forecast(site_id="ridge", horizon_hours=168)
    assert data["metadata"]["degraded"] == []
    assert len({round(p["predicted_power_kw"]) for p in data["forecasts"]}) > 20
    coming = gusty.reindex(pd.to_datetime([p["timestamp"] for p in data["forecasts"]]))
    truth = (3000.0 * (((coming - 3.0) / 9.0).clip(0, 1) ** 3)).to_numpy()
    error = abs(truth - [p["predicted_power_kw"] for p in data["forecasts"]]).mean()
    assert error < 0.5 * abs(truth - truth.mean()).mean(), "the weather tells the wind's power"


def test_the_same_upload_twice_trains_once_and_a_worse_model_is_kept_out(world: World) -> None:
    first = world.uploaded(world.history())
    assert world.trained(first)["outcome"] == "promoted"
    event = json.loads(
        world.platform.ended("forecast_training", first["sites"][0]["training"]["key"])["input"]
    )
    again = world.platform.run(event, "forecast_training")
    assert json.loads(again["output"])["outcome"] == "nothing_new"
    serving = models.versions(world.platform.target, CUSTOMER)
    assert [row.serves for row in serving] == [True]

    # power that has nothing to do with the weather: whatever is learned from it is worse
    wrong = world.site.truth.copy()
    wrong = wrong[(wrong["timestamp"] > NOW - timedelta(days=DAYS)) & (wrong["timestamp"] <= NOW)]
    lit = wrong["power_kw"] > 0
    wrong.loc[lit, "power_kw"] = np.random.default_rng(1).permutation(wrong.loc[lit, "power_kw"])
    text = wrong.assign(timestamp=wrong["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_csv(index=False)
    second = world.uploaded(world.put(f"historical/{CUSTOMER}/{SITE_ID}/shuffled.csv", text.encode()))
    judged = world.trained(second)
    assert judged["outcome"] in ("kept", "promoted")
    rows = models.versions(world.platform.target, CUSTOMER)
    assert len(rows) == 2
    assert sum(row.serves for row in rows) == 1
    if judged["outcome"] == "kept":
        assert rows[0].serves
        assert "unseen days" in judged["reason"]


def test_a_damaged_training_table_is_named_and_is_not_too_little(world: World) -> None:
    upload = world.uploaded(world.history(days=3, name="damaged"))
    key = upload["sites"][0]["training"]["key"]
    world.trained(upload)
    bad = world.put(key, b"the disk was full")
    event = json.loads(world.platform.ended("forecast_training", key)["input"])
    done = json.loads(world.platform.run(event, "forecast_training")["output"])
    assert done["outcome"] == "unreadable"
    assert len(done["unreadable"]) == 1
    assert bad in done["unreadable"][0]
    assert "is no Parquet file" in done["reason"]


def test_a_rollback_is_one_conditional_write(world: World) -> None:
    target = world.platform.target
    assert world.trained(world.uploaded(world.history(days=20, until=NOW - timedelta(days=12))))
    world.trained(world.uploaded(world.history(name="longer")))
    [before] = models.served(target, CUSTOMER)
    if not before.serving.previous:  # physics has served from the first day on
        with pytest.raises(models.OpsError, match="nothing served before"):
            models.rollback(target, CUSTOMER, None)
        return
    moved = models.rollback(target, CUSTOMER, None, SITE_ID)
    assert moved is not None
    [after] = models.served(target, CUSTOMER)
    assert after.serving.version == before.serving.previous
    first = after.serving.version == "physics"  # where the shorter history was not promoted
    assert after.serving.previous == ("" if first else "physics"), "what it had taken the place of"
    assert world.forecast()["metadata"]["model_version"] == after.serving.version, "at once"
    status, answer = world.call("GET", f"/sites?customer_id={CUSTOMER}")
    assert status == 200
    [site] = answer["data"]["sites"]
    assert (site["site_id"], site["model_version"]) == (SITE_ID, after.serving.version)
    assert site["model_reason"] == f"rolled back by an operator, from {before.serving.version}"
    assert world.call("GET", f"/sites?customer_id={CUSTOMER}", key=world.stranger)[0] == 403
    with pytest.raises(models.OpsError, match="no version"):
        models.rollback(target, CUSTOMER, "v202001010000-00000000")
    with pytest.raises(models.OpsError, match="no site"):
        models.rollback(target, CUSTOMER, None, "elsewhere")


def test_a_site_that_no_model_has_learned_is_served_by_physics_and_says_so(world: World) -> None:
    short = world.uploaded(world.history(days=3))
    told = world.trained(short)
    assert told["outcome"] == "too_little"
    assert "7 are needed" in told["reason"]
    world.forecast()  # stored now; the promotion below must not wait for it to age
    first = world.forecast()
    assert first["metadata"]["degraded"] == ["no_model"]
    assert first["metadata"]["model_version"] == "physics"
    assert "no model has learned this site" in first["metadata"]["model_reason"]
    assert first["summary"]["peak_power_kw"] > 5  # of a dull November, too

    world.trained(world.uploaded(world.history()))
    neighbour = make_asset("OTHER-1", customer_id="stranger", site_id="far")
    place = world.site.weather.place
    moved = neighbour.model_copy(
        update={"location": {"latitude": place.latitude, "longitude": place.longitude}}
    )
    ingest.put_registry(world.platform.target, AssetRegistry(assets=[moved]))
    registry = newcustomer.registry().assets
    body = AssetRegistry(
        assets=[
            *registry,
            make_asset(
                "OTHER-1",
                customer_id="stranger",
                site_id="far",
                location={"latitude": 36.1, "longitude": -79.95},
            ),
        ]
    )
    world.put("assets.json", json.dumps(body.model_dump(mode="json")).encode())
    rows = world.site.truth[world.site.truth["asset_id"] == "NEW-001"].assign(asset_id="OTHER-1")
    rows = rows[(rows["timestamp"] > NOW - timedelta(days=2)) & (rows["timestamp"] <= NOW)]
    text = rows.assign(timestamp=rows["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_csv(index=False)
    world.uploaded(world.put("historical/stranger/first-days.csv", text.encode()))
    status, answer = world.call("GET", "/forecast?customer_id=stranger&site_id=far", key=world.stranger)
    assert status == 200
    meta = answer["data"]["metadata"]
    assert meta["model_version"] == "physics", "the neighbour's one site proves nothing of strangers"
    assert meta["degraded"] == ["no_model"]


# ------------------------------------------------------------------ weather


def test_without_weather_an_upload_goes_on_and_gives_the_reason(world: World) -> None:
    place = world.site.weather.place.place_id
    for kind in ("history", "forecast"):
        world.platform.s3.delete_object(
            Bucket=world.platform.target.input_bucket, Key=f"weather/recorded/{place}/{kind}.json"
        )
    upload = world.uploaded(world.history())
    report = world.platform.read(upload["sites"][0]["report"]["key"])
    assert "no recorded weather" in report["weather_reason"]
    assert world.trained(upload)["outcome"] == "too_little"
    assert world.forecast()["metadata"]["degraded"] == ["no_model", "no_weather"]


def test_a_busy_provider_is_asked_again_and_then_done_without(world: World) -> None:
    world.platform.inject("weather_cache", *[{"error": "DependencyBusy", "when": "upload"}] * 2)
    upload = world.uploaded(world.history(days=3, name="patience"))
    report = world.platform.read(upload["sites"][0]["report"]["key"])
    assert report["weather_provider"] == "recorded"
    world.platform.inject("weather_cache", *[{"error": "DependencyBusy", "when": "upload"}] * 30)
    upload = world.uploaded(world.history(days=3, name="down"))
    report = world.platform.read(upload["sites"][0]["report"]["key"])
    assert "did not answer" in report["weather_reason"]


def test_the_quarter_hourly_refresh_asks_once_a_place(world: World) -> None:
    world.uploaded(world.history(days=3))
    client = world.platform.target.client("lambda")

    def refresh() -> Any:
        answer = client.invoke(
            FunctionName=world.platform.target.function("weather_cache"),
            Payload=b'{"source": "aws.events"}',
        )
        return json.loads(answer["Payload"].read())

    assert refresh() == {"refreshed": 0, "fresh": 1, "stale": 0, "missing": 0}
    table = world.platform.target.client("dynamodb")
    for item in table.scan(TableName="ona-platform-weather-cache")["Items"]:
        table.delete_item(
            TableName="ona-platform-weather-cache", Key={"location_timestamp": item["location_timestamp"]}
        )
    assert refresh() == {"refreshed": 1, "fresh": 0, "stale": 0, "missing": 0}


# ------------------------------------------------------------------ bad uploads


def bad_files(site: newcustomer.World) -> dict[str, tuple[bytes, str]]:
    """Name → (body, the reason it must end in)."""
    good = site.truth[
        (site.truth["timestamp"] > NOW - timedelta(days=3)) & (site.truth["timestamp"] <= NOW)
    ]
    week = site.truth[
        (site.truth["timestamp"] > NOW - timedelta(days=6)) & (site.truth["timestamp"] <= NOW)
    ]
    half = week["timestamp"] >= NOW.replace(hour=0) - timedelta(days=2)  # whole days, whatever the hour is
    mixed = week.assign(power_kw=week["power_kw"].where(~half, week["power_kw"] / 1000.0))
    all_watts = good.assign(power_kw=good["power_kw"] * 1000.0)
    twice = pd.concat([good, good.assign(power_kw=good["power_kw"] * 0.7)])
    night = good[(good["power_kw"] <= 0) & good["timestamp"].dt.hour.isin([3, 4, 5, 6])]
    foreign = good.assign(asset_id=good["asset_id"].replace("NEW-002", "OTHER-1"))
    return {
        "wrong-schema": (b"when,who,what\n1,2,3\n", "missing_columns"),
        "mixed-units": (to_csv(mixed), "mixed_units"),
        "watts": (to_csv(all_watts), "power_above_capacity"),
        "duplicated": (to_csv(twice), "duplicated_timestamps"),
        "all-night": (to_csv(night), "no_daylight"),
        "nothing": (to_csv(good.assign(power_kw=0.0)), "no_generation"),
        "foreign": (to_csv(foreign), "foreign_asset"),
        "zip-bomb": (b"PK\x03\x04" + b"\0" * 4000, "binary_file"),
        "empty": (b"", "empty_file"),
        "unknown-asset": (to_csv(good.assign(asset_id="GHOST-1")), "unknown_asset"),
        "header-only": (to_csv(good.iloc[:0]), "no_readings"),
    }


def test_every_bad_upload_ends_in_a_clear_reason_and_the_model_stays(world: World) -> None:
    assert world.trained(world.uploaded(world.history()))["outcome"] == "promoted"
    before = world.forecast()["metadata"]["model_version"]
    files = bad_files(world.site)
    for name, (body, _) in files.items():
        world.put(f"historical/{CUSTOMER}/{SITE_ID}/{name}.csv", body)
    reasons = {}
    for name in files:
        done = world.platform.ended("forecast_upload", f"{SITE_ID}/{name}.csv")
        output = json.loads(done["output"])
        assert output["outcome"] == "quarantined", (name, output)
        rejection = output["rejection"]
        assert rejection["message"]
        assert rejection["remedy"]
        reasons[name] = rejection["reason"]
    expected = {name: reason for name, (_, reason) in files.items()}
    expected["header-only"] = reasons["header-only"]
    assert reasons == expected
    assert len(world.platform.keys(f"quarantine/historical/{CUSTOMER}/")) == 2 * len(files)
    assert len([x for x in world.platform.letters() if x.body["kind"] == "quarantine"]) == len(files)
    assert world.forecast()["metadata"]["model_version"] == before
    assert [row.serves for row in models.versions(world.platform.target, CUSTOMER)] == [True]


def test_another_customers_prefix_is_refused_by_name(world: World) -> None:
    body = world.site.csv(NOW - timedelta(days=2), NOW)
    world.put("historical/stranger/not-mine.csv", body)
    output = json.loads(world.platform.ended("forecast_upload", "not-mine.csv")["output"])
    assert output["rejection"]["reason"] == "foreign_asset"


def test_a_failed_step_ends_in_the_dead_letter_queue_and_is_sent_again(world: World) -> None:
    world.platform.inject("interpolation_service", *[{"error": "InvalidPayload", "text": "injected"}] * 1)
    world.history(days=3, name="unlucky")
    done = world.platform.ended("forecast_upload", "unlucky.csv")
    assert done["status"] == "FAILED"
    letters = world.platform.letters()
    assert [(x.body["kind"], x.body["state"], x.body["error"]) for x in letters] == [
        ("execution", "EachSite", "InvalidPayload")
    ]
    sent = deadletters.redrive(world.platform.target)
    assert len(sent) == 1
    again = world.platform.wait(sent[0][1])
    assert json.loads(again["output"])["outcome"] == "published"


def test_a_training_that_fails_leaves_the_model_in_service(world: World) -> None:
    assert world.trained(world.uploaded(world.history(days=20)))["outcome"] == "promoted"
    before = serving(world)
    world.platform.inject("global_training_service", *[{"error": "InvalidPayload", "when": '"train"'}] * 1)
    upload = world.uploaded(world.history(name="more"))
    done = world.platform.ended("forecast_training", upload["sites"][0]["training"]["key"])
    assert done["status"] == "FAILED"
    assert [x.body["state"] for x in world.platform.letters()] == ["Train"]
    assert [
        row.card.version for row in models.versions(world.platform.target, CUSTOMER) if row.serves
    ] == before
    sent = deadletters.redrive(world.platform.target)
    again = world.platform.wait(sent[0][1])
    assert json.loads(again["output"])["outcome"] in ("promoted", "kept")


# ------------------------------------------------------------------ schedules


def test_the_timer_forecasts_every_site_although_one_fails(world: World) -> None:
    world.uploaded(world.history(days=3))
    site = world.platform.read(f"sites/{CUSTOMER}/{SITE_ID}.json")
    for number in range(3):
        name = f"copy-{number}"
        world.platform.s3.put_object(
            Bucket=world.platform.target.output_bucket,
            Key=f"sites/{CUSTOMER}/{name}.json",
            Body=json.dumps({**site, "site_id": name}).encode(),
        )
    world.platform.inject("forecasting_api", {"error": "InvalidPayload", "when": "copy-1"})
    done = world.platform.run({"task": "forecast"}, "forecast_schedule")
    assert done["status"] == "SUCCEEDED", done
    output = json.loads(done["output"])
    assert (output["sites"], output["failed"]) == (4, 1)
    letters = world.platform.letters()
    assert [(x.body["kind"], x.body["item"]) for x in letters] == [
        ("site", f"sites/{CUSTOMER}/copy-1.json")
    ]
    kept = {key.split("/")[-1] for key in world.platform.keys(f"forecasts/latest/{CUSTOMER}/")}
    assert kept == {"piedmont.json", "copy-0.json", "copy-2.json"}
    again = world.platform.wait(deadletters.redrive(world.platform.target)[0][1])
    assert json.loads(again["output"])["failed"] == 0


def test_without_a_site_the_hourly_run_ends_well(world: World) -> None:
    """Nobody has registered a site yet: that is no fault, so nobody is told."""
    assert world.platform.keys("sites/") == []
    for event in ({"task": "forecast"}, {"task": "accuracy"}):
        done = world.platform.run(event, "forecast_schedule")
        assert done["status"] == "SUCCEEDED", done
        output = json.loads(done["output"])
        assert (output["outcome"], output["sites"], output["failed"]) == ("no_sites", 0, 0)
    assert world.platform.letters() == []


def test_a_site_whose_letter_cannot_be_written_fails_the_run_and_is_noted(world: World) -> None:
    """The last way out: the machine may not write letters. Its other sites are forecast all the same."""
    world.uploaded(world.history(days=3))
    platform, bucket = world.platform, world.platform.target.output_bucket
    sound = f"sites/{CUSTOMER}/{SITE_ID}.json"
    site = platform.read(sound)
    broken = f"sites/{CUSTOMER}/copy-1.json"
    copy = json.dumps({**site, "site_id": "copy-1"}).encode()
    platform.s3.put_object(Bucket=bucket, Key=broken, Body=copy)
    mended = without_letters(platform)
    try:
        platform.inject("forecasting_api", {"error": "InvalidPayload", "when": "copy-1"})
        done = platform.run({"task": "forecast"}, "forecast_schedule")
    finally:
        mended()
    assert (done["status"], done["error"]) == ("FAILED", "DeadLetterQueueUnreachable"), done
    assert "EachSite" in done["cause"]
    name = done["executionArn"].rsplit(":", 1)[-1]
    lost = f"map-results/forecast_schedule/lost/{name}/"
    assert platform.keys(lost) == [f"{lost}{broken}"]
    noted = platform.read(f"{lost}{broken}")
    assert (noted["state"], noted["error"], noted["input"]) == (
        "Forecast",
        "InvalidPayload",
        {"task": "forecast"},
    )
    assert platform.keys(f"forecasts/latest/{CUSTOMER}/") == [f"forecasts/latest/{CUSTOMER}/{SITE_ID}.json"]
    [letter] = platform.letters()  # the rule's, which needs no permission of the machine
    assert (letter.body["execution"], letter.body["state"]) == (done["executionArn"], "FAILED")
    again = platform.run({"task": "forecast"}, "forecast_schedule")
    output = json.loads(again["output"])
    assert (again["status"], output["sites"], output["failed"]) == ("SUCCEEDED", 2, 0), (
        "old notes count no more"
    )


def without_letters(platform: Platform) -> Callable[[], Any]:
    """Take the permission to write dead letters from the schedule's machine; returns what gives it back."""
    iam, machine = platform.target.client("iam"), platform.target.machines["forecast_schedule"]
    role = platform.states.describe_state_machine(stateMachineArn=machine)["roleArn"].rsplit("/", 1)[-1]
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        found = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        document = json.loads(found) if isinstance(found, str) else found
        left = [item for item in document["Statement"] if "sqs:SendMessage" not in item["Action"]]
        if len(left) < len(document["Statement"]):
            cut = json.dumps({**document, "Statement": left})
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=cut)
            whole = json.dumps(document)
            return lambda: iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=whole)
    raise AssertionError(f"{role} may write no letters")


def test_yesterdays_accuracy_is_measured_against_telemetry(world: World) -> None:
    world.uploaded(world.history(days=5))
    newest = world.forecast(horizon_hours=168)
    made = datetime.fromisoformat(newest["generated_at"])
    data = world.platform.read(f"forecasts/{made:%Y/%m/%d}/{newest['forecast_id']}.json")
    assert "uncalibrated" not in newest, "customers are not shown what calibration is learned from"
    # the stored forecast, as if issued the evening before yesterday, so that its day has telemetry; its
    # hours are moved by whole days: by others the forecast's noon would be a night of the site
    day = (NOW - timedelta(days=1)).replace(hour=0)
    shift = timedelta(days=-3)
    moved = json.loads(json.dumps(data))
    issued = day - timedelta(hours=7)
    moved["generated_at"] = f"{issued:%Y-%m-%dT%H:%M:%SZ}"
    moved["forecast_id"] = data["forecast_id"][:-14] + f"{issued:%Y%m%d%H%M%S}"
    for point in moved["forecasts"]:
        point["timestamp"] = f"{datetime.fromisoformat(point['timestamp']) + shift:%Y-%m-%dT%H:%M:%SZ}"
    world.platform.s3.put_object(
        Bucket=world.platform.target.output_bucket,
        Key=f"forecasts/{issued:%Y/%m/%d}/{moved['forecast_id']}.json",
        Body=json.dumps(moved).encode(),
    )
    done = world.platform.run({"task": "accuracy"}, "forecast_schedule")
    output = json.loads(done["output"])
    assert output.pop("results")["key"].startswith("map-results/forecast_schedule/")
    assert output == {
        "outcome": "done",
        "task": "accuracy",
        "day": f"{day:%Y-%m-%d}",
        "sites": 1,
        "failed": 0,
    }
    record = world.platform.read(f"accuracy/{CUSTOMER}/{SITE_ID}/{day:%Y-%m-%d}.json")
    assert record["forecast_id"] == moved["forecast_id"]
    assert record["hours"] >= 5
    assert f"accuracy/{CUSTOMER}/{SITE_ID}/{day:%Y-%m-%d}.svg" in world.platform.keys("accuracy/")
    assert 0 < record["accuracy_percent"] <= 100
    live = world.platform.read(f"accuracy/{CUSTOMER}/{SITE_ID}/live.json")
    kept = next(one for one in live["days"] if one["source"] == record["source"])
    assert kept["day"] == f"{day:%Y-%m-%d}"
    assert (kept["model_version"], len(kept["scores"])) == (record["model_version"], record["hours"])
    world.platform.run({"task": "accuracy"}, "forecast_schedule")
    assert world.platform.read(f"accuracy/{CUSTOMER}/{SITE_ID}/live.json") == live, "a day counts once"
    quiet = world.platform.run({"task": "accuracy", "day": "2020-01-01"}, "forecast_schedule")
    assert json.loads(quiet["output"])["failed"] == 0
    assert world.platform.letters() == []


# ------------------------------------------------------------------ the API, attacked


def codes(body: Any) -> list[str]:
    assert body["success"] is False
    assert body["data"] is None
    return [error["code"] for error in body["errors"]]


def test_no_key_a_wrong_key_and_a_revoked_key_open_nothing(world: World) -> None:
    for key in ("", "ona_wrong", "x" * 5000):
        status, body = world.call("GET", "/quota/usage", key=key)
        assert (status, codes(body)) == (401, ["UNAUTHORIZED"])
        assert "$" not in json.dumps(body)
    status, _ = world.call("GET", "/health", key="")
    assert status == 200
    digest = kernel_customers.key_id(world.key).partition("#")[2]
    customers.revoke(world.platform.target, digest[:16])
    status, body = world.call("GET", "/quota/usage")
    assert (status, codes(body)) == (401, ["UNAUTHORIZED"])


def test_a_key_in_the_query_works_as_the_user_documented(world: World) -> None:
    status, body = world.call("GET", f"/quota/usage?api_key={world.key}", key="")
    assert status == 200
    assert body["data"]["quota_limit"] == 1000
    assert body["data"]["quota_used"] >= 1


def test_a_key_opens_one_customers_data_only(world: World) -> None:
    world.uploaded(world.history(days=3))
    world.forecast()
    for path in (
        f"/forecast?customer_id={CUSTOMER}&site_id={SITE_ID}",
        f"/forecast?customer_id={CUSTOMER}",
        f"/forecast?customer_id={CUSTOMER}&customer_id=stranger",
        f"/forecast?customer_id=stranger&customer_id={CUSTOMER}",
    ):
        status, body = world.call("GET", path, key=world.stranger)
        assert status in (400, 403, 404), (path, body)
        assert SITE_ID not in json.dumps(body.get("data"))
    status, body = world.call(
        "GET", f"/forecast?customer_id=stranger&site_id={SITE_ID}", key=world.stranger
    )
    assert (status, codes(body)) == (404, ["NOT_FOUND"])
    status, body = world.call("POST", "/upload_train", world.train_body(), key=world.stranger)
    assert (status, codes(body)) == (403, ["FORBIDDEN"])
    # headers and bodies that try to pass as somebody else
    forged = {"X-Customer-Id": CUSTOMER, "X-Amzn-Authorizer": CUSTOMER}
    status, body = world.call("GET", f"/forecast?customer_id={CUSTOMER}", key=world.stranger, **forged)
    assert (status, codes(body)) == (403, ["FORBIDDEN"])


@pytest.mark.parametrize(
    "site_id", ["../stranger", "a/b", "..", "%2e%2e%2fstranger", "x" * 200, "a b", "", "site\nid", "ünï"]
)
def test_a_site_id_cannot_leave_its_prefix(world: World, site_id: str) -> None:
    status, body = world.call("POST", "/upload_train", world.train_body(site_id=site_id))
    assert status == 400, body
    assert "VALIDATION_ERROR" in codes(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ({"customer_id": CUSTOMER}, ""),
        ({"customer_id": 7, "data_type": "historical", "metadata": {}}, ""),
        ("size", "metadata.size_bytes"),
        ("dates", "metadata"),
        ("zone", "metadata.start_date"),
        ("extra", "surprise"),
    ],
)
def test_a_wrong_body_is_refused_by_field(world: World, body: Any, field: str) -> None:
    changes: dict[str, dict[str, Any]] = {
        "size": {"size_bytes": 5_000_000_000},
        "dates": {"end_date": "2025-01-01T00:00:00Z"},
        "zone": {"start_date": "2026-01-01T00:00:00"},
    }
    if isinstance(body, str) and body in changes:
        body = world.train_body(**changes[body])
    elif body == "extra":
        body = {**world.train_body(), "surprise": 1}
    status, answer = world.call("POST", "/upload_train", body)
    assert status == 400, answer
    assert set(codes(answer)) == {"VALIDATION_ERROR"}
    if field:
        assert any(error.get("field", "").startswith(field) for error in answer["errors"]), answer


def test_a_promised_upload_takes_that_object_that_type_and_that_size_only(world: World) -> None:
    status, answer = world.call("POST", "/upload_train", world.train_body(size_bytes=10))
    assert status == 200
    promise = answer["data"]
    assert promise["headers"]["Content-Length"] == "10"

    def put(url: str, body: bytes, **headers: str) -> int:
        sent = {"Content-Type": "text/csv", "If-None-Match": "*", **headers}
        return int(urllib3.request("PUT", url, body=body, headers=sent, timeout=60, retries=False).status)

    assert put(promise["upload_url"], b"x" * 11) == 403
    assert put(promise["upload_url"], b"x" * 10, **{"Content-Type": "text/html"}) == 403
    elsewhere = promise["upload_url"].replace(f"/{CUSTOMER}/", "/stranger/")
    assert elsewhere != promise["upload_url"]
    assert put(elsewhere, b"x" * 10) == 403
    assert put(promise["upload_url"], b"x" * 10) == 200


PREFLIGHTS: dict[str, tuple[dict[str, str], int]] = {
    "a listed page": ({}, 200),
    "another page": ({"Origin": "https://example.com"}, 403),
    "a header that is not signed": ({"Access-Control-Request-Headers": "x-amz-acl"}, 403),
    "a method that is not promised": ({"Access-Control-Request-Method": "DELETE"}, 403),
}


@pytest.mark.parametrize(("changes", "status"), PREFLIGHTS.values(), ids=PREFLIGHTS)
def test_a_listed_page_may_upload_what_it_was_promised(
    world: World, changes: dict[str, str], status: int
) -> None:
    """A browser asks S3 before it sends the headers of the promise (all but the length, which it sets)."""
    promise = world.call("POST", "/upload_train", world.train_body())[1]["data"]
    asked = {
        "Origin": "https://localhost",
        "Access-Control-Request-Method": promise["method"],
        "Access-Control-Request-Headers": ",".join(
            sorted(name.lower() for name in promise["headers"] if name != "Content-Length")
        ),
    }
    answer = urllib3.request(
        "OPTIONS", promise["upload_url"], headers={**asked, **changes}, timeout=60, retries=False
    )
    assert answer.status == status, answer.data
    assert answer.headers.get("Access-Control-Allow-Origin") == (asked["Origin"] if status == 200 else None)


def test_one_address_brings_one_file_and_a_corrected_one_has_its_own(world: World) -> None:
    """Three PUTs to one address: one execution, one letter, one message; two honest uploads go through."""
    platform = world.platform
    used = world.call("GET", "/quota/usage")[1]["data"]["quota_used"]
    promise = world.call("POST", "/upload_train", world.train_body())[1]["data"]

    def put(promise: dict[str, Any], body: bytes, **changes: str | None) -> tuple[int, bytes]:
        headers = {name: text for name, text in {**promise["headers"], **changes}.items() if text}
        url = promise["upload_url"]
        answer = urllib3.request("PUT", url, body=body, headers=headers, timeout=60, retries=False)
        return answer.status, answer.data

    assert put(promise, b"not signed", **{"If-None-Match": None})[0] == 403
    assert put(promise, b"not signed", **{"If-None-Match": '"etag"'})[0] == 403
    assert put(promise, b"bad,file\n")[0] == 200
    for _ in range(2):
        status, told = put(promise, b"bad,file,again\n")
        assert (status, b"PreconditionFailed" in told) == (412, True)
    # past S3's condition, by whoever may write to the bucket: noted, and nothing is made of it
    [key] = [key for key in input_keys(world) if promise["upload_id"] in key]
    first = json.loads(platform.ended("forecast_upload", promise["upload_id"])["output"])
    world.put(key, b"bad,file,from,inside\n")
    eventually(lambda: len(executions_of(world, promise["upload_id"])) == 2)
    platform.idle()
    outcomes = sorted(
        json.loads(done["output"])["outcome"] for done in executions_of(world, promise["upload_id"])
    )
    assert (first["outcome"], outcomes) == ("quarantined", ["quarantined", "repeated"])
    assert len(platform.letters()) == 1
    [message] = platform.messages()
    assert promise["upload_id"] in message["Message"]
    assert message["MessageAttributes"]["event"]["Value"] == "file_rejected"
    assert platform.messages() == [], "told once"
    states = sorted((item.state, item.detail[:22]) for item in accounting.account(platform.target))
    assert states[0] == ("ignored", "its upload id had brou")
    assert states[1][0] == "quarantined"
    # the corrected file, and another one, each with an id of its own
    body = world.site.csv(NOW - timedelta(days=3), NOW)
    honest = [world.call("POST", "/upload_train", world.train_body())[1]["data"] for _ in range(2)]
    assert [put(promise, body)[0] for promise in honest] == [200, 200]
    assert [world.uploaded(promise["upload_id"])["outcome"] for promise in honest] == ["published"] * 2
    assert world.call("GET", "/quota/usage")[1]["data"]["quota_used"] == used + 4, "each id was metered"


def input_keys(world: World) -> list[str]:
    listed = world.platform.s3.list_objects_v2(Bucket=world.platform.target.input_bucket)
    return [item["Key"] for item in listed["Contents"]]


def executions_of(world: World, marker: str) -> list[dict[str, Any]]:
    states, machine = world.platform.states, world.platform.target.machines["forecast_upload"]
    ran = [
        states.describe_execution(executionArn=item["executionArn"])
        for item in states.list_executions(stateMachineArn=machine)["executions"]
    ]
    return [item for item in ran if marker in item["input"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("horizon_hours=0", "horizon_hours"),
        ("horizon_hours=169", "horizon_hours"),
        ("horizon_hours=-1", "horizon_hours"),
        ("horizon_hours=two", "horizon_hours"),
        ("interval_minutes=7", "interval_minutes"),
        ("site_id=a%2Fb", "site_id"),
    ],
)
def test_a_wrong_query_is_refused_by_field(world: World, query: str, field: str) -> None:
    status, body = world.call("GET", f"/forecast?customer_id={CUSTOMER}&{query}")
    assert status == 400
    assert codes(body) == ["VALIDATION_ERROR"]
    assert body["errors"][0]["field"] == field


def test_nothing_yet_is_404_with_a_way_on(world: World) -> None:
    status, body = world.call("GET", f"/forecast?customer_id={CUSTOMER}")
    assert (status, codes(body)) == (404, ["NOT_FOUND"])
    assert "upload_train" in body["errors"][0]["details"]
    status, body = world.call("GET", "/forecast")
    assert status == 400
    status, body = world.call("GET", "/no/such/path")
    assert status in (403, 404)


def test_the_quota_counts_every_request_and_ends(world: World) -> None:
    status, body = world.call("GET", "/quota/usage")
    used = body["data"]["quota_used"]
    status, body = world.call("GET", "/quota/usage")
    assert body["data"]["quota_used"] == used + 1
    assert body["data"]["quota_remaining"] == 1000 - used - 1
    hour = datetime.now(UTC)
    world.platform.target.client("dynamodb").update_item(
        TableName="ona-platform-customers",
        Key={"id": {"S": f"usage#{CUSTOMER}#{hour:%Y-%m-%dT%H}"}},
        UpdateExpression="SET used = :n",
        ExpressionAttributeValues={":n": {"N": "1000"}},
    )
    status, body = world.call("GET", f"/forecast?customer_id={CUSTOMER}")
    assert (status, codes(body)) == (429, ["QUOTA_EXCEEDED"])
    assert 0 < body["errors"][0]["retry_after"] <= 3601
    status, body = world.call("GET", "/quota/usage", key=world.stranger)
    assert status == 200
    assert body["data"]["quota_limit"] == 10_000


def test_cors_lets_listed_origins_in_only(world: World) -> None:
    for path in ("/forecast", "/upload_train"):
        answer = urllib3.request(
            "OPTIONS",
            f"{world.platform.target.api_url}{path}",
            headers={"Origin": "https://localhost", "Access-Control-Request-Method": "GET"},
            timeout=60,
            retries=False,
        )
        assert answer.status in (200, 204)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://localhost"
    answer = urllib3.request(
        "OPTIONS",
        f"{world.platform.target.api_url}/forecast",
        headers={"Origin": "https://evil.example"},
        timeout=60,
        retries=False,
    )
    assert answer.headers.get("Access-Control-Allow-Origin") in (None, "https://localhost")


def test_an_unknown_request_id_never_repeats(world: World) -> None:
    ids = {world.call("GET", "/quota/usage")[1]["metadata"]["request_id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(uuid.UUID(value) for value in ids)


def test_a_request_signed_by_a_registered_role_is_that_customers(world: World) -> None:
    """The IAM API's event, as API Gateway writes it: the function finds the customer by the role's ARN."""
    role = "arn:aws:iam::000000000000:role/fleet-reader"
    customers.add_principal(world.platform.target, role, CUSTOMER, "premium")
    client = world.platform.target.client("lambda")

    def signed(arn: str | None, query: dict[str, str]) -> tuple[int, Any]:
        event = json.loads((ROOT / "events" / "forecasting" / "forecasting_api.json").read_text())
        event["requestContext"].pop("authorizer")
        event["requestContext"]["identity"]["userArn"] = arn
        event["path"] = event["resource"] = "/quota/usage" if not query else "/forecast"
        function = world.platform.target.function("account_api" if not query else "forecasting_api")
        settings = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        event["requestContext"]["apiId"] = settings["IAM_API_ID"]
        event["queryStringParameters"] = query
        event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()}
        answer = json.loads(
            client.invoke(FunctionName=function, Payload=json.dumps(event).encode())["Payload"].read()
        )
        return answer["statusCode"], json.loads(answer["body"])

    status, body = signed("arn:aws:sts::000000000000:assumed-role/fleet-reader/session", {})
    assert (status, body["data"]["quota_limit"]) == (200, 10_000)
    status, body = signed(role, {"customer_id": "stranger"})
    assert (status, codes(body)) == (403, ["FORBIDDEN"])
    for arn in ("arn:aws:iam::000000000000:role/somebody", None):
        status, body = signed(arn, {})
        assert (status, codes(body)) == (401, ["UNAUTHORIZED"])
    status, body = signed("", {})
    assert (status, codes(body)) == (403, ["FORBIDDEN"]), "API Gateway writes no such event"


# ------------------------------------------------------------------ by hand, and in a container


def test_the_sample_events_work_one_after_the_other(world: World) -> None:
    """`ona invoke` with `events/` and `samples/`: an upload by hand, step by step."""
    bucket = world.platform.target.input_bucket
    for key, name in (
        ("assets.json", "assets.json"),
        ("historical/customer-001/INV-001_20250115.csv", "INV-001_20250115.csv"),
    ):
        body = (ROOT / "samples" / name).read_bytes()
        world.platform.s3.put_object(Bucket=bucket, Key=key, Body=body)
    world.platform.ended("forecast_upload", "INV-001_20250115.csv")
    results = {}
    for name in ("data_ingestion", "weather_cache", "interpolation_service", "global_training_service"):
        answer = world.platform.target.client("lambda").invoke(
            FunctionName=world.platform.target.function(name),
            Payload=(ROOT / "events" / "forecasting" / f"{name}.json").read_bytes(),
        )
        results[name] = json.loads(answer["Payload"].read())
        assert "errorType" not in results[name], results[name]
    assert results["data_ingestion"]["kind"] == "historical"
    assert "no recorded weather" in results["weather_cache"]["reason"]
    assert results["interpolation_service"]["days"] == 1
    assert results["global_training_service"]["status"] == "too_little"
    event = json.loads((ROOT / "events" / "forecasting" / "forecasting_api.json").read_text())
    event["requestContext"]["apiId"] = world.platform.target.outputs["ApiId"]
    answer = world.platform.target.client("lambda").invoke(
        FunctionName=world.platform.target.function("forecasting_api"),
        Payload=json.dumps(event).encode(),
    )
    body = json.loads(json.loads(answer["Payload"].read())["body"])
    assert len(body["data"]["forecasts"]) == 48


def test_the_container_does_what_the_function_does(world: World) -> None:
    """The container's own entry point, on a version that the workflow made: the same model again."""
    trained = world.trained(world.uploaded(world.history(days=20)))
    target = world.platform.target
    base = f"models/{CUSTOMER}/{trained['version']}"
    names = ["booster.ubj", "model.json", *(f"folds/fold-{n}.parquet" for n in range(4))]

    def bodies() -> dict[str, bytes]:
        bucket = target.output_bucket
        return {
            name: world.platform.s3.get_object(Bucket=bucket, Key=f"{base}/{name}")["Body"].read()
            for name in names
        }

    before = bodies()
    for name in names:
        world.platform.s3.delete_object(Bucket=target.output_bucket, Key=f"{base}/{name}")
    assert target.embedded is not None
    done = subprocess.run(
        [sys.executable, "-m", "forecasting.global_training_service.container"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            **target.embedded.environment(),
            "PYTHONPATH": str(ROOT / "functions"),
            "ONA_CONFIG_DIR": str(world.platform.configs),
            "OUTPUT_BUCKET": target.output_bucket,
            "ONA_CUSTOMER": CUSTOMER,
            "ONA_VERSION": trained["version"],
            "ONA_FOLDS": "4",
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert bodies()["model.json"] == before["model.json"]
    assert bodies()["booster.ubj"] == before["booster.ubj"]
