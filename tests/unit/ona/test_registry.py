"""assets.json is read in one place, and what is wrong with it is named with its file."""

from __future__ import annotations

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
