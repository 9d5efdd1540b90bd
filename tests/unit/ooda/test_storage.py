"""Batteries: their telemetry is taken and not judged, and what only looks like one is judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.data_ingestion import ownership
from forecasting.documents import SiteDocument
from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry
from ona.store.s3 import list_keys, read_json, write_bytes, write_json
from ooda.detect.handler import lambda_handler as detect
from ooda.detect.storage import says_charge
from ooda.event_logs.headers import header_of
from tests.builders.assets import make_asset
from tests.builders.telemetry import DAY, dead_from, to_csv
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import IN, OUT, create_table

KEY = f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}.csv"


def battery(name: str = "INV-001") -> pd.DataFrame:
    """A day of a battery: it takes power from 08 to 13 UTC, gives some from 17 to 21, and rests."""
    day = dead_from(0, name)
    hour = day["timestamp"].dt.hour
    power = np.where((hour >= 8) & (hour < 13), -60.0, np.where((hour >= 17) & (hour < 21), 70.0, 0.0))
    return day.assign(power_kw=power)


@pytest.fixture
def bucket(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    create_table("weather", "location_timestamp")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")


def put(frame: pd.DataFrame, *assets: Any) -> dict[str, Any]:
    registry = AssetRegistry(assets=list(assets))
    write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))
    write_bytes(IN, KEY, to_csv(frame), "text/csv")
    source = {"bucket": IN, "key": KEY, "version_id": ""}
    answer: dict[str, Any] = detect(
        {"source": source, "file_id": "0" * 16, "execution_id": "execution-1"}, Context()
    )
    return answer


TYPES = [
    "Battery Storage",
    "BESS",
    "ESS",
    "battery_storage",
    "Li-ion Battery",
    "Batteriespeicher",
    "Storage Inverter",
]


@pytest.mark.parametrize("kind", TYPES)
def test_a_battery_is_taken_and_not_judged(kind: str, bucket: None) -> None:
    answer = put(battery().assign(soc_percent=50.0), make_asset(type=kind))
    assert (answer["status"], answer["incidents"]) == ("nothing_found", 0)
    assert answer["not_judged"] == (
        "1 of 1 asset not judged: a battery or other storage, which nobody judges yet (INV-001)"
    )
    record = read_json(S3Pointer(bucket=OUT, key=answer["detection"]["key"]))
    assert record["file_quality"]["rejected"] == {}, "charging is no wrong reading"
    assert list(list_keys(OUT, "telemetry/")) == [], "no neighbour, and no forecast's telemetry"


NO_BATTERIES: dict[str, dict[str, Any]] = {
    "an inverter of that street": {"name": "Storage-Road-7"},
    "a hybrid inverter": {"type": "Hybrid Inverter with battery"},
    "a roof of a cold store": {"type": "Inverter, cold storage roof"},
    "ready for one": {"type": "Solar inverter, battery ready"},
    "a vessel": {"type": "Vessel inverter"},
}


@pytest.mark.parametrize("case", NO_BATTERIES)
def test_what_only_looks_like_a_battery_is_judged(case: str, bucket: None) -> None:
    answer = put(dead_from(9).assign(soc_percent=50.0), make_asset(**NO_BATTERIES[case]))
    assert (answer["status"], answer["not_judged"]) == ("found", "")


def test_a_battery_beside_an_inverter_holds_up_nothing(bucket: None) -> None:
    both = pd.concat([dead_from(9, "INV-001"), battery("INV-002")])
    answer = put(both, make_asset("INV-001"), make_asset("INV-002", type="BESS"))
    assert (answer["status"], answer["assets"], answer["actionable"]) == ("found", 2, 1)
    assert answer["not_judged"].startswith("1 of 2 assets not judged: a battery")


def test_a_battery_that_the_registry_calls_an_inverter_is_refused_in_words(bucket: None) -> None:
    with pytest.raises(InvalidTelemetry) as error:
        put(battery().assign(soc_percent=50.0), make_asset())
    assert error.value.reason == "storage_telemetry"
    assert "power is negative in 20 of 96 readings of INV-001" in error.value.message
    assert "type: Battery Storage" in error.value.remedy


def test_a_batterys_own_columns_are_refused_in_words(bucket: None) -> None:
    own = battery()[["timestamp", "asset_id", "power_kw"]].assign(state_of_charge=50.0)
    with pytest.raises(InvalidTelemetry, match="storage_telemetry"):
        put(own, make_asset())


def test_negative_power_without_a_state_of_charge_is_told_as_before(bucket: None) -> None:
    assert put(battery(), make_asset())["status"] == "found"


HEADS = [
    "",
    "\n",
    "\r\r",
    "a\rb\nc",
    "a,\x00b\r\n",
    '"open,\nsoc',
    "\ufeff",
    "\x0c,\u2028,\x85",
    ",;|\t" * 9000,
]


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_look_at_a_strangers_beginning_never_fails(head: str) -> None:
    """What is wrong with the file is told when it is read, with its remedy."""
    assert header_of(head) is None
    assert not says_charge(head)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
def test_a_state_of_charge_is_seen_whatever_ends_the_line(end: str) -> None:
    assert says_charge(f"timestamp,asset_id,SoC{end}2025-06-10,INV-001,50{end}")
    assert not says_charge(f"timestamp,asset_id,power_kw{end}soc,soc,soc{end}")


def test_forecasts_do_not_take_a_battery_as_solar() -> None:
    registry = AssetRegistry(assets=[make_asset("INV-001"), make_asset("INV-002", type="BESS")])
    frame = pd.concat([dead_from(9, "INV-001"), battery("INV-002")])
    (group,) = ownership.sites(frame, registry, None, "x.csv").values()
    site = SiteDocument.of("c", "s", group)
    assert site is not None
    assert list(site.assets) == ["INV-001"]
    with pytest.raises(InvalidTelemetry, match="storage_asset"):
        ownership.sites(battery("INV-002"), registry, None, "x.csv")
