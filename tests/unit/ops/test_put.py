"""`ona put`: what it does to the asset registry, and what it says of a file that nobody knows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime import aws
from ona.store import tables
from ona.store.calendar import read_calendar
from ooda.detect import reading
from ops import awaited, cli, plain, registry
from ops.cli import files
from ops.target import Target
from tests.builders.assets import make_asset, make_registry
from tests.builders.plans import crew
from tests.fakes.tables import create_table
from tests.paths import ROOT

IN, OUT = "bucket-in", "bucket-out"
HEADER = "Zeit;Anlage;Pac [W]"
PROFILE = """
name: acme
vendor: Acme
delimiter: ";"
time: {column: Zeit, format: "%d.%m.%Y %H:%M", zone: UTC}
asset_id: {column: Anlage}
columns:
  power_kw: {column: "Pac [W]", unit: W}
site: {site_id: acme-site, customer_id: acme, capacity_kw: 20}
"""


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Target]:
    """An input bucket and an output bucket; `configs/` has one profile more."""
    configs = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", configs)
    (configs / "sources" / "acme.yaml").write_text(PROFILE)
    monkeypatch.setenv("ONA_CONFIG_DIR", str(configs))
    with mock_aws():
        aws.client.cache_clear()
        for name in (IN, OUT):
            boto3.client("s3").create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
            )
        s3 = boto3.client("s3")
        one = Target("test", "stack", lambda name: s3 if name == "s3" else boto3.client(name))  # type: ignore[call-overload]
        create_table("crews", "crew_id")
        one.__dict__["outputs"] = {
            "InputBucketName": IN,
            "OutputBucketName": OUT,
            "CrewsTableName": "crews",
        }
        monkeypatch.setattr(files, "resolve", lambda *_: one)
        yield one


def put(*words: str | Path, code: int = 0, json_in_it: bool = False) -> str:
    done: Result = CliRunner().invoke(cli.app, ["put", *map(str, words)], env={"COLUMNS": "200"})
    assert done.exit_code == code, (done.output, done.exception)
    assert json_in_it or '{"' not in done.output, "words, no JSON"
    return done.output


def keys(bucket: str = IN) -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return [item["Key"] for item in found]


def export(folder: Path, *assets: str) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [f"15.01.2025 10:{minute:02d};{name};1000" for name in assets for minute in (0, 15, 30)]
    (folder / "acme.csv").write_text("\n".join([HEADER, *rows]))
    return folder


def write(path: Path, *assets: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(AssetRegistry(assets=list(assets)).model_dump_json(exclude_none=True))
    return path


def has_history(asset: Any) -> None:
    boto3.client("s3").put_object(Bucket=OUT, Key=f"incidents/{asset.site_id}/{asset.id}.json", Body=b"{}")


# ------------------------------------------------------------------ the operator's own documents


WINDOW = {"asset_id": "INV-001", "start": "2025-06-10T08:00:00+02:00", "end": "2025-06-10T12:00:00Z"}


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_a_maintenance_calendar_goes_to_its_place_and_unknown_machines_are_named(
    target: Target, tmp_path: Path, mark: str
) -> None:
    registry.add(target, make_registry())
    path = tmp_path / "maintenance.json"
    path.write_text(mark + json.dumps({"windows": [WINDOW, WINDOW | {"asset_id": "INV-999"}]}))
    said = put(path)
    assert "put maintenance.json: 2 windows\nassets.json does not name INV-999: " in said
    assert "maintenance.json" in keys()
    assert not [key for key in keys() if key.startswith("observations/")]
    assert [one.asset_id for one in read_calendar(IN).windows] == ["INV-001", "INV-999"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "is not JSON"),
        (
            json.dumps({"windows": [WINDOW | {"start": "2025-06-10T08:00:00"}]}),
            'window 1 (INV-001): `start` "2025-06-10T08:00:00" has no time zone: write it like',
        ),
        (
            json.dumps({"windows": [WINDOW, WINDOW | {"end": "2025-06-09T12:00:00Z"}]}),
            "window 2 (INV-001): end must be after start: correct the times",
        ),
        (
            json.dumps({"windows": [WINDOW | {"shar": 0.5}]}),
            "window 1 (INV-001): `shar` is no field of a window: is `share` meant?",
        ),
        (json.dumps({"windows": [WINDOW | {"end": "noon"}]}), '`end` "noon" is no time: write it like'),
        (json.dumps({"windows": [WINDOW | {"share": 50}]}), "`share` 50 is no share: a number above 0"),
        (json.dumps({"windows": [{"start": WINDOW["start"]}]}), "window 1: `asset_id` is missing: add it"),
        (json.dumps({"windows": [WINDOW | {"asset_id": 7}]}), "window 1: `asset_id` 7: Input should be"),
        (json.dumps({"windows": ["INV-001"]}), 'window 1: "INV-001" is no JSON object with the fields'),
        (json.dumps({"windows": [], "window": []}), "has `window`, which nobody reads"),
        (json.dumps({"window": []}), 'needs a list `windows`, like {"windows": [{"asset_id": "INV-001"'),
        (json.dumps([WINDOW]), "needs a list `windows`"),
    ],
    ids=[
        "text",
        "a time without zone",
        "an end before its start",
        "a key misspelt",
        "a time in words",
        "per cent",
        "no machine",
        "a number for a machine",
        "a name for a window",
        "a key more",
        "no list",
        "a list",
    ],
)
def test_a_wrong_maintenance_calendar_is_refused_whole(
    target: Target, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "maintenance.json").write_text(text)
    said = put(tmp_path / "maintenance.json", code=1, json_in_it=True)
    assert says in said
    assert "Nothing was put" in said
    assert "pydantic" not in said
    assert keys() == []


def test_measured_ways_go_to_their_place_and_a_wrong_line_is_named(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "travel.csv"
    path.write_text("from,to,minutes,km\ncrew-001,site,50,30\n")
    assert "put travel.csv: 1 way" in put(path)
    assert keys() == ["travel.csv"]
    assert "neither" not in put(path), "nobody is known yet"
    path.write_text("from,to,minutes,km\ncrew-001,site,fifty,30\n")
    assert "line 2" in put(path, code=1)


def test_ways_of_nobody_are_taken_and_named(target: Target, tmp_path: Path) -> None:
    """Distractors: a crew that is not readable, and sites and crews that there are."""
    registry.add(target, make_registry())
    there = make_registry().assets[0].site_id
    tables.put("crews", crew(1).item())
    tables.put("crews", {"crew_id": "crew-007", "status": 7})
    path = tmp_path / "travel.csv"
    sound = f"from,to,minutes,km\ncrew-001,{there},50,30\ncrew-007,{there},50,30\n"
    path.write_text(sound)
    assert "called" not in put(path)
    path.write_text(f"{sound}crew-01,{there},50,30\ncrew-001,Gauteng West,20,9\n")
    said = put(path)
    assert "put travel.csv: 4 ways" in said
    assert "is called Gauteng West, crew-01 (is crew-001 meant?): no way of theirs" in said
    assert b"Gauteng" in boto3.client("s3").get_object(Bucket=IN, Key="travel.csv")["Body"].read()


def test_a_calendar_by_another_name_is_not_taken_for_telemetry(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "work.json"
    path.write_text(json.dumps({"windows": [WINDOW]}))
    assert "copy it to a file named maintenance.json" in " ".join(put(path, code=1).split())
    assert keys() == []


# ------------------------------------------------------------------ --source


def test_a_source_adds_the_assets_that_the_registry_lacks_and_changes_no_other(
    target: Target, tmp_path: Path
) -> None:
    registry.add(target, make_registry())
    own = make_asset("WR01", capacity_kw=7.0)
    registry.add(target, AssetRegistry(assets=[own]))
    said = put("--source", "acme", export(tmp_path / "days", "WR01", "WR02"))
    assert "registered 1 asset of acme" in said
    after = registry.read(target)
    assert after is not None
    assert after.get("WR01") == own, "registered ones stay as they are"
    fresh = after.require("WR02", "test")
    assert (fresh.site_id, fresh.customer_id, fresh.capacity_kw) == ("acme-site", "acme", 20)
    assert len(after.assets) == len(make_registry().assets) + 2
    sites = {key.rsplit("/", 1)[-1] for key in keys() if key != "assets.json"}
    assert sites == {f"{own.site_id}_20250115.csv", "acme-site_20250115.csv"}


def test_two_additions_at_once_lose_nothing(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.add(target, AssetRegistry(assets=[make_asset("A")]))
    stored, others = registry._stored, [make_asset("B"), make_asset("C")]

    def slow(one: Target) -> Any:
        found = stored(one)
        if others:  # another command is faster, twice
            monkeypatch.setattr(registry, "_stored", stored)
            registry.add(one, AssetRegistry(assets=[others.pop()]))
            monkeypatch.setattr(registry, "_stored", slow)
        return found

    monkeypatch.setattr(registry, "_stored", slow)
    assert registry.add(target, AssetRegistry(assets=[make_asset("D")])) == 1
    after = registry.read(target)
    assert after is not None
    assert {asset.id for asset in after.assets} == {"A", "B", "C", "D"}


@pytest.mark.parametrize(
    ("name", "said"),
    [("Wechselrichter 1", "cannot be an asset's id"), ("x" * 129, "cannot be an asset's id")],
)
def test_an_id_that_no_asset_can_have_is_told_in_words(
    target: Target, tmp_path: Path, name: str, said: str
) -> None:
    output = put("--source", "acme", export(tmp_path / "days", name), code=1)
    assert "cannot be an asset's id" in output
    assert "Nothing was put" in output
    assert "redrive" not in output
    assert keys() == []


def test_a_folder_of_another_vendor_is_told_in_words(target: Target, tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "x.csv").write_text("a,b\n1,2\n")
    output = put("--source", "acme", tmp_path / "days", code=1)
    assert "columns are missing: Anlage, Pac [W], Zeit" in output.replace("\n", " ")
    assert keys() == []


# ------------------------------------------------------------------ assets.json


def test_a_new_registry_says_what_it_adds_changes_and_removes(target: Target, tmp_path: Path) -> None:
    a, b, c = (make_asset(name) for name in "ABC")
    assert "put assets.json: 2 added, 0 changed, 0 removed" in put(write(tmp_path / "assets.json", a, b))
    changed = a.model_copy(update={"capacity_kw": 7.5})
    said = put(write(tmp_path / "assets.json", changed, c))
    assert "put assets.json: 1 added, 1 changed, 1 removed" in said
    assert "changed A" in said
    assert "removed B" in said, "nothing is known of it: it may go"
    again = put(tmp_path / "assets.json")
    assert "put assets.json: 0 added, 0 changed, 0 removed" in again


def test_a_site_with_sun_and_wind_is_named_and_a_site_with_a_battery_is_not(
    target: Target, tmp_path: Path
) -> None:
    sun, wind = make_asset("PV-1"), make_asset("WT-1", type="Wind Turbine")
    said = put(write(tmp_path / "assets.json", sun, wind))
    assert f"{sun.site_id}: wind turbines and others at one site" in said
    battery = make_asset("B-1", type="Battery Storage")
    assert "wind turbines" not in put(write(tmp_path / "assets.json", sun, battery), "--remove-assets", "1")


@pytest.mark.parametrize("kept", ["history", "telemetry of its site", "an upload for forecasting"])
def test_assets_with_telemetry_leave_only_when_their_number_is_named(
    target: Target, tmp_path: Path, kept: str
) -> None:
    a, b, c = (make_asset(name, site_id=f"site-{name}") for name in "ABC")
    put(write(tmp_path / "assets.json", a, b, c))
    if kept == "history":
        has_history(b)
    elif kept == "an upload for forecasting":
        key = f"sites/{b.customer_id}/site-B.json"
        boto3.client("s3").put_object(Bucket=OUT, Key=key, Body=b'{"assets": {"B": 20.0}}')
        foreign = f"sites/{c.customer_id}/site-C.json"
        boto3.client("s3").put_object(Bucket=OUT, Key=foreign, Body=b"not read: no JSON")
    else:
        key = "telemetry/site=site-B/day=2025-01-15/x.parquet"
        boto3.client("s3").put_object(Bucket=OUT, Key=key, Body=b"x")
    path = write(tmp_path / "assets.json", a)
    output = put(path, code=1).replace("\n", " ")
    assert "would remove 2 assets, registered in assets.json (B, C)" in output
    assert "exist of B;" in output
    assert f"put {path} --remove-assets 2`" in output
    assert "--remove-assets 1, but this file removes 2" in put(path, "--remove-assets", "1", code=1)
    before = registry.read(target)
    assert before is not None
    assert len(before.assets) == 3, "nothing was put"
    assert "2 removed" in put(path, "--remove-assets", "2")


def test_a_registry_that_another_changed_meanwhile_is_not_overwritten(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = registry._stored

    def slow(one: Target) -> Any:
        found = stored(one)
        monkeypatch.setattr(registry, "_stored", stored)
        registry.add(one, AssetRegistry(assets=[make_asset("B")]))
        return found

    monkeypatch.setattr(registry, "_stored", slow)
    assert "nothing was put" in put(write(tmp_path / "assets.json", make_asset("A")), code=1)
    after = registry.read(target)
    assert after is not None
    assert [asset.id for asset in after.assets] == ["B"]


def test_a_registry_that_cannot_be_read_may_be_mended(target: Target, tmp_path: Path) -> None:
    boto3.client("s3").put_object(Bucket=IN, Key="assets.json", Body=b"{")
    said = put(write(tmp_path / "assets.json", make_asset("A")))
    assert "1 added" in said
    assert "could not be read" in said


def test_a_wrong_registry_is_refused(target: Target, tmp_path: Path) -> None:
    (tmp_path / "assets.json").write_text(json.dumps({"assets": [{"id": "A"}]}))
    assert "assets.0.capacity_kw" in put(tmp_path / "assets.json", code=1)
    assert keys() == []


# ------------------------------------------------------------------ files as they are


@pytest.mark.parametrize("beginning", ["", "\ufeff", " \n"])
def test_a_registry_by_another_name_is_no_telemetry(target: Target, tmp_path: Path, beginning: str) -> None:
    other, sound = tmp_path / "my-assets.json", tmp_path / "INV-001_20250610.csv"
    other.write_text(beginning + make_registry(1).model_dump_json())
    sound.write_text("timestamp,asset_id,power_kw\n2025-06-10T08:00:00Z,INV-001,1\n")
    told = put(sound, other, code=1)
    assert "copy it to a file named assets.json" in told.replace("\n", " ")
    assert keys() == []
    for looks_like_it in ("{", '{"assets": 1}', '["assets"]'):
        other.write_text(looks_like_it)
        put(other, code=1, json_in_it=True)


def test_an_unknown_header_leads_to_the_page(target: Target, tmp_path: Path) -> None:
    (tmp_path / "strange.csv").write_text("day,what\n2025-01-15,1\n")
    said = put(tmp_path / "strange.csv", code=1).replace("\n", " ")
    assert "docs/adding-a-vendor.md" in said
    assert keys() == ["observations/2025/01/15/strange_20250115.csv"], "the loop quarantines it"


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,asset_id,temperature_c,voltage_v,power_kw\n2025-01-15T10:00:00Z,A,1,2,3\n",
        "\ufeff\n power_kw,voltage_v,temperature_c,asset_id,timestamp,b\n1,2,3,A,2025-01-15T10:00:00Z,4\n",
        f"{HEADER}\n15.01.2025 10:00;A;1000\n",
    ],
)
def test_a_known_header_does_not(target: Target, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    assert "adding-a-vendor" not in put(tmp_path / "x.csv")


HEADERS = {
    # a header -> what is said of it, and what is not
    "timestamp,asset_id,temperature_c,voltage_v,power_kw,irradiance": ("irradiance", "irradiance_w_m2"),
    "timestamp,asset_id,temperature_c,voltage_v,power_kw,wind_speed": ("wind_speed", "wind_speed_m_s"),
    "timestamp,asset_id,temperature_c,voltage_v,Power_KW ": ("Power_KW", "power_kw"),
    "timestamp,asset_id,temperature_c,voltage_v,power_kw,state,frequency_hz,ac_power_kw": ("", ""),
    "timestamp,asset_id,temperature_c,voltage_v,power_kw,irradiance_w_m2,irradiance_poa": ("", ""),
    "when;what;how": ("", ""),
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_column_that_is_nearly_one_of_ours_is_named(target: Target, tmp_path: Path, header: str) -> None:
    name, meant = HEADERS[header]
    more = ",4" * max(0, header.count(",") - 4)
    (tmp_path / "x.csv").write_text(f"{header}\n2025-01-15T10:00:00Z,A,1,2,3{more}\n")
    said = put(tmp_path / "x.csv", code=int(name == "Power_KW" or header == "when;what;how"))
    assert ("not read" in said) is bool(name)
    if name:
        assert f"column {name} not read; did you mean {meant}?" in said
    assert ("columns are missing: power_kw;" in said) is (name == "Power_KW")


KNOWN = "timestamp,asset_id,temperature_c,voltage_v,power_kw\n2025-01-15T10:00:00Z,{},1,2,3\n"
REFUSED = {
    "a word": b"hello",
    "a header": b"timestamp,power_kw\n",
    "text as power": b"timestamp,asset_id,power_kw\n2025-01-15T10:00:00Z,asset-1,five\n",
    "an archive": b"PK\x03\x04",
    "a log's header": b"start (UTC);end (UTC);turbine;code;message\n",
    "an unknown machine": KNOWN.format("INV-999").encode(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_put_and_detect_have_one_reason_and_one_cure(name: str, target: Target, tmp_path: Path) -> None:
    fleet = AssetRegistry(assets=[make_asset("asset-1")])
    registry.add(target, fleet)
    (tmp_path / "x.csv").write_bytes(REFUSED[name])
    said = put(tmp_path / "x.csv", code=1)
    [key] = [key for key in keys() if key != "assets.json"]
    error = reading.refusal(
        S3Pointer(bucket=IN, key=key), REFUSED[name], fleet, datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert error is not None
    assert f"it will be quarantined: {error.reason}: {error.message}\n" in said
    assert f"    mend: {plain.to_mend(error.remedy)}\n".replace("./ona", "ona") in said
    assert "it is put all the same: `ona status` names it until it is mended" in said


def test_distractor_a_machine_of_the_registry_and_one_without_a_registry_are_taken(
    target: Target, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text(KNOWN.format("asset-1"))
    assert "quarantined" not in put(tmp_path / "x.csv"), "nobody knows the machines yet"
    registry.add(target, AssetRegistry(assets=[make_asset("asset-1")]))
    assert "quarantined" not in put(tmp_path / "x.csv")


@pytest.mark.parametrize(("name", "content"), [("notes.txt", b"x,y"), ("export.xlsx", b"PK\x03\x04")])
def test_what_is_no_csv_by_name_and_content_is_put_only_when_somebody_insists(
    name: str, content: bytes, target: Target, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "x.csv").write_text(KNOWN.format("asset-1"))
    said = " ".join(put(tmp_path / "x.csv", tmp_path / name, code=1).split())
    assert "is no CSV by its name, and its content is no telemetry: " in said
    assert "Nothing was put; with `--anyway` it is" in said
    assert keys() == []
    assert "it will be quarantined" in put(tmp_path / name, "--anyway", code=1)
    assert len(keys()) == 1


def test_distractor_telemetry_by_another_name_is_put(target: Target, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text(KNOWN.format("asset-1"))
    put(tmp_path / "x.txt")
    assert len(keys()) == 1


DATES = {
    # the first time of a file -> the day of its key; empty: today, and that is told
    "01.06.2026 00:00": "2026/06/01",
    "1.6.2026 00:00": "2026/06/01",
    "2026-06-01T00:00:00Z": "2026/06/01",
    "20260601T000000Z": "2026/06/01",
    "06/01/2026 00:00": "",
    "31.02.2026 00:00": "",
    "1780272000": "",
}


@pytest.mark.parametrize("time", DATES)
def test_a_file_lies_under_its_own_day_or_it_is_said(target: Target, tmp_path: Path, time: str) -> None:
    header = "timestamp,asset_id,temperature_c,voltage_v,power_kw"
    (tmp_path / "x.csv").write_text(f"{header}\n{time},A,1,2,3\n")
    [readable] = [(time[:4] == "2026" and "-" in time) or "T" in time]
    said = put(tmp_path / "x.csv", code=int(not readable))
    [key] = keys()
    assert ("it lies under today's" in said) is (not DATES[time])
    if DATES[time]:
        assert key.startswith(f"observations/{DATES[time]}/")


SPOILT = {
    "empty": b"",
    "binary": b"\x00\x01\xff\xfe",
    "a header alone": HEADER.encode(),
    "too few columns": f"{HEADER}\n15.01.2025 10:00".encode(),
    "no time": f"{HEADER}\nyesterday;A;1000".encode(),
    "a year that no clock shows": f"{HEADER}\n15.01.0001 10:00;A;1000".encode(),
    "an open quote": f'{HEADER}\n"15.01.2025 10:00;A;1000'.encode(),
    "half of UTF-16": f"{HEADER}\n15.01.2025 10:00;A;1000".encode("utf-16")[:-1],
    "JSON": b'{"rows": [{"power": 1}]}',
}


@pytest.mark.parametrize("case", SPOILT)
def test_an_export_that_cannot_be_read_is_told_in_one_line_of_words(
    case: str, target: Target, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "acme.csv").write_bytes(SPOILT[case])
    (folder / "folder.csv").mkdir()
    said = put("--source", "acme", folder, code=1)
    assert len(said.strip().splitlines()) == 1, said
    assert "unexpected" not in said
    assert "Nothing was put" in said
    assert keys() == []


# ------------------------------------------------------------------ crews


def test_another_plant_is_told_where_its_crews_go(target: Target, tmp_path: Path) -> None:
    """Before its first fault finds nobody."""
    path = write(tmp_path / "assets.json", make_asset("PLANT-1"))
    said = put(path)
    assert "nobody can be sent to 1 of 1 asset: no crew is available" in said
    assert "docs/operations/settings.md#crews" in said
    assert "latitude -26.2, longitude 28.05" in said
    assert "nobody can be sent to 2 of 2 assets" in put("--source", "acme", export(tmp_path / "days", "B"))
    tables.put("crews", crew(1).item())
    assert "nobody" not in put(path, "--remove-assets", "1")


def test_the_sample_fleet_brings_its_example_crews(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    here = replace(target, embedded=cast(Any, object()))
    here.__dict__["outputs"] = target.outputs
    monkeypatch.setattr(files, "resolve", lambda *_: here)
    said = put(ROOT / "samples" / "assets.json")
    assert "put 2 example crews near them: they are the sample fleet" in said
    assert "nobody" not in said
    assert "example" not in put(ROOT / "samples" / "assets.json"), "once"


CANONICAL = "timestamp,asset_id,temperature_c,voltage_v,power_kw\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it will be quarantined: empty_file: the file has no content (0 bytes)"),
        (b"\n \n\r\n", "the file has no content (5 bytes)"),
        (b"\xef\xbb\xbf", "the file has no content (3 bytes)"),
        (CANONICAL.encode(), "no_rows: the file has a header and no readings"),
        (CANONICAL.strip().encode(), "no_rows: the file has a header and no readings"),
        (f"{HEADER}\r\n\r\n".encode(), "no_rows: the file has a header and no readings"),
        ((CANONICAL + "2026-06-01T00:00:00Z,INV-001,20,600,1\n").encode(), ""),
        ((CANONICAL + "\n" * 9000 + "2026-06-01T00:00:00Z,INV-001,20,600,1\n").encode(), ""),
    ],
    ids=[
        "nothing",
        "blank lines",
        "a mark alone",
        "header",
        "no line end",
        "vendor",
        "a row",
        "a late row",
    ],
)
def test_a_file_without_readings_is_told_at_once(
    content: bytes, said: str, target: Target, tmp_path: Path
) -> None:
    """The last two are distractors."""
    path = tmp_path / "day_20260601.csv"
    path.write_bytes(content)
    told = put(path, code=1 if said else 0)
    assert said in told
    assert ("quarantined" in told) == bool(said)
    assert len(keys()) == 1


def test_a_file_of_hundreds_of_megabytes_is_judged_by_detect_alone(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.ingest.JUDGED_BYTES", 20)
    path = tmp_path / "day_20260601.csv"
    path.write_bytes(b"hello")
    assert "it will be quarantined" in put(path, code=1)
    path.write_bytes(b"hello" * 5)
    assert "quarantined" not in put(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _link(path: Path) -> None:
    path.symlink_to("gone.csv")


def _closed(path: Path) -> None:
    path.write_bytes(b"x")
    path.chmod(0)


WRONG: dict[str, tuple[Any, str, str]] = {
    "missing": (lambda _: None, "does not exist: check the name", "does not exist"),
    "a folder": (_folder, "is no file, it is a folder: name its files", "holds no .csv file"),
    "a link to nothing": (_link, "is a link to gone.csv, which does not exist", "is a link to gone.csv"),
    "a pipe": (os.mkfifo, "it is a pipe or a device: write it to a file first", "it is a pipe"),
    "unreadable": (_closed, "cannot be read: Permission denied; `ls -l`", "cannot be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_file_that_can_be_read_says_what_to_do_and_nothing_is_put(
    name: str, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, said, said_with_source = WRONG[name]
    good, wrong = tmp_path / "good.csv", tmp_path / "wrong.csv"
    good.write_text(CANONICAL)
    make(wrong)
    opened = Path.open

    def as_no_superuser(path: Path, *arguments: Any, **named: Any) -> Any:
        if path == wrong and not wrong.stat().st_mode & 0o400:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", as_no_superuser)
    assert said in put(good, wrong, code=1)
    assert said_with_source in put(wrong, "--source", "acme", code=1)
    assert not keys()


def test_a_file_of_another_kind_with_a_source_is_no_folder(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    path.write_bytes(b"PK")
    assert "export.xlsx is no .csv file: rename it" in put(path, "--source", "acme", code=1)


# ------------------------------------------------------------------ while the platform is stopped


def stopped(state: str) -> None:
    """A stop as its document has it (docs/operations/emergency.md)."""
    reason = {"by": "thandi", "at": "2026-11-28T10:57:00Z", "why": "a bad release"}
    document = {"stop_id": "000001", "environment": "dev", "state": state, "reasons": [reason]}
    body = json.dumps(document).encode()
    boto3.client("s3").put_object(Bucket=OUT, Key="operations/stops/000001.json", Body=body)


@pytest.mark.parametrize("state", ["stopped", "resuming", "ended", ""])
@pytest.mark.parametrize("source", [True, False])
def test_a_file_that_waits_is_said_to_wait(
    target: Target, tmp_path: Path, state: str, source: bool
) -> None:
    registry.add(target, make_registry())
    if state:
        stopped(state)
    told = put("--source", "acme", export(tmp_path / "days", "A1")) if source else put(_sample(tmp_path))
    waits = "stopped since 2026-11-28 10:57 UTC by thandi: a bad release" in told and "ona resume" in told
    assert waits is (state in ("stopped", "resuming"))


def _sample(folder: Path) -> Path:
    return Path(shutil.copy(ROOT / "samples" / "INV-001_20250115.csv", folder))


def awaited_put(
    target: Target, monkeypatch: pytest.MonkeyPatch, file: Path, outcome: Any, **runs: Any
) -> Any:
    """Put a file with --wait; what the loop writes of its version comes at the first look but one."""
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=IN, VersioningConfiguration={"Status": "Enabled"})

    def loop(_seconds: float) -> None:
        [found] = s3.list_object_versions(Bucket=IN)["Versions"]
        number = hashlib.sha256(f"{IN}/{found['Key']}@{found['VersionId']}".encode()).hexdigest()[:16]
        if outcome is not None:
            s3.put_object(Bucket=OUT, Key=f"outcomes/{number}.json", Body=json.dumps(outcome))
        states.version = found["VersionId"]

    class States:
        version = ""

        def list_executions(self, **asked: Any) -> Any:
            there = self.version and asked["statusFilter"] == "FAILED" and runs
            return {"executions": [{"executionArn": "arn:x", "name": "x"}] if there else []}

        def describe_execution(self, executionArn: str) -> Any:  # noqa: N803
            version = self.version if runs.get("own") else "another"
            key = {"key": "observations/2025/01/15/INV-001_20250115.csv", "version-id": version}
            event = {"detail": {"bucket": {"name": IN}, "object": key}}
            return {"input": json.dumps(event), "error": "InvalidConfiguration", "cause": "thresholds"}

    states = States()
    one = replace(target, client=lambda name: states if name == "stepfunctions" else boto3.client(name))
    outputs = ("OodaStateMachineArn", "ForecastUploadStateMachineArn", "ForecastTrainingStateMachineArn",
               "ForecastScheduleStateMachineArn", "FleetHistoryStateMachineArn")  # fmt: skip
    one.__dict__["outputs"] = {**target.outputs, **dict.fromkeys(outputs, "arn:m")}
    monkeypatch.setattr(files, "resolve", lambda *_: one)
    monkeypatch.setattr("ops.awaited.time.sleep", loop)
    ends = outcome is not None or runs.get("own")
    monkeypatch.setattr(awaited, "PATIENCE_S", 60 if ends else 0.2)
    return CliRunner().invoke(cli.app, ["put", "--wait", str(file)], env={"COLUMNS": "200"})


WHY = {"reason": "no_rows", "message": "no readings", "remedy": "export it again"}
REJECTED = {"outcome": "quarantined", "rejection": WHY}


@pytest.mark.parametrize(
    ("outcome", "runs", "code", "said"),
    [
        ({"outcome": "nothing_found"}, {}, 0, "done: nothing found"),
        (REJECTED, {}, 1, "quarantined: no_rows: no readings"),
        (None, {"own": True}, 1, "failed: InvalidConfiguration: thresholds"),
        (None, {"own": False}, 1, "it goes on: ona status"),
    ],
    ids=["done", "refused", "failed", "another file failed"],
)
def test_who_waits_is_told_what_became_of_a_file(
    target: Target, monkeypatch: pytest.MonkeyPatch, outcome: Any, runs: Any, code: int, said: str
) -> None:
    done = awaited_put(target, monkeypatch, ROOT / "samples" / "INV-001_20250115.csv", outcome, **runs)
    assert (done.exit_code, said in done.output) == (code, True), done.output
    assert ("mend: export it again" in done.output) is (outcome is REJECTED)


def test_who_waits_hears_the_outcome_and_no_guess(
    target: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A profile that was described meanwhile takes what was told to be hopeless."""
    strange = tmp_path / "strange_20260601.csv"
    strange.write_text("when,what\n2026-06-01T00:00:00Z,1\n")
    done = awaited_put(target, monkeypatch, strange, {"outcome": "nothing_found"})
    assert (done.exit_code, "done: nothing found" in done.output) == (0, True), done.output


def test_distractor_who_does_not_wait_is_told_where_to_look(target: Target) -> None:
    said = put(ROOT / "samples" / "INV-001_20250115.csv")
    assert "follow it: ona executions, ona status" in said
    assert "done:" not in said
