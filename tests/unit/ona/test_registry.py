"""assets.json is read in one place, and what is wrong with it is named with its file."""

from __future__ import annotations

import json
from unittest import mock

import pytest

from ona.runtime.errors import InvalidConfiguration, InvalidTelemetry, ObjectMissing
from ona.store import registry


def read(body: bytes | Exception) -> registry.AssetRegistry:
    with mock.patch.object(registry, "read_bytes", side_effect=[body]):
        return registry.read_registry("input-bucket")


def test_a_registry_is_read() -> None:
    assert read(b'{"assets": [{"id": "INV-001", "capacity_kw": 100}]}').capacity_kw("INV-001") == 100.0


def test_without_a_registry_no_file_is_accepted_and_the_remedy_is_named() -> None:
    with pytest.raises(InvalidTelemetry) as caught:
        read(ObjectMissing("s3://input-bucket/assets.json: not found (NoSuchKey)"))
    assert caught.value.reason == "no_asset_registry"
    assert caught.value.where == "s3://input-bucket/assets.json"
    assert "put assets.json" in caught.value.remedy


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"assets": [{"id": "A"}]}', "capacity_kw"),
    ],
)
def test_a_wrong_registry_is_refused_with_its_address_and_the_reason(body: bytes, problem: str) -> None:
    with pytest.raises(InvalidConfiguration, match=problem) as caught:
        read(body)
    assert str(caught.value).startswith("s3://input-bucket/assets.json")


@pytest.mark.parametrize("zone", ["Johannesburg", "GMT+2", "../etc/passwd", "\x00", "Africa", "é", ""])
def test_a_time_zone_that_there_is_not_is_refused_when_it_is_put(zone: str) -> None:
    """One that is stored already stops no site: who plans takes the usual zone."""
    asset = {"id": "INV-001", "capacity_kw": 100, "timezone": zone}
    body = json.dumps({"assets": [asset, {"id": "INV-002", "capacity_kw": 100}]}).encode()
    with pytest.raises(InvalidConfiguration, match=r"assets\.json: timezone is no IANA time zone.*INV-001"):
        registry.entering(body, "assets.json")
    assert read(body).capacity_kw("INV-002") == 100.0


@pytest.mark.parametrize("zone", ["Africa/Johannesburg", "UTC", "Etc/GMT-2", "US/Pacific", None])
def test_a_time_zone_that_there_is_may_be_put(zone: str | None) -> None:
    body = json.dumps({"assets": [{"id": "INV-001", "capacity_kw": 100, "timezone": zone}]}).encode()
    assert registry.entering(body, "assets.json").assets[0].timezone == zone
