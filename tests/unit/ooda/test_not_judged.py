"""An asset whose day nothing could be compared with is told with its reason, up to the file's outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ona.documents.assets import AssetRegistry
from ona.store.s3 import write_bytes, write_json
from ooda.detect import not_judged
from ooda.detect.handler import lambda_handler as detect
from ooda.documents.detections import AssetDetection
from ooda.payloads import DetectResult
from ops import asl
from ops.accounting import Outcome
from tests.builders.assets import make_asset, make_registry
from tests.builders.detection import judge
from tests.builders.telemetry import dead_from, sunny_day, to_csv
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import IN, create_table
from tests.fakes.walker import Failed, Walk, after

FILE = "observations/2025/06/10/INV-001_20250610.csv"
TURBINE = AssetRegistry(assets=[make_asset(type="Wind Turbine")])
OVER = "1 fault already over (INV-001 outage 609 kWh): nobody is sent"
LONE = "1 of 1 asset not judged: no irradiance, no neighbours, no forecast (INV-001)"


def dark(number: int = 1) -> pd.DataFrame:
    """A day of so many inverters that stand from nine o'clock on, without irradiance."""
    return pd.concat([dead_from(9, f"INV-{n + 1:03d}") for n in range(number)]).drop(
        columns="irradiance_w_m2"
    )


def forecast(days: int = 0) -> dict[str, pd.Series]:
    """What the platform predicts, for so many days later."""
    day = sunny_day()
    times = day["timestamp"] + timedelta(days=days)
    return {"INV-001": pd.Series(day["power_kw"].to_numpy(), index=times)}


def some_irradiance() -> pd.DataFrame:
    """The sensor reports in the early morning only."""
    day = dead_from(9)
    return day.assign(irradiance_w_m2=day["irradiance_w_m2"].where(day["timestamp"].dt.hour < 7))


def windy() -> pd.DataFrame:
    return dark().assign(wind_speed_m_s=7.0 + np.arange(96) % 5)


def night() -> pd.DataFrame:
    day = dark()
    return day[day["timestamp"].dt.hour.isin([0, 1, 2, 19, 20, 21, 22, 23])]


def one_without() -> pd.DataFrame:
    """Of two inverters one has no irradiance."""
    return pd.concat([sunny_day("INV-001"), dark(2).query("asset_id == 'INV-002'")])


CASES: dict[str, tuple[Callable[[], dict[str, AssetDetection]], str]] = {
    "a lone inverter": (lambda: judge(dark()), LONE),
    "two beside it": (
        lambda: judge(dark(3)),
        "3 of 3 assets not judged: no irradiance, too few neighbours, no forecast "
        "(INV-001, INV-002, INV-003)",
    ),
    "a sensor that fell silent": (
        lambda: judge(some_irradiance()),
        "1 of 1 asset not judged: irradiance in less than half of the daylight, no neighbours, no forecast "
        "(INV-001)",
    ),
    "a forecast of other hours": (
        lambda: judge(dark(), forecasts=forecast(days=9)),
        "1 of 1 asset not judged: no irradiance, no neighbours, no forecast of these hours (INV-001)",
    ),
    "a turbine without wind speed": (
        lambda: judge(dark(), TURBINE),
        "1 of 1 asset not judged: no wind speed, no neighbours, no forecast (INV-001)",
    ),
    # distractors
    "one of two, by the other's sensor": (lambda: judge(one_without()), ""),
    "judged by irradiance": (lambda: judge(dead_from(9)), ""),
    "judged by neighbours": (lambda: judge(dark(6)), ""),
    "judged by a forecast": (lambda: judge(dark(), forecasts=forecast()), ""),
    "a turbine judged by wind": (lambda: judge(windy(), TURBINE), ""),
    "a night": (lambda: judge(night()), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_who_was_not_judged_is_told_with_the_reason(case: str) -> None:
    judged, told = CASES[case]
    assert not_judged.summary([asset for _, asset in sorted(judged().items())]) == told


def test_many_assets_are_counted_and_few_are_named() -> None:
    one = judge(dark())["INV-001"]
    fleet = [one.model_copy(update={"asset_id": f"INV-{n:03d}"}) for n in range(1000)]
    told = not_judged.summary(fleet)
    assert told.startswith("1000 of 1000 assets not judged: no irradiance, ")
    assert told.endswith("(INV-000, INV-001, INV-002 and 997 more)")


@pytest.mark.parametrize("with_irradiance", [False, True])
def test_detect_hands_it_on(
    with_irradiance: bool, acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_table("weather", "location_timestamp")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")
    write_json(IN, "assets.json", make_registry(1).model_dump(mode="json", exclude_none=True))
    write_bytes(IN, FILE, to_csv(dead_from(9) if with_irradiance else dark()), "text/csv")
    source = {"bucket": IN, "key": FILE, "version_id": ""}
    answer = detect({"source": source, "file_id": "0" * 16, "execution_id": "execution-1"}, Context())
    told = ("found", "") if with_irradiance else ("nothing_found", LONE)
    assert (answer["status"], answer["not_judged"]) == told


def test_an_answer_of_before_still_reads() -> None:
    pointer = {"bucket": "out", "key": "detections/x.json"}
    old = {"status": "nothing_found", "detection": pointer, "detection_id": "det-1"}
    assert DetectResult.read({**old, "assets": 1, "incidents": 0, "actionable": 0}, "x").not_judged == ""


WALKS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    # what Detect answers -> how accounting tells the outcome
    "not judged": ({"status": "nothing_found", "not_judged": LONE}, ("done", f"nothing found; {LONE}")),
    "found beside it": ({"status": "found", "not_judged": LONE}, ("done", f"found; {LONE}")),
    "all judged": ({"status": "nothing_found", "not_judged": ""}, ("done", "nothing found")),
    "over": ({"status": "nothing_found", "over": OVER}, ("done", f"found: {OVER}")),
    "over beside others": ({"status": "found", "over": OVER}, ("done", f"found: {OVER}")),
    "nothing over": ({"status": "nothing_found", "over": ""}, ("done", "nothing found")),
    "a function of before": ({"status": "nothing_found"}, ("done", "nothing found")),
    "a function of before, found": ({"status": "found"}, ("done", "found")),
}


@pytest.mark.parametrize("case", WALKS)
def test_the_outcome_holds_it(case: str) -> None:
    definition = asl.expanded(next(path for path in asl.sources() if path.name == "ooda.asl.yaml"))
    answer, told = WALKS[case]
    bodies: list[Any] = []

    def effect(resource: str, arguments: dict[str, Any]) -> Any:
        if resource.endswith("lambda:invoke"):
            lists = {name: [] for name in ("diagnostics", "jobs")}
            counts = dict.fromkeys(("deferred", "already_ordered", "unschedulable"), 0)
            return {"Payload": {**answer, **lists, **counts, "detection": {}, "schedule": {}}}
        if resource.endswith("s3:putObject"):
            bodies.append(json.loads(json.dumps(arguments["Body"])))
        elif not resource.endswith("events:putEvents"):
            raise Failed("Unexpected", resource)
        return {}

    event = {"detail": {"bucket": {"name": "${InputBucket}"}, "object": {"key": FILE, "size": 3}}}
    context = {"Execution": {"Id": "arn:x", "Name": "x"}, "StateMachine": {"Id": "arn:m"}}
    Walk(definition, context, effect, after(-1)).run(event)
    [body] = bodies
    assert Outcome.read(body, "outcome").told == told
