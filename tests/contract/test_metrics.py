"""Two environments of one account share CloudWatch: what one measures rings no alarm of the other.

The metrics are read from what a function prints, in the embedded metric format of CloudWatch's user guide.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from typing import Any, get_args

import pytest

from ona.runtime.errors import InvalidConfiguration
from ona.runtime.metric_table import METRICS
from ona.runtime.observability import count, measure
from ooda.documents.schedules import Job
from ops import metrics
from tests.builders.deployed import of_type
from tests.paths import ROOT

PROGRAM = """
from ona.runtime.metric_table import ENERGY_AT_RISK, FORECAST_ACCURACY
from ona.runtime.observability import count, handler, measure

class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "f", 512, "arn", "1"

@handler
def work(event, context):
    count("WorkOrdersCreated", 1)
    measure(ENERGY_AT_RISK, 7.5, RiskCategory="major")
    measure(ENERGY_AT_RISK, 2.5, RiskCategory="major")
    measure(FORECAST_ACCURACY, 91, HorizonHours="24", CustomerId="c1")
    if event.get("wrong"):
        raise ValueError("on purpose")
    return event

work({}, Context())
work({"statusCode": 503}, Context())
try:
    work({"wrong": True}, Context())
except ValueError:
    pass
"""
OURS = {
    name: dict(item["Properties"])
    for name, item in of_type("AWS::CloudWatch::Alarm").items()
    if str(item["Properties"].get("Namespace", "")).startswith("Ona/")
}


Rows = dict[tuple[str, str], list[tuple[dict[str, str], Any]]]


def measured(environment: str) -> Rows:
    """Dimensions and values, by namespace and metric, of each time that one was written."""
    variables = {
        **os.environ,
        "ONA_ENVIRONMENT": environment,
        "POWERTOOLS_SERVICE_NAME": "work",
        "PYTHONPATH": str(ROOT / "functions"),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=True
    )
    found: Rows = {}
    for line in done.stdout.splitlines():
        written: dict[str, Any] = json.loads(line)
        for directive in written.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                for names in directive["Dimensions"]:
                    row = {name: written[name] for name in names}, written[metric["Name"]]
                    found.setdefault((directive["Namespace"], metric["Name"]), []).append(row)
    return found


def test_every_metric_of_ours_says_of_which_environment_it_is() -> None:
    of_prod = measured("prod")
    cold = of_prod.pop(("Ona/Platform", "ColdStart"))
    assert [row for row, _ in cold] == [{"function_name": "f", "service": "work"}], "a name says it already"
    times = of_prod.pop(("Ona/Performance", "FunctionExecutionTime"))
    memory = of_prod.pop(("Ona/Performance", "MemoryUtilization"))
    common = {"environment": "prod", "service": "work"}
    assert of_prod == {
        ("Ona/Platform", "WorkOrdersCreated"): [(common, [1.0])] * 3,
        ("Ona/Platform", "EnergyAtRisk"): [({**common, "RiskCategory": "major"}, [7.5, 2.5])] * 3,
        ("Ona/Platform", "ForecastAccuracy"): [
            ({**common, "HorizonHours": "24"}, [91.0]),
            ({**common, "HorizonHours": "24", "CustomerId": "c1"}, [91.0]),
        ]
        * 3,
    }
    assert [row["Status"] for row, _ in times] == ["Success", "Error", "Error"], "503 and an exception"
    assert all(row == {**common, "FunctionName": "f"} and 0 < value[0] < 100 for row, value in memory)
    assert {row["environment"] for row, _ in measured("dev")["Ona/Platform", "WorkOrdersCreated"]} == {
        "dev"
    }


def test_a_metric_that_the_table_does_not_have_cannot_be_published() -> None:
    with pytest.raises(InvalidConfiguration, match="metric_table"):
        count("WorkOrdersCreatde", 1)
    with pytest.raises(InvalidConfiguration, match="RiskCategory"):
        measure(METRICS["EnergyAtRisk"], 1.0)
    with pytest.raises(InvalidConfiguration, match="AssetId"):
        measure(METRICS["DataAccuracy"], 1.0, AssetId="INV-001")


def written_names() -> list[tuple[str, str]]:
    """Every name that code gives to `count`, with its file. A name made of parts stands as its pattern."""
    found = []
    for path in sorted((ROOT / "functions").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "count":
                for given in node.args[:1]:
                    if isinstance(given, ast.Constant):
                        found.append((str(path.relative_to(ROOT)), re.escape(str(given.value))))
                    elif isinstance(given, ast.JoinedStr):
                        parts = (
                            re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+"
                            for part in given.values
                        )
                        found.append((str(path.relative_to(ROOT)), "".join(parts)))
    return found


def test_every_name_that_a_function_counts_is_in_the_table() -> None:
    names = written_names()
    assert len(names) > 20, "the scan finds calls"
    missing = [one for one in names if not any(re.fullmatch(one[1], name) for name in METRICS)]
    assert missing == []


def test_a_metric_for_each_decision_of_a_plan_and_each_count_of_a_reconciliation() -> None:
    decisions = get_args(Job.model_fields["decision"].annotation)
    assert len(decisions) > 2
    for decision in decisions:
        assert f"Jobs{decision.title().replace('_', '')}" in METRICS
    assert {"ReconcileMended", "ReconcileMendsFailed", "ReconcileToDecide"} <= set(METRICS)
    assert {"Delivered", "DeliveriesFailed", "DeliveriesDead"} <= set(METRICS)


def test_the_guides_names_are_there_and_no_dimension_grows_with_the_fleet() -> None:
    guide = {
        "DetectionLatency": {"Ona/Platform", "Ona/Detection"},
        "DetectionSeverity": {"Ona/Platform"},
        "ForecastAccuracy": {"Ona/Platform"},
        "EnergyAtRisk": {"Ona/Platform"},
        "FunctionExecutionTime": {"Ona/Performance"},
        "MemoryUtilization": {"Ona/Performance"},
        "DataCompleteness": {"Ona/DataQuality"},
        "DataAccuracy": {"Ona/DataQuality"},
    }
    for name, namespaces in guide.items():
        assert set(METRICS[name].namespaces) == namespaces, name
    used = {name for metric in METRICS.values() for names in metric.dimensions for name in names}
    assert used == {
        "FunctionName",
        "Status",
        "RiskCategory",
        "HorizonHours",
        "CustomerId",
        "Family",
        "Kind",
    }


def test_the_page_is_written_from_the_table() -> None:
    assert metrics.main(["--check"]) == 0, "run `python -m ops.metrics`"


@pytest.mark.parametrize("name", sorted(OURS))
def test_an_alarm_on_a_metric_of_ours_hears_its_own_environment_alone(name: str) -> None:
    dimensions = {item["Name"]: item["Value"] for item in OURS[name]["Dimensions"]}
    assert dimensions["environment"] == {"Ref": "Environment"}
    metric = METRICS[OURS[name]["MetricName"]]
    assert OURS[name]["Namespace"] in metric.namespaces
    assert dimensions["service"] in metric.services or metric.services == ("every function",)
    assert {*dimensions} - {"environment", "service"} in [set(names) for names in metric.dimensions]
