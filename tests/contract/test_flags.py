"""Feature flags: what code asks for, what is declared, and what the stacks let it ask are the same."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft4Validator

from ona.config.flags import FlagName
from tests.builders.deployed import RESOURCES, functions, of_type
from tests.builders.flags import only
from tests.contract.test_packages import FOLDERS, reached
from tests.paths import ROOT

FILE = ROOT / "configs" / "operations" / "flags.yaml"
DECLARED = yaml.safe_load(FILE.read_text())
READER = ROOT / "functions" / "ona" / "config" / "flags.py"


def asked(text: str) -> Iterator[str]:
    """The flags that a module asks for: `enabled("name")`, `behind="name"`, and tables of FlagName."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0] if name == "enabled" and node.args else None
            given = [first, *(key.value for key in node.keywords if key.arg == "behind")]
            yield from (str(one.value) for one in given if isinstance(one, ast.Constant) and one.value)
        if isinstance(node, ast.AnnAssign) and "FlagName]" in ast.unparse(node.annotation):
            assert isinstance(node.value, ast.Dict)
            yield from (str(one.value) for one in node.value.values if isinstance(one, ast.Constant))


def of_files(paths: Iterator[Path]) -> set[str]:
    return {name for path in paths if path != READER for name in asked(path.read_text())}


def test_what_is_declared_is_asked_for_and_nothing_else() -> None:
    in_code = of_files((ROOT / "functions").rglob("*.py"))
    assert in_code - set(DECLARED) == set(), "code asks for a flag that nobody declared"
    assert set(DECLARED) - in_code == set(), "no code asks for this flag"
    assert set(DECLARED) == set(get_args(FlagName))


def test_the_search_finds_each_way_to_ask() -> None:
    text = """
OF: dict[str, flags.FlagName] = {"a": "one"}
OTHER: dict[str, str] = {"a": "no"}
flags.enabled("two", who)
api.route("GET", "/x", behind="three")
other("four")
enabled(name)
"""
    assert set(asked(text)) == {"one", "two", "three"}


def test_a_function_that_asks_may_and_no_other_does() -> None:
    asking = set()
    for name, folder in FOLDERS.items():
        ours, _ = reached(folder / "handler.py", at_top=False)
        if of_files(iter(ours)):
            asking.add(name)
    may = set()
    for properties in functions().values():
        variables = properties["Environment"]["Variables"]
        statements = [s for policy in properties.get("Policies", []) for s in policy["Statement"]]
        actions = {
            a for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
        }
        wanted = {"appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"}
        assert ("FLAGS" in variables) == (wanted <= actions), properties["FunctionName"]
        if "FLAGS" in variables:
            may.add(properties["Handler"].split(".")[1])
    assert asking <= may, "it asks, and gets the defaults for ever"
    assert may <= asking, "it may ask, and does not"


def test_the_authorizer_does_not_ask() -> None:
    ours, _ = reached(FOLDERS["api_authorizer"] / "handler.py", at_top=False)
    assert READER not in ours


def profile() -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES["OpsFlagsProfile"]["Properties"]
    return found


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        ({name: {"default": flag["default"]} for name, flag in DECLARED.items()}, True),
        ({"experts": only(False, "acme")}, True),
        ({}, False),
        ({"experts": {"rules": {}}}, False),
        ({"experts": {"default": "yes"}}, False),
        ({"experts": {"default": True, "more": 1}}, False),
        ({"Experts": {"default": True}}, False),
        ({"experts": {"default": True, "rules": {"r": {"when_match": True, "conditions": []}}}}, False),
    ],
)
def test_the_schema_of_the_profile_takes_flags_and_nothing_else(document: Any, fits: bool) -> None:
    [text] = [item["Content"] for item in profile()["Validators"] if item["Type"] == "JSON_SCHEMA"]
    schema = json.loads(text)
    assert schema["$schema"] == "http://json-schema.org/draft-04/schema#", "AppConfig knows no other"
    Draft4Validator.check_schema(schema)
    assert Draft4Validator(schema).is_valid(document) is fits


def test_what_appconfig_limits() -> None:
    """At most two validators and five monitors (API reference: ValidatorList, MonitorList)."""
    assert len(profile()["Validators"]) == 2
    monitors = RESOURCES["OpsFlagsFeatures"]["Properties"]["Monitors"]
    assert len(monitors) <= 5
    assert "Monitors" not in RESOURCES["OpsFlagsMaintenance"]["Properties"], "no alarm ends maintenance"
    names = {str(item["AlarmArn"]["Fn::Sub"]).rsplit(":", 1)[1] for item in monitors}
    alarms = [item["Properties"]["AlarmName"] for item in of_type("AWS::CloudWatch::Alarm").values()]
    assert names <= {str(name.get("Fn::Sub")) for name in alarms if isinstance(name, dict)}


def test_nothing_deployed_takes_back_what_people_have_set() -> None:
    kinds = {item["Type"] for item in RESOURCES.values()}
    assert "AWS::AppConfig::Deployment" not in kinds
    assert "AWS::AppConfig::HostedConfigurationVersion" not in kinds
