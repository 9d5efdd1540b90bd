"""Every object that a forecast reads, damaged in every way: the next best answers, and says so.

The damage is done to the real object in the bucket, in a process that has read the sound one before; then
the object is repaired, and the same process must answer as before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.exceptions import ClientError

from forecasting.accuracy_documents import LiveCalibration, MeasuredDay
from forecasting.documents import PHYSICS, Current, Fitted, ModelCard, Serving
from forecasting.forecasting_api import generate, store, sums, tasks
from forecasting.layout import (
    FORECAST,
    FORECAST_LATEST,
    LIVE_CALIBRATION,
    MODEL_BOOSTER,
    MODEL_CARD,
    MODEL_CURRENT,
    MODEL_MANIFEST,
    SITE,
)
from forecasting.model import forecaster, registry, stored
from forecasting.payloads import AccuracyRequest, ForecastRequest
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.sky.weather_document import Place, WeatherDocument
from ona.store import parquet, s3, tables
from ona.store.layout import TELEMETRY, WEATHER_FORECAST
from tests.builders.forecasting import site_document
from tests.builders.models import FAST
from tests.builders.weather import hours, training, weather
from tests.fakes.tables import IN, OUT, create_table

CUSTOMER, SITE_ID = "customer-001", "hill"
NOW = datetime(2025, 3, 20, 6, 20, tzinfo=UTC)
VERSIONS = ("v202501010000-aaaaaaaa", "v202502010000-bbbbbbbb")
OLD, NEW = VERSIONS
SITE_DOCUMENT = site_document({"INV-1": 60.0, "INV-2": 40.0}).model_copy(
    update={"customer_id": CUSTOMER, "site_id": SITE_ID, "tilt": 25.0, "azimuth": 0.0}
)
FRAME = training(18)
MODEL = forecaster.fit({SITE_ID: FRAME}, FAST.model_copy(update={"rounds": 5}), threads=1)
FILES = MODEL.files()


def card(version: str, decision: str = "promoted") -> ModelCard:
    fitted = Fitted(site=SITE_DOCUMENT, tilt=25.0, azimuth=0.0, plane_explains=None, days=18, rows=200)
    return ModelCard(
        customer_id=CUSTOMER,
        version=version,
        created_at=NOW,
        trained_until=NOW,
        sites=[fitted],
        training_rows=200,
        training_days=18,
        rows_of_others=0,
        settings={},
        features=list(MODEL.trees.features),
        xgboost_version="3",
        own=None,
        compared_with="physics",
        compared_days=9,
        candidate_pinball_percent=None,
        other_pinball_percent=None,
        decision=decision,  # type: ignore[arg-type]
        reason="better",
        calibration={"80": {"lower": 1.0, "upper": 1.0}, "95": {"lower": 1.0, "upper": 1.0}},
        nowcast_weight=0.5,
        nowcast_tau_hours=3.0,
        limits="",
    )


def current() -> Current:
    entry = Serving(version=NEW, since=NOW, why="better by 9 %", previous=OLD)
    return Current(version=NEW, changed_at=NOW, reason="better", sites={SITE_ID: entry})


def sky_document() -> WeatherDocument:
    sky = weather(30)
    return WeatherDocument(
        place=Place.of(SITE_DOCUMENT.latitude, SITE_DOCUMENT.longitude),
        provider="recorded",
        kind="forecast",
        fetched_at=NOW - timedelta(minutes=20),
        hours=[when.to_pydatetime() for when in sky.index],
        values={name: sky[name].tolist() for name in sky},
    )


WEATHER_KEY = WEATHER_FORECAST.build(
    place_id=Place.of(SITE_DOCUMENT.latitude, SITE_DOCUMENT.longitude).place_id, asked=NOW
)
TELEMETRY_KEY = TELEMETRY.prefix(site_id=SITE_ID, day=NOW) + "part.parquet"
LIVE_KEY = LIVE_CALIBRATION.build(customer_id=CUSTOMER, site_id=SITE_ID)
SITE_KEY = SITE.build(customer_id=CUSTOMER, site_id=SITE_ID)
CURRENT_KEY = MODEL_CURRENT.build(customer_id=CUSTOMER)


def of_version(shape: Any, version: str = NEW) -> str:
    return str(shape.build(customer_id=CUSTOMER, version=version))


class Denied:
    """S3 that refuses to give some objects."""

    def __init__(self, real: Any, keys: set[str]) -> None:
        self._real, self._keys = real, keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_object(self, **arguments: Any) -> Any:
        if arguments["Key"] in self._keys:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
        return self._real.get_object(**arguments)


@dataclass
class World:
    """The sound objects as they lie in the buckets, and the keys that may not be read."""

    sound: dict[str, tuple[str, bytes]]
    denied: set[str]

    def put(self, key: str, body: bytes) -> None:
        s3.write_bytes(self.sound[key][0], key, body, "application/octet-stream")

    def repair(self, key: str) -> None:
        self.denied.clear()
        self.put(key, self.sound[key][1])


def measured(day: str) -> LiveCalibration:
    """One measured day, on which the intervals were much too narrow."""
    low = {"80": (0.4, 0.4), "95": (0.3, 0.3)}
    scores = [-3.0, -2.0, -1.5, 0.0, 1.5, 2.0, 3.0] * 6
    one = MeasuredDay(day=day, source="model", model_version=NEW, scores=scores, misses=low)
    return LiveCalibration(days=[one])


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")
    monkeypatch.setenv("LOCATIONS_TABLE", "locations")
    create_table("weather", "location_timestamp")
    index = {"customer-location-index": ("customer_id", "location_name")}
    create_table("locations", "location_id", index)
    document = sky_document()
    times = pd.date_range("2025-03-20T03:00Z", "2025-03-20T06:00Z", freq="15min", unit="us")
    telemetry = pd.concat(
        [
            pd.DataFrame({"timestamp": times, "asset_id": name, "power_kw": 5.0})
            for name in SITE_DOCUMENT.assets
        ],
        ignore_index=True,
    )
    live = measured("2025-03-18")

    def of(value: Any) -> bytes:
        return json.dumps(value).encode()

    sound = {
        CURRENT_KEY: (OUT, of(current().document())),
        LIVE_KEY: (OUT, of(live.document())),
        SITE_KEY: (OUT, of(SITE_DOCUMENT.document())),
        TELEMETRY_KEY: (OUT, parquet.dump(telemetry)),
        WEATHER_KEY: (IN, document.model_dump_json().encode()),
    }
    for version in VERSIONS:
        sound[of_version(MODEL_CARD, version)] = (OUT, of(card(version).document()))
        sound[of_version(MODEL_MANIFEST, version)] = (OUT, FILES["model.json"])
        sound[of_version(MODEL_BOOSTER, version)] = (OUT, FILES["booster.ubj"])
    made = World(sound, set())
    for key, (_, body) in sound.items():
        made.put(key, body)
    tables.put(
        "weather",
        {
            "location_timestamp": f"{document.place.place_id}#{NOW:%Y-%m-%dT%H}",
            "key": WEATHER_KEY,
        },
    )
    place = {"latitude": SITE_DOCUMENT.latitude, "longitude": SITE_DOCUMENT.longitude}
    tables.put(
        "locations",
        {
            "location_id": f"{CUSTOMER}/{SITE_ID}",
            "customer_id": CUSTOMER,
            "location_name": SITE_ID,
            "capacity_kw": SITE_DOCUMENT.capacity_kw,
            "kind": "solar",
            **place,
        },
    )
    real = boto3.client("s3", region_name="af-south-1")
    denied = Denied(real, made.denied)
    original = aws.client

    def client(service: str) -> Any:
        return denied if service == "s3" else original(service)

    monkeypatch.setattr(s3, "client", client)
    stored._loaded.clear()
    yield made
    stored._loaded.clear()


def forecast() -> Any:
    """A new forecast of the site, as `GET /forecast` makes it."""
    return generate.of_site(CUSTOMER, SITE_ID, NOW)


Damage = Callable[[bytes], bytes | None]
DAMAGES: dict[str, Damage] = {
    "empty": lambda body: b"",
    "truncated": lambda body: body[: len(body) // 2],
    "garbage bytes": lambda body: bytes((7 * n) % 251 for n in range(len(body))),
    "JSON of another shape": lambda body: b'{"colour": "red"}',
    "a JSON list": lambda body: b"[1, 2]",
    "deep JSON": lambda body: b"[" * 20_000,
    "missing": lambda body: None,
}
MODEL_OBJECTS = {"booster": MODEL_BOOSTER, "manifest": MODEL_MANIFEST, "card": MODEL_CARD}


def damage(world: World, key: str, kind: str) -> None:
    if kind == "access denied":
        world.denied.add(key)
        return
    body = DAMAGES[kind](world.sound[key][1])
    if body is None:
        boto3.client("s3").delete_object(Bucket=world.sound[key][0], Key=key)
    else:
        world.put(key, body)


ALL = [*DAMAGES, "access denied"]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("name", MODEL_OBJECTS)
def test_a_damaged_version_is_stood_in_for_by_the_one_before_until_it_is_repaired(
    world: World, name: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = of_version(MODEL_OBJECTS[name])
    before = forecast()
    assert (before.metadata.model_version, before.metadata.degraded) == (NEW, [])
    damage(world, key, kind)
    if kind == "access denied":  # the sound one that this process holds has not changed: it goes on
        assert forecast().forecasts == before.forecasts
        stored._loaded.clear()
    got = forecast()
    assert got.metadata.model_version == OLD
    assert got.metadata.degraded == ["older_model"]
    assert NEW in got.metadata.model_reason
    assert got.metadata.model_reason in got.metadata.notes
    assert any(NEW in str(vars(record)) and record.levelname == "ERROR" for record in caplog.records)
    world.repair(key)
    after = forecast()
    assert (after.metadata.model_version, after.metadata.degraded) == (NEW, [])
    assert after.forecasts == before.forecasts


def test_a_corrected_capacity_changes_no_kw_until_the_next_training(world: World) -> None:
    """assets.json named ten times the capacity when the model was trained; nothing was measured since."""
    own = {name: kw / 10 for name, kw in SITE_DOCUMENT.assets.items()}
    smaller = SITE_DOCUMENT.model_copy(
        update={"capacity_kw": SITE_DOCUMENT.capacity_kw / 10, "assets": own, "tilt": 20.0, "azimuth": 0.0}
    )
    boto3.client("s3").delete_object(Bucket=OUT, Key=TELEMETRY_KEY)
    before = forecast()
    assert "capacity_changed" not in before.metadata.degraded
    world.put(SITE_KEY, json.dumps(smaller.document()).encode())
    after = forecast()
    assert after.metadata.degraded == ["capacity_changed"]
    assert any("another capacity" in note for note in after.metadata.notes)
    peak = max(p.predicted_power_kw for p in before.forecasts)
    low = [p for p in before.forecasts if p.predicted_power_kw < 0.08 * SITE_DOCUMENT.capacity_kw]
    assert peak > smaller.capacity_kw, "what cannot be any more is cut off at the new capacity"
    assert max(p.predicted_power_kw for p in after.forecasts) <= smaller.capacity_kw
    at = {p.timestamp: p.predicted_power_kw for p in after.forecasts}
    assert [at[p.timestamp] for p in low] == pytest.approx([p.predicted_power_kw for p in low], abs=0.3)


@pytest.mark.parametrize("name", MODEL_OBJECTS)
def test_without_a_whole_version_physics_answers(world: World, name: str) -> None:
    for version in VERSIONS:
        damage(world, of_version(MODEL_OBJECTS[name], version), "garbage bytes")
    got = forecast()
    assert got.metadata.model_version == PHYSICS
    assert got.metadata.degraded == ["model_unreadable", "no_model"]
    assert got.summary.peak_power_kw > 1
    for version in VERSIONS:
        world.repair(of_version(MODEL_OBJECTS[name], version))
    assert forecast().metadata.model_version == NEW


def another_manifest(**changes: Any) -> Damage:
    return lambda body: json.dumps({**json.loads(body), **changes}).encode()


def other_members(**changes: Any) -> Damage:
    members = json.loads(FILES["model.json"])["members"]
    return another_manifest(members=[{**member, **changes} for member in members])


MANIFESTS: dict[str, Damage] = {
    "another hash": other_members(sha256="0" * 64),
    "another format": another_manifest(format=99),
    "levels in words": another_manifest(levels=["low", "high"]),
    "levels of another model": another_manifest(levels=[0.1, 0.5, 0.9]),
    "levels that fall": another_manifest(levels=sorted(MODEL.levels, reverse=True)),
    "features of another model": other_members(features=["poa"]),
    "codes in words": another_manifest(sites={SITE_ID: "first"}),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_manifest_that_does_not_fit_its_booster_is_not_used(world: World, kind: str) -> None:
    key = of_version(MODEL_MANIFEST)
    world.put(key, MANIFESTS[kind](world.sound[key][1]))
    assert forecast().metadata.model_version == OLD
    world.repair(key)
    assert forecast().metadata.model_version == NEW


CARDS: dict[str, dict[str, Any]] = {
    "of another version": {"version": OLD},
    "of another customer": {"customer_id": "stranger"},
    "factors of no interval": {"calibration": {"eighty": {"lower": 1.0, "upper": 1.0}}},
    "factors without ends": {"calibration": {"80": {"middle": 1.0}}},
    "scores of other levels": {"scores": {"": [-1.0, 0.0, 1.0]}},
}


@pytest.mark.parametrize("kind", CARDS)
def test_a_card_that_is_another_models_is_not_used(world: World, kind: str) -> None:
    key = of_version(MODEL_CARD)
    world.put(key, json.dumps({**json.loads(world.sound[key][1]), **CARDS[kind]}).encode())
    assert forecast().metadata.model_version == OLD


POINTERS: dict[str, bytes] = {
    "no sites": b'{"version": 7}',
    "a version with a slash": json.dumps(
        {**current().document(), "sites": None, "version": "../../other"}
    ).encode(),
    "a version that is missing": json.dumps(
        {**current().document(), "sites": None, "version": "v202503010000-cccccccc"}
    ).encode(),
}


@pytest.mark.parametrize("kind", [*(kind for kind in ALL if kind != "missing"), *POINTERS])
def test_a_damaged_pointer_is_stood_in_for_by_the_newest_promoted_version(world: World, kind: str) -> None:
    if kind in POINTERS:
        world.put(CURRENT_KEY, POINTERS[kind])
    else:
        damage(world, CURRENT_KEY, kind)
    s3.write_json(OUT, of_version(MODEL_CARD), card(NEW, "kept").document())  # never promoted: not it
    got = forecast()
    assert got.metadata.model_version == OLD
    assert got.metadata.degraded == ["older_model"]
    world.repair(CURRENT_KEY)
    world.repair(of_version(MODEL_CARD))
    assert forecast().metadata.model_version == NEW


@pytest.mark.parametrize(("named", "serves"), [("v209901010000-cccccccc", NEW), (NEW, PHYSICS)])
def test_before_a_version_that_is_not_there_nobody_knows_what_served(
    world: World, named: str, serves: str
) -> None:
    """`previous` served before a version that is there: where that cannot be read, physics stands in."""
    entry = Serving(version=named, since=NOW, why="better", previous=PHYSICS)
    world.put(
        CURRENT_KEY, json.dumps({**current().document(), "sites": {SITE_ID: entry.document()}}).encode()
    )
    if named == NEW:
        damage(world, of_version(MODEL_BOOSTER), "empty")
    got = forecast()
    assert got.metadata.model_version == serves
    assert got.metadata.degraded[0] == ("older_model" if serves == NEW else "model_unreadable")


def test_a_version_that_was_taken_back_does_not_stand_in(world: World) -> None:
    """An operator went back from NEW to OLD, and OLD is damaged: not what the operator did not want."""
    entry = Serving(version=OLD, since=NOW, why="rolled back by an operator", previous=NEW)
    s3.write_json(OUT, CURRENT_KEY, current().model_copy(update={"sites": {SITE_ID: entry}}).document())
    damage(world, of_version(MODEL_BOOSTER, OLD), "garbage bytes")
    assert forecast().metadata.model_version == PHYSICS


def test_without_a_pointer_physics_serves_and_says_that_nothing_was_learned(world: World) -> None:
    damage(world, CURRENT_KEY, "missing")
    got = forecast()
    assert (got.metadata.model_version, got.metadata.degraded) == (PHYSICS, ["no_model"])
    assert "7 days of its history" in got.metadata.model_reason


# ------------------------------------------------------------------ what else a forecast reads


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "missing"])
def test_a_damaged_live_calibration_leaves_the_models_own(world: World, kind: str) -> None:
    before = forecast()
    damage(world, LIVE_KEY, kind)
    got = forecast()
    assert got.metadata.degraded == ["live_unreadable"]
    assert got.metadata.model_version == NEW
    world.repair(LIVE_KEY)
    assert forecast().forecasts == before.forecasts


@pytest.mark.parametrize("kind", ALL)
def test_damaged_weather_is_weather_that_is_missing(world: World, kind: str) -> None:
    damage(world, WEATHER_KEY, kind)
    assert forecast().metadata.degraded == ["no_weather"]
    world.repair(WEATHER_KEY)
    assert forecast().metadata.degraded == []


def test_no_note_says_that_weather_forecasts_where_there_is_none(world: World) -> None:
    """Distractor: the same site with weather, where physics does forecast from it."""
    damage(world, CURRENT_KEY, "missing")
    lit = forecast().metadata
    assert (lit.degraded, lit.notes) == (
        ["no_model"],
        ["no model forecasts this site: intervals are wide", registry.UNTRAINED],
    )
    damage(world, WEATHER_KEY, "missing")
    dark = forecast().metadata
    assert dark.degraded == ["no_model", "no_weather"]
    assert "no weather forecast is cached, which models and physics need" in " ".join(dark.notes)
    assert not [note for note in dark.notes if "from the weather" in note]


def test_weather_without_a_zone_or_of_other_days_is_none(world: World) -> None:
    sound = json.loads(world.sound[WEATHER_KEY][1])
    for change in (
        {"fetched_at": "2025-03-20T06:00:00"},
        {"hours": [when.replace("2025", "2023") for when in sound["hours"]]},
    ):
        world.put(WEATHER_KEY, json.dumps({**sound, **change}).encode())
        assert forecast().metadata.degraded == ["no_weather"]


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "missing"])
def test_damaged_telemetry_leaves_the_first_hours_without_correction(world: World, kind: str) -> None:
    assert forecast().metadata.nowcast_age_minutes is not None
    damage(world, TELEMETRY_KEY, kind)
    got = forecast()
    assert got.metadata.degraded == ["telemetry_unreadable"]
    assert got.metadata.nowcast_age_minutes is None
    world.repair(TELEMETRY_KEY)
    assert forecast().metadata.degraded == []


def test_telemetry_of_the_year_1970_is_left_out(world: World) -> None:
    table = parquet.load(world.sound[TELEMETRY_KEY][1])
    table.loc[0, "timestamp"] = pd.Timestamp("1970-01-01T00:05Z")
    world.put(TELEMETRY_KEY, parquet.dump(table))
    assert forecast().metadata.degraded == []


@pytest.mark.parametrize("kind", ALL)
def test_a_damaged_site_is_the_one_that_the_model_learned(world: World, kind: str) -> None:
    before = forecast()
    damage(world, SITE_KEY, kind)
    got = forecast()
    assert got.metadata.degraded == ["site_unreadable"]
    assert got.forecasts == before.forecasts
    world.repair(SITE_KEY)
    assert forecast().metadata.degraded == []


@pytest.mark.parametrize("change", [{"latitude": 999.0}, {"capacity_kw": 0.0}, {"site_id": "valley"}])
def test_a_site_that_cannot_be_is_damaged_too(world: World, change: dict[str, Any]) -> None:
    s3.write_json(OUT, SITE_KEY, {**SITE_DOCUMENT.document(), **change})
    assert "site_unreadable" in forecast().metadata.degraded


def test_a_damaged_site_without_a_model_is_the_one_in_the_table_of_locations(world: World) -> None:
    damage(world, SITE_KEY, "garbage bytes")
    damage(world, CURRENT_KEY, "missing")
    got = forecast()
    assert got.metadata.degraded == ["no_model", "site_unreadable"]
    assert got.capacity_kw == SITE_DOCUMENT.capacity_kw


# ------------------------------------------------------------------ others are not stopped


def test_everything_damaged_at_once_still_answers(world: World) -> None:
    for key in world.sound:
        damage(world, key, "garbage bytes")
    got = forecast()
    assert got.metadata.model_version == PHYSICS
    assert set(got.metadata.degraded) >= {"live_unreadable", "no_weather", "site_unreadable"}
    for key in world.sound:
        world.repair(key)
    assert forecast().metadata.degraded == []


@pytest.mark.parametrize("kind", ["garbage bytes", "access denied"])
def test_a_damaged_stored_forecast_is_made_anew_in_a_sum(world: World, kind: str) -> None:
    key = FORECAST_LATEST.build(customer_id=CUSTOMER, site_id=SITE_ID)
    s3.write_bytes(OUT, key, b"junk", "application/json")
    if kind == "access denied":
        world.denied.add(key)
    whole = sums.of_sites(CUSTOMER, {SITE_ID: None}, NOW, 60, [])
    assert whole["metadata"]["model_version"] == NEW


def test_the_sum_says_what_serves_when_sites_differ(world: World) -> None:
    other = SITE_DOCUMENT.model_copy(update={"site_id": "valley"})
    s3.write_json(OUT, SITE.build(customer_id=CUSTOMER, site_id="valley"), other.document())
    whole = sums.of_sites(CUSTOMER, {SITE_ID: None, "valley": None}, NOW, 60, [])
    assert whole["metadata"]["model_version"] == "several"
    assert whole["metadata"]["model_reason"] == f"1 site by {PHYSICS}, 1 site by {NEW}"


def test_the_timer_and_the_measure_go_on_with_a_damaged_site_and_a_damaged_forecast(
    world: World,
) -> None:
    damage(world, SITE_KEY, "truncated")
    answer = tasks.forecast(ForecastRequest(task="forecast", site_key=SITE_KEY), OUT, NOW)
    assert answer.degraded == ["site_unreadable"]
    world.repair(SITE_KEY)
    day = NOW.date()
    early = generate.make(SITE_DOCUMENT, NOW - timedelta(hours=30))
    for name, body in ((early.forecast_id, None), (early.forecast_id[:-2] + "59", b"junk")):
        key = FORECAST.build(day=NOW - timedelta(hours=30), forecast_id=name)
        s3.write_bytes(OUT, key, body or json.dumps(early.document()).encode(), "application/json")
    request = AccuracyRequest(task="accuracy", site_key=SITE_KEY, day=f"{day:%Y-%m-%d}")
    measured = tasks.measure(request, OUT)
    assert measured.reason == "" or "hour" in measured.reason, measured


@pytest.mark.parametrize("kind", ["truncated", "JSON of another shape", "access denied"])
def test_a_damaged_live_calibration_is_kept_aside_and_never_written_over(world: World, kind: str) -> None:
    damage(world, LIVE_KEY, kind)
    lies = boto3.client("s3").get_object(Bucket=OUT, Key=LIVE_KEY)["Body"].read()
    found = store.load_live(OUT, SITE_DOCUMENT)
    assert found.live is None
    moved = measured("2025-03-19")
    store.save_live(OUT, SITE_DOCUMENT, moved, found)
    kept = [entry["Key"] for entry in s3.list_keys(OUT, f"accuracy/{CUSTOMER}/{SITE_ID}/aside/")]
    now_there = boto3.client("s3").get_object(Bucket=OUT, Key=LIVE_KEY)["Body"].read()
    if kind == "access denied":
        assert (kept, now_there) == ([], lies)
        return
    assert s3.read_bytes(S3Pointer(bucket=OUT, key=kept[0])) == lies
    assert [one["day"] for one in json.loads(now_there)["days"]] == ["2025-03-19"]


def test_hours_of_the_builder_are_those_of_the_weather() -> None:
    assert hours(30)[-1].to_pydatetime() > NOW + timedelta(days=9)
