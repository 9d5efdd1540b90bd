"""Configuration is refused with file, key and reason; Parameter Store wins over the file."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.config import Digest
from ona.config import parameters, parts
from ona.config.files import read_yaml, validated
from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidConfiguration, InvalidPayload
from ona.runtime.identity import file_id
from ona.store.layout import day_of
from ona.store.tables import from_item, to_item
from ooda.config import detection, loss_function
from ooda.payloads import DetectRequest
from operations.config import maintenance
from ops import validate
from tests.builders.telemetry import DAY
from tests.paths import ROOT


def document(name: str) -> Any:
    return copy.deepcopy(read_yaml(ROOT / "configs" / name))


def test_all_configuration_files_are_valid_and_agree() -> None:
    assert validate.configurations() == []


@pytest.mark.parametrize(
    ("name", "path", "value", "problem"),
    [
        ("ooda/detection.yaml", ("algorithms", "statistical", "z_score"), 3, "z_score"),
        ("ooda/detection.yaml", ("algorithms", "severity", "threshold"), 1.5, "threshold"),
        ("ooda/detection.yaml", ("parameters", "temperature", "critical_threshold"), 10, "must rise"),
        ("ooda/loss_function.yaml", ("weights", "w_energy"), -1, "w_energy"),
        ("ooda/loss_function.yaml", ("constraints", "working_hours", "timezone"), "Mars", "IANA"),
        ("ooda/loss_function.yaml", ("thresholds", "severity_minor"), 0.9, "must rise"),
        ("ooda/causes.yaml", ("unknown_pattern", "crew_size"), 0, "crew_size"),
        ("services.yaml", ("detect", "memory"), 99999, "memory"),
    ],
)
def test_an_impossible_value_names_file_key_and_reason(
    name: str, path: tuple[str, ...], value: Any, problem: str
) -> None:
    broken = document(name)
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(InvalidConfiguration, match=problem) as caught:
        validated(validate.config_files()[name], broken, name)
    assert str(caught.value).startswith(name)


def test_a_part_listed_twice_is_refused() -> None:
    broken = document("ooda/parts.yaml")
    broken["parts"].append(broken["parts"][0])
    with pytest.raises(InvalidConfiguration, match="listed twice"):
        validated(parts.PartsCatalogue, broken, "ooda/parts.yaml")


@pytest.mark.parametrize(("text", "value"), [("0.7", 0.7), (None, 0.5)])
def test_the_threshold_of_parameter_store_wins(
    monkeypatch: pytest.MonkeyPatch, text: str | None, value: float
) -> None:
    monkeypatch.setattr(parameters, "parameter", lambda name: text)
    assert detection.detection_threshold() == value


@pytest.mark.parametrize("text", ["high", "1.5", "-0.1", "nan"])
def test_a_wrong_threshold_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(parameters, "parameter", lambda name: text)
    with pytest.raises(InvalidConfiguration, match="detection-threshold"):
        detection.detection_threshold()


def test_weights_are_overridden_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "parameter", lambda name: '{"w_cost": 0.9}')
    weights = loss_function.loss_weights()
    assert (weights.w_cost, weights.w_energy) == (0.9, 1.0)
    for wrong in ("[]", "{", '{"w_speed": 1}'):
        monkeypatch.setattr(parameters, "parameter", lambda name, text=wrong: text)
        with pytest.raises(InvalidConfiguration, match="loss-function-weights"):
            loss_function.loss_weights()


def test_an_asset_registry_names_what_is_wrong() -> None:
    good = {"id": "A", "capacity_kw": 5}
    assert AssetRegistry.parse({"assets": [good]}).get("A") is not None
    for wrong, problem in (
        ([{"id": "A"}], "capacity_kw"),
        ([good, good], "twice"),
        ([{**good, "id": "../etc"}], "id"),
        ([{**good, "location": {"latitude": 99, "longitude": 0}}], "latitude"),
        ([{**good, "colour": "red"}], "colour"),
    ):
        with pytest.raises(InvalidConfiguration, match=problem):
            AssetRegistry.parse({"assets": wrong})


def test_a_payload_that_breaks_its_contract_names_every_wrong_field() -> None:
    with pytest.raises(InvalidPayload, match=r"source\.key.*execution_id"):
        DetectRequest.read({"source": {"bucket": "bucket"}, "file_id": "0" * 16})
    for event in (None, [], "text", 7):
        with pytest.raises(InvalidPayload):
            DetectRequest.read(event, "event")


def test_table_items_read_back_as_written() -> None:
    value = {"a": 1.5, "b": [1, {"c": "x"}], "d": None, "e": True, "f": {"g": 0.1}}
    assert from_item(to_item(value)) == value


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        ("observations/2025/01/15/INV-001_20250115.csv", "2025/01/15"),
        ("observations/2025/13/45/x.csv", "2025/06/10"),
        ("observations/../../etc/passwd.csv", "2025/06/10"),
        ("x.csv", "2025/06/10"),
    ],
)
def test_output_folders_follow_real_dates_only(key: str, folder: str) -> None:
    assert f"{day_of(key, DAY.date()):%Y/%m/%d}" == folder


def test_file_ids_differ_by_version() -> None:
    one, two = file_id("b", "k", "1"), file_id("b", "k", "2")
    assert one != two
    assert len(one) == 16


@pytest.mark.parametrize("written", ["22:00", '"22:00"', "'22:00:00'", "22:00:00"])
def test_a_time_of_day_is_the_same_with_and_without_quotes(tmp_path: Path, written: str) -> None:
    """To YAML 1.1 the bare 22:00 is the number 1320: a turn of the rota began at 00:22."""
    text = (ROOT / "configs/operations/maintenance.yaml").read_text().replace("windows: []", "windows:")
    path = tmp_path / "maintenance.yaml"
    path.write_text(f"{text}  - {{name: b, days: [sunday], hours: 2, why: x, start: {written}}}\n")
    window = validated(maintenance.Maintenance, read_yaml(path), "maintenance.yaml").windows[0]
    assert (window.start.hour, window.start.minute, window.start.tzinfo) == (22, 0, None)


@pytest.mark.parametrize(
    "written", ["22", "1320", "22.5", '"22:00Z"', '"22:00+02:00"', "noon", "[22]", "null"]
)
def test_what_is_no_time_of_day_is_refused_with_an_example(written: str) -> None:
    value = yaml.safe_load(written)
    with pytest.raises(InvalidConfiguration, match=r"at: .*write it as \"22:00\""):
        validated(Digest, {"at": value, "days": ["monday"]}, "notifications.yaml")


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text("zone: Africa/Johannesburg\nwindows: []\nzone: Europe/Lisbon\n")
    with pytest.raises(InvalidConfiguration, match=r"line 3, .*line 1 has the key zone already"):
        read_yaml(path)
    path.write_text("a: {zone: x}\nb: {zone: y}\nbase: &base {n: 1}\nc: {<<: *base, n: 2}\n")
    assert read_yaml(path)["c"] == {"n": 2}, "the same key elsewhere, and a merged one, are no second"
    path.write_text("d: &d {a: 1}\ng: {one: &one {<<: *d, a: 2}}\ntwo: {<<: *one, b: 3}\n")
    assert read_yaml(path)["two"] == {"a": 2, "b": 3}, "a mapping that another one merges is looked at once"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("maintenance.yaml", "- {only: [odaa]}", "no alert has the name odaa; near it: ooda"),
        ("maintenance.yaml", "- {only: [ooda, function_errors]}", ""),
        ("emergency.yaml", "  delivery: x", "no function or workflow is named delivery; there are "),
        ("emergency.yaml", "  deliver: x", ""),
    ],
)
def test_a_name_that_nothing_has_is_found_before_it_is_deployed(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    base = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", base)
    path = base / "operations" / name
    before = path.read_text()
    if name == "maintenance.yaml":
        window = text.replace("{", "{name: b, days: [sunday], hours: 2, why: x, start: 22:00, ")
        path.write_text(before.replace("windows: []", f"windows:\n  {window}"))
    else:
        path.write_text(before.replace("  deliver:", f"{text}\n  #"))
    found = validate.configurations(base)
    assert any(problem in one for one in found) if problem else found == []
