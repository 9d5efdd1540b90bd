"""Two environments of one account share CloudWatch: what one measures rings no alarm of the other.

The metrics are read from what a function prints, in the embedded metric format of CloudWatch's user guide.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.builders.deployed import of_type
from tests.paths import ROOT

PROGRAM = """
from ona.runtime.observability import count, handler, metric_of

class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "f", 128, "arn", "1"

@handler
def work(event, context):
    count("Counted", 1)
    metric_of("Published", 2, {"HorizonHours": "24"})

work({}, Context())
work({}, Context())
"""
OURS = {
    name: dict(item["Properties"])
    for name, item in of_type("AWS::CloudWatch::Alarm").items()
    if str(item["Properties"].get("Namespace", "")).startswith("Ona/")
}


def measured(environment: str) -> dict[str, list[dict[str, str]]]:
    """The dimensions with their values, by metric, of each time it was written."""
    variables = {
        **os.environ,
        "ONA_ENVIRONMENT": environment,
        "POWERTOOLS_SERVICE_NAME": "work",
        "POWERTOOLS_METRICS_NAMESPACE": "Ona/Platform",
        "PYTHONPATH": str(ROOT / "functions"),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=True
    )
    found: dict[str, list[dict[str, str]]] = {}
    for line in done.stdout.splitlines():
        written: dict[str, Any] = json.loads(line)
        for directive in written.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                for names in directive["Dimensions"]:
                    found.setdefault(metric["Name"], []).append({name: written[name] for name in names})
    return found


def test_every_metric_of_ours_says_of_which_environment_it_is() -> None:
    of_prod = measured("prod")
    assert of_prod.pop("ColdStart") == [{"function_name": "f", "service": "work"}], "a name says it already"
    assert of_prod == {
        "Counted": [{"environment": "prod", "service": "work"}] * 2,
        "Published": [{"environment": "prod", "service": "work", "HorizonHours": "24"}] * 2,
    }
    assert {row["environment"] for row in measured("dev")["Counted"]} == {"dev"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_an_alarm_on_a_metric_of_ours_hears_its_own_environment_alone(name: str) -> None:
    dimensions = {item["Name"]: item["Value"] for item in OURS[name]["Dimensions"]}
    assert dimensions["environment"] == {"Ref": "Environment"}
    assert isinstance(dimensions["service"], str)
