"""What scales, by the templates alone: tables and indexes, maps, the cache of answers, and who is woken.

The page's table of values by environment is compared with samconfig.toml and the defaults.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders.deployed import ROOT_TEMPLATE, STACKS, of_type, state_machines, states
from tests.paths import ROOT

SCALING = STACKS["operations_scaling"]["Resources"]
SIDES = ("Read", "Write")


def places() -> Iterator[tuple[str, str]]:
    """Every table of every stack, and every index of it: (the root's name of it, the index or "")."""
    for stack in STACKS.values():
        names = {item["Value"].get("Ref"): name for name, item in stack.get("Outputs", {}).items()}
        for name, item in stack["Resources"].items():
            if item["Type"] == "AWS::DynamoDB::Table":
                yield names[name], ""
                for index in item["Properties"].get("GlobalSecondaryIndexes", []):
                    yield names[name], index["IndexName"]


def test_every_table_and_index_has_its_targets() -> None:
    wanted = {
        (f"table/${{{table}}}" + (f"/index/{index}" if index else ""), side)
        for table, index in places()
        for side in SIDES
    }
    found, held = {}, {}
    for name, item in SCALING.items():
        properties = item["Properties"]
        if item["Type"].endswith("ScalableTarget"):
            resource = properties["ResourceId"]["Fn::Sub"]
            kind = "index" if "/index/" in resource else "table"
            side = re.fullmatch(
                rf"dynamodb:{kind}:(Read|Write)CapacityUnits", properties["ScalableDimension"]
            )
            assert side, f"{name}: {properties['ScalableDimension']}"
            bounds = [properties[f"{end}Capacity"]["Ref"] for end in ("Min", "Max")]
            assert bounds == [f"Table{side[1]}Min", f"Table{side[1]}Max"], name
            found[name] = (resource, side[1])
        else:
            metric = properties["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
            held[properties["ScalingTargetId"]["Ref"]] = metric["PredefinedMetricType"]
    assert set(found.values()) == wanted
    assert held == {name: f"DynamoDB{side}CapacityUtilization" for name, (_, side) in found.items()}
    given = ROOT_TEMPLATE["Resources"]["OperationsScaling"]
    assert given["Condition"] == "ProvisionsTables"
    for table, _ in places():
        where = given["Properties"]["Parameters"][table]["Fn::GetAtt"]
        assert (where if isinstance(where, str) else ".".join(where)).endswith(f".Outputs.{table}")


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_is_paid_as_the_parameter_says(name: str) -> None:
    properties = of_type("AWS::DynamoDB::Table")[name]["Properties"]
    assert properties["BillingMode"] == {"Ref": "TableBilling"}
    for each in (properties, *properties.get("GlobalSecondaryIndexes", [])):
        condition, units, otherwise = each["ProvisionedThroughput"]["Fn::If"]
        assert condition == "ProvisionsTables"
        assert units == {f"{side}CapacityUnits": {"Ref": f"Table{side}Min"} for side in SIDES}
        assert otherwise == {"Ref": "AWS::NoValue"}, "on demand a table takes no units"


def test_a_distributed_map_runs_as_many_as_the_parameter_says() -> None:
    seen = 0
    for path, properties in state_machines():
        for _, state in states(json.loads(path.read_text("utf-8"))):
            mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode")
            if mode == "DISTRIBUTED":
                seen += 1
                assert state["MaxConcurrency"] == "{% ${MapConcurrency} %}", path.name
                given = properties["DefinitionSubstitutions"]["MapConcurrency"]["Ref"]
                assert given in ROOT_TEMPLATE["Parameters"]
    assert seen == 3


def settings(api: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """What an API caches, by method and path; a path has "~1" for each slash but the first."""
    return {
        (item["HttpMethod"], item["ResourcePath"].replace("~1", "/").replace("//", "/")): item[
            "CachingEnabled"
        ]
        for item in api["Properties"]["MethodSettings"]
        if "CachingEnabled" in item
    }


def test_only_forecasts_by_key_are_cached_and_each_key_has_its_own() -> None:
    apis = of_type("AWS::Serverless::Api")
    cached = {name: found for name, api in apis.items() if (found := settings(api))}
    assert set(cached) == {"Api"}, "by signature, nothing that may be a cache key says who calls"
    assert {name for name, api in apis.items() if "CacheClusterEnabled" in api["Properties"]} == {"Api"}
    api = apis["Api"]["Properties"]
    authorizer = api["Auth"]["Authorizers"][api["Auth"]["DefaultAuthorizer"]]
    assert authorizer["Identity"]["ReauthorizeEvery"] == 0, "a revoked key is refused at once"
    documented = json.loads((ROOT / "docs/openapi.json").read_text("utf-8"))["paths"]
    assert set(cached["Api"]) == {("GET", "/forecast"), ("GET", "/forecast/accuracy")}
    for _, path in cached["Api"]:
        operation = api["DefinitionBody"]["paths"][path]["get"]
        keys = set(operation["x-amazon-apigateway-integration"]["cacheKeyParameters"])
        asked = {item["name"] for item in documented[path]["get"]["parameters"] if item["in"] == "query"}
        queries = {f"method.request.querystring.{name}" for name in {*asked, "api_key"}}
        headers = {f"method.request.header.{name}" for name in ("X-API-Key", "Origin")}
        assert keys == queries | headers, "what an answer depends on, and who asks"
        places = {"query": "querystring", "header": "header"}
        declared = {
            f"method.request.{places[item['in']]}.{item['name']}" for item in operation["parameters"]
        }
        assert declared == keys, "a cache key is a declared parameter of the method"
        assert "security" not in operation, "it wants a key"


def test_without_alerting_no_event_and_no_timer_starts_an_alert() -> None:
    resources = STACKS["operations_alerts"]["Resources"]
    events = [
        event["Properties"]
        for item in resources.values()
        for event in item.get("Properties", {}).get("Events", {}).values()
    ]
    assert len(events) == 3
    assert all(event["State"] == {"Fn::If": ["Alerts", "ENABLED", "DISABLED"]} for event in events)
    rule = ROOT_TEMPLATE["Rules"]["ProductionAlerts"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Equals": [{"Ref": "Alerting"}, "on"]}


def page_values() -> dict[str, list[str]]:
    """The page's table of values: each parameter with its values in dev, staging and prod."""
    page = (ROOT / "docs/operations/deploy.md").read_text("utf-8").partition("## Values of scale")[2]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|", page, re.MULTILINE)
    return {name: [value.strip("`") for value in values] for name, *values in rows}


def test_the_page_has_each_value_as_each_environment_deploys_it() -> None:
    settings_of = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    known = ROOT_TEMPLATE["Parameters"]
    found = page_values()
    scale = {
        name for name in known if re.match(r"Reserved|Forecasts|Table|Api(Rate|Burst|Cache)|Alerting", name)
    }
    assert set(found) == scale | {
        "MapConcurrency",
        "OrdersAtOnce",
        "SitesAtOnce",
        "LogSampleRate",
        "MonthlyBudgetUsd",
        "Tracing",
    }
    for n, environment in enumerate(("dev", "staging", "prod")):
        text = settings_of[environment]["deploy"]["parameters"]["parameter_overrides"]
        given = dict(word.split("=", 1) for word in text.split())
        for name, values in found.items():
            assert values[n] == given.get(name, str(known[name]["Default"])), f"{name} in {environment}"
