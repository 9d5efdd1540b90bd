"""An `assets.json` of before: an entry that breaks a rule which came later stops no other asset."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidConfiguration
from ona.store.registry import read_registry
from ona.store.s3 import read_bytes, read_json, write_json
from ops import registry
from ops.target import OpsError, Target
from tests.builders.assets import make_asset
from tests.fakes.tables import IN, OUT

SOUND = {"id": "INV-001", "capacity_kw": 100.0}
OLD: dict[str, dict[str, Any]] = {
    "a capacity beyond the bound": {"capacity_kw": 1e12},
    "a capacity below a watt": {"capacity_kw": 1e-9},
    "volts beyond any grid": {"configuration": {"ac_voltage_nominal": 1e9}},
    "a frequency beyond the bound": {"configuration": {"frequency_nominal": 50_000}},
    "a tariff beyond the bound": {"tariff_usd_per_kwh": 1e6},
    "a warranty of ages": {
        "components": [{"oem": "a", "model": "b", "type": "c", "warranty_months": 99_999}]
    },
    "an installation in the year 1": {
        "components": [{"oem": "a", "model": "b", "type": "c", "installation_date": "0001-01-01T00:00:00Z"}]
    },
    "a long id": {"id": "x" * 300},
    "a key of another version": {"colour": "red"},
    "a capacity in words": {"capacity_kw": "much"},
}
"""What is wrong with one entry of three."""


@pytest.fixture
def target(cloud: None) -> Target:
    one = Target("dev", "stack", lambda name: boto3.client(name))  # type: ignore[call-overload]
    one.__dict__["outputs"] = {"InputBucketName": IN, "OutputBucketName": OUT}
    return one


def old(kind: str) -> dict[str, Any]:
    entries = [SOUND, {**SOUND, "id": "OLD-2", **OLD[kind]}, {**SOUND, "id": "INV-003"}]
    write_json(IN, "assets.json", {"assets": entries})
    return {"assets": entries}


@pytest.mark.parametrize("kind", OLD)
def test_functions_go_on_with_the_other_assets_and_name_the_entry(
    cloud: None, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    old(kind)
    assert [asset.id for asset in read_registry(IN).assets] == ["INV-001", "INV-003"]
    told = [record for record in caplog.records if "asset 2 (" in str(record.__dict__)]
    assert told, "the log names the entry by number and id"


@pytest.mark.parametrize("kind", OLD)
def test_the_command_line_goes_on_says_it_and_keeps_the_entry(target: Target, kind: str) -> None:
    before = old(kind)
    found = registry.stored(target)
    assert found.registry is not None
    assert [asset.id for asset in found.registry.assets] == ["INV-001", "INV-003"]
    said = registry.left_out(found.bad)
    assert "1 entry of assets.json cannot be used" in said[0]
    assert "asset 2 (" in said[1]
    assert registry.add(target, AssetRegistry(assets=[make_asset("INV-009")])) == 1
    kept = read_json(S3Pointer(bucket=IN, key="assets.json"))["assets"]
    assert kept[:3] == before["assets"], "an addition takes no entry away"
    assert kept[3]["id"] == "INV-009"


@pytest.mark.parametrize("kind", OLD)
def test_a_new_file_with_such_an_entry_is_refused_whole_and_names_it(target: Target, kind: str) -> None:
    write_json(IN, "assets.json", {"assets": [SOUND]})
    entries = [SOUND, {**SOUND, "id": "OLD-2", **OLD[kind]}, {**SOUND, "id": "OLD-3", **OLD[kind]}]
    with pytest.raises(InvalidConfiguration) as caught:
        registry.replace(target, json.dumps({"assets": entries}).encode(), None, "ona put assets.json")
    wrong = str(caught.value).split("; wrong: asset ")[1]
    assert wrong.startswith("x" * 50 if "long id" in kind else "OLD-2")
    assert "long id" in kind or "OLD-3" in wrong
    assert read_json(S3Pointer(bucket=IN, key="assets.json")) == {"assets": [SOUND]}, "nothing was put"


@pytest.mark.parametrize("kind", OLD)
def test_a_corrected_file_takes_its_place(target: Target, kind: str) -> None:
    old(kind)
    entries = [SOUND, {**SOUND, "id": "OLD-2"}, {**SOUND, "id": "INV-003"}]
    change = registry.replace(target, json.dumps({"assets": entries}).encode(), None, "ona put")
    assert change.added == ("OLD-2",)
    assert change.removed == ()
    assert "asset 2 (" in change.mended
    assert registry.left_out(registry.stored(target).bad) == []


NOTHING: dict[str, Any] = {
    "no assets": {"sites": []},
    "a list": [SOUND],
    "a text": "assets",
    "a key beside": {"assets": [SOUND], "colour": "red"},
    "each entry wrong": {"assets": [{"id": "A"}, {"id": "B"}, 7, None]},
    "an id twice": {"assets": [SOUND, SOUND]},
}


@pytest.mark.parametrize("kind", NOTHING)
def test_what_is_no_registry_at_all_is_still_an_error(target: Target, kind: str) -> None:
    write_json(IN, "assets.json", NOTHING[kind])
    with pytest.raises(InvalidConfiguration, match=r"assets\.json"):
        read_registry(IN)
    with pytest.raises(OpsError, match=r"assets\.json"):
        registry.stored(target)


def test_a_sound_registry_says_nothing(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    write_json(IN, "assets.json", {"assets": [SOUND, {**SOUND, "id": "BIG", "capacity_kw": 22_500_000}]})
    assert len(read_registry(IN).assets) == 2
    assert registry.left_out(registry.stored(target).bad) == []
    assert read_bytes(S3Pointer(bucket=IN, key="assets.json"))
    assert not [record for record in caplog.records if "unreadable" in record.getMessage()]
