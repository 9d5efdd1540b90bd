"""No function, workflow, API or queue without its alarms; no alarm without a runbook page.

What each must have is written here from the issue's list, not read from `configs/operations/alarms.yaml`.
Whether an alarm rings is judged by `tests/fakes/cloudwatch.py`, minute by minute.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.alarms.expressions import evaluated
from ona.runtime.errors import InvalidConfiguration
from ops.watch.read import NotWatchable
from ops.watch.write import outputs, plan
from tests.builders.deployed import RESOURCES, STACKS, of_type
from tests.fakes.cloudwatch import rings
from tests.paths import ROOT

LAMBDA, STATES, APIS, SQS = "AWS/Lambda", "AWS/States", "AWS/ApiGateway", "AWS/SQS"
NEEDED = {
    "AWS::Serverless::Function": ("FunctionName", LAMBDA, {"Errors", "Throttles", "Duration"}),
    "AWS::Serverless::StateMachine": (
        "Name",
        STATES,
        {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"},
    ),
    "AWS::Serverless::Api": ("Name", APIS, {"5XXError", "4XXError", "Latency"}),
    "AWS::SQS::Queue": ("QueueName", SQS, {"NumberOfMessagesSent", "ApproximateNumberOfMessagesVisible"}),
}
"""By type: the property with its name, its metrics' namespace, the metrics that must have an alarm."""
ALARMS = {name: item["Properties"] for name, item in of_type("AWS::CloudWatch::Alarm").items()}
COMPOSITES = {name: item["Properties"] for name, item in of_type("AWS::CloudWatch::CompositeAlarm").items()}
EVERY = ALARMS | COMPOSITES
PLAIN = sorted(name for name in STACKS["watch"]["Resources"] if "Statistic" in ALARMS.get(name, {}))
"""Written by rules. Percentiles and sums are not: tests/fakes/cloudwatch.py knows neither."""
CATALOGUE = yaml.safe_load((ROOT / "configs" / "operations" / "catalogue.yaml").read_text())
BOOK = re.compile(r"Runbook: (docs/operations/symptoms/([a-z-]+)\.md)$")


def named(value: Any) -> str:
    """The name that a dimension has, the environment as a substitution: `!Sub`, `!Ref` or `!GetAtt`."""
    if isinstance(value, str):
        return value
    if "Fn::Sub" in value:
        return str(value["Fn::Sub"]).rpartition(":")[2]
    logical = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
    if logical == "Environment":
        return "${Environment}"
    item = RESOURCES[logical]
    if item["Type"] not in NEEDED:
        return str(logical)
    return str(item["Properties"][NEEDED[item["Type"]][0]]["Fn::Sub"])


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Each metric that an alarm looks at: one, or those of its sum."""
    if "Metrics" not in alarm:
        return [alarm]
    return [item["MetricStat"]["Metric"] for item in alarm["Metrics"] if "MetricStat" in item]


def watched() -> dict[tuple[str, str], set[str]]:
    """By namespace and name of a resource, the metrics that have an alarm."""
    found: dict[tuple[str, str], set[str]] = {}
    for alarm in ALARMS.values():
        for metric in metrics_of(alarm):
            for dimension in metric["Dimensions"]:
                key = (metric["Namespace"], named(dimension["Value"]))
                found.setdefault(key, set()).add(metric["MetricName"])
    return found


WATCHED = watched()


@pytest.mark.parametrize(
    "logical", sorted(name for name, item in RESOURCES.items() if item["Type"] in NEEDED)
)
def test_everything_that_runs_has_its_alarms(logical: str) -> None:
    item = RESOURCES[logical]
    named_by, namespace, metrics = NEEDED[item["Type"]]
    name = item["Properties"][named_by]["Fn::Sub"]
    if namespace == SQS and "dead-letters" not in name:
        metrics = {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}  # a queue of work
    assert metrics <= WATCHED.get((namespace, name), set()), name


def timers() -> dict[str, set[str]]:
    """By what an alarm would count (metric and name), the times of each timer; those of a week are none."""
    found: dict[str, set[str]] = {}
    for item in RESOURCES.values():
        named_by = NEEDED.get(item["Type"], ("",))[0]
        for event in item.get("Properties", {}).get("Events", {}).values():
            given = event["Properties"]
            if event["Type"] == "Schedule":
                found.setdefault(f"Invocations {given['Name']['Fn::Sub']}", set()).add(given["Schedule"])
            elif event["Type"] == "ScheduleV2":
                name = item["Properties"][named_by]["Fn::Sub"]
                found.setdefault(f"ExecutionsStarted {name}", set()).add(given["ScheduleExpression"])
    return found


def test_every_table_and_every_timer_has_its_alarm() -> None:
    for item in of_type("AWS::DynamoDB::Table").values():
        name = item["Properties"]["TableName"]["Fn::Sub"]
        assert WATCHED["AWS/DynamoDB", name] == {"ReadThrottleEvents", "WriteThrottleEvents"}
    assert len(timers()) == 9
    for timer in timers():
        metric, name = timer.split()
        namespace = {"Invocations": "AWS/Events", "ExecutionsStarted": STATES}[metric]
        assert metric in WATCHED[namespace, name], timer


@pytest.mark.parametrize(
    ("about", "minutes", "enough", "other"),
    [  # a timer's alarm looks back so long; the other timer must have gone off so often
        ("deliver-timer", 15, 12, "alerts-timer"),
        ("alerts-timer", 15, 12, "deliver-timer"),
        ("site-days-timer", 15, 0.8, "weather-timer"),
        ("weather-timer", 45, 7.2, "site-days-timer"),
        ("reconcile-timer", 180, 28.8, "site-days-timer"),
        ("accuracy-timer", 1800, 288, "site-days-timer"),
        ("daily-routine-timers", 1800, 288, "site-days-timer"),
    ],
)
def test_a_timer_is_compared_with_one_that_stands_still_when_it_does(
    about: str, minutes: int, enough: float, other: str
) -> None:
    """`ona stop` leaves Deliver and the alerts' timers on, and puts all others off."""
    [alarm] = [
        a for a in ALARMS.values() if a["AlarmName"]["Fn::Sub"] == f"ona-{about}-missed-${{Environment}}"
    ]
    whole, *parts = alarm["Metrics"]
    assert {part["MetricStat"]["Period"] for part in parts} == {60 * minutes}
    assert whole["Expression"] == f"IF(beats >= {max(1, int(enough))}, FILL(runs, 0), 1)"
    beats = next(part for part in parts if part["Id"] == "beats")["MetricStat"]["Metric"]
    assert beats["Dimensions"] == [
        {"Name": "RuleName", "Value": {"Fn::Sub": f"ona-{other}-${{Environment}}"}}
    ]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")


@pytest.mark.parametrize(
    ("beats", "runs", "on"),
    [(29.0, None, True), (29.0, 1.0, False), (3.0, None, False), (None, None, False), (None, 1.0, False)],
    ids=["missed", "went off", "deployed just now", "all stand still", "the other one stands still"],
)
def test_a_timer_is_missed_only_where_the_other_went_off(
    beats: float | None, runs: float | None, on: bool
) -> None:
    alarm = ALARMS["WatchReconcileTimerTimerMissed"]
    [value] = evaluated(alarm["Metrics"][0]["Expression"], {"beats": [beats], "runs": [runs]})
    assert (value is not None and value < alarm["Threshold"]) is on


def test_a_tables_alarm_goes_off_again_though_dynamodb_says_nothing() -> None:
    """Amazon CloudWatch API, PutMetricAlarm: an alarm on AWS/DynamoDB keeps its state without data."""
    expression = ALARMS["WatchTableCrewsTableThrottled"]["Metrics"][0]["Expression"]
    series = {"reads": [2.0, None, None, 0.0], "writes": [None, None, 3.0, None]}
    assert evaluated(expression, series) == [2.0, 0.0, 3.0, 0.0]


def test_this_test_would_see_a_function_without_an_alarm() -> None:
    assert (LAMBDA, "ona-detect-${Environment}") in WATCHED
    assert (LAMBDA, "ona-detects-${Environment}") not in WATCHED, "a name that only looks alike"
    assert (STATES, "ona-detect-${Environment}") not in WATCHED, "the metric of another service"


def test_what_is_written_is_what_the_stacks_and_rules_say() -> None:
    for path, text in outputs(ROOT).items():
        assert path.read_text() == text, f"{path.name} is stale: run `make watch`"


@pytest.mark.parametrize("logical", sorted(EVERY))
def test_every_alarm_names_its_runbook_page(logical: str) -> None:
    text = EVERY[logical]["AlarmDescription"]
    found = BOOK.search(text)
    assert found, text
    assert (ROOT / found[1]).read_text().startswith("# "), "a page that says something"
    assert len(text) <= 1024, "CloudWatch API, PutMetricAlarm, AlarmDescription"


def test_names_are_unique_and_the_catalogue_has_each_with_the_page_that_its_text_names() -> None:
    deployed = {
        alarm["AlarmName"]["Fn::Sub"].replace("${Environment}", "{environment}"): BOOK.search(
            alarm["AlarmDescription"]
        )[2]  # type: ignore[index]
        for alarm in EVERY.values()
    }
    assert len(deployed) == len(EVERY)
    assert {entry["name"]: entry["page"] for entry in CATALOGUE["alarms"]} == deployed
    assert all(len(name) <= 255 for name in deployed)


def test_the_catalogue_knows_the_family_of_all_that_is_watched() -> None:
    families = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()} | {"foundation"}
    assert {entry["family"] for entry in CATALOGUE["alarms"]} <= families
    names = {(entry["kind"], entry["about"]) for entry in CATALOGUE["watched"]}
    assert ("function", "detect") in names
    assert ("workflow", "ooda") in names
    rules = of_type("AWS::Events::Rule").values()
    ends = [item for item in rules if "-executions-unfinished-" in str(item["Properties"].get("Name"))]
    more = len(of_type("AWS::DynamoDB::Table")) + len(timers())
    assert len(names) == sum(item["Type"] in NEEDED for item in RESOURCES.values()) + len(ends) + more


@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        ("dataIngestion-error-rate", ("Errors", "Sum", 300, 2, 5, "GreaterThanThreshold")),
        ("weatherCache-error-rate", ("Errors", "Sum", 300, 2, 3, "GreaterThanThreshold")),
        ("interpolationService-duration", ("Duration", "Maximum", 300, 1, 600_000, "GreaterThanThreshold")),
        ("forecastingApi-duration", ("Duration", "Maximum", 300, 1, 45_000, "GreaterThanThreshold")),
        (
            "platform-detection-latency",
            ("DetectionLatency", "Average", 300, 1, 5_000, "GreaterThanThreshold"),
        ),
        ("platform-forecast-accuracy", ("ForecastAccuracy", "Average", 86_400, 2, 80, "LessThanThreshold")),
        # ours: a timer calls Deliver each minute, and one failure is seen
        ("deliver-error-rate", ("Errors", "Sum", 300, 1, 0, "GreaterThanThreshold")),
    ],
)
def test_the_guides_thresholds_hold(about: str, wanted: tuple[Any, ...]) -> None:
    """Administration Guide, sections 3.2 and 7.1: name, threshold, comparison, times in a row."""
    [alarm] = [a for a in ALARMS.values() if a["AlarmName"]["Fn::Sub"] == f"ona-{about}-${{Environment}}"]
    keys = ("MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")
    assert tuple(alarm[key] for key in keys) == wanted


@pytest.mark.parametrize("logical", PLAIN)
def test_an_alarm_rings_beyond_its_threshold_and_not_at_it(logical: str) -> None:
    alarm = ALARMS[logical]
    period, count = alarm["Period"] // 60, alarm["EvaluationPeriods"]
    beyond = -1 if alarm["ComparisonOperator"].startswith("Less") else 1
    times = range(10 * period, (10 + count) * period, period)
    until = (12 + count) * period

    def told(value: float) -> list[int]:
        return rings(alarm, dict.fromkeys(times, value), until)

    assert len(told(alarm["Threshold"] + beyond)) == 1
    assert told(alarm["Threshold"]) == [], "a value at the threshold is not beyond it"
    assert rings(alarm, {}, until) == [], "nothing ran: nothing is wrong"


def test_one_throttle_in_a_quarter_of_an_hour_rings_nobody_and_two_do() -> None:
    alarm = ALARMS["WatchDetectFunctionThrottles"]
    assert rings(alarm, {10: 1.0}, 60) == []
    assert len(rings(alarm, {10: 1.0, 20: 1.0}, 60)) == 1


# ------------------------------------------------------------------ a family that comes tomorrow

FAMILY = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 40}}
Resources:
  SweepFunction:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "ona-sweep-${Environment}"
      Handler: tidy.sweep.handler.lambda_handler
      Environment: {Variables: {SHELF: !Ref ShelfTable}}
      Events: {Nightly: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}}
  TidyStateMachine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub "ona-tidy-${Environment}"
      DefinitionSubstitutions: {SweepArn: !GetAtt SweepFunction.Arn, LettersUrl: !Ref LostQueue}
  WorkQueue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "ona-tidy-work-${Environment}"}
  LostQueue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "ona-tidy-dead-letters-${Environment}"}
  ShelfTable:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: !Sub "${ResourcePrefix}-shelf"}
  Shelf:
    Type: AWS::S3::Bucket
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The repository's rules, pages and stacks, in a place of their own."""
    for folder in ("stacks", "configs/operations", "docs/operations/symptoms"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_a_new_family_has_its_alarms_on_its_first_day(root: Path) -> None:
    (root / "stacks" / "tidy.yaml").write_text(FAMILY)
    made = {alarm.about: alarm for alarm in plan(root).alarms if alarm.family == "tidy"}
    assert set(made) == {
        "sweep-error-rate",
        "sweep-throttles",
        "sweep-duration",
        "tidy-executions-failed",
        "tidy-executions-timed-out",
        "tidy-executions-throttled",
        "tidy-work-age",
        "tidy-work-depth",
        "tidy-dead-letters",
        "tidy-dead-letters-waiting",
        "table-shelf-throttled",
        "table-shelf-unwell",
        "sweep-timers-missed",
        "sweep-unwell",
        "tidy-unwell",
        "tidy-dead-letters-unwell",
    }
    assert made["tidy-unwell"].causes == ("ona-sweep-unwell-{environment}",), (
        "the workflow needs its function"
    )
    assert made["tidy-dead-letters-unwell"].causes == (
        "ona-sweep-unwell-{environment}",
        "ona-tidy-unwell-{environment}",
    ), "letters come from the workflow"
    assert made["table-shelf-unwell"].causes == ("ona-sweep-unwell-{environment}",), "it uses the table"
    assert made["sweep-duration"].properties["Threshold"] == 30_000, "three quarters of the limit of all"
    assert made["sweep-error-rate"].properties["EvaluationPeriods"] == 1, "a timer calls it"
    before, after = outputs(ROOT), outputs(root)
    names = {path.name for path in before}
    texts = {path.name: text for path, text in after.items()}
    assert set(texts) == names
    assert all(text != texts[path.name] for path, text in before.items())


def test_what_no_alarm_can_name_is_refused(root: Path) -> None:
    (root / "stacks" / "tidy.yaml").write_text(
        FAMILY.replace('FunctionName: !Sub "ona-sweep', 'FunctionName: !Sub "sweep')
    )
    with pytest.raises(NotWatchable, match="SweepFunction needs a name of the form"):
        plan(root)
    (root / "stacks" / "tidy.yaml").write_text(
        FAMILY.replace("ScheduleV2", "Schedule").replace("ScheduleExpression", "Schedule")
    )
    with pytest.raises(NotWatchable, match="SweepFunctionNightly needs a name of the form"):
        plan(root)
    (root / "stacks" / "tidy.yaml").write_text(FAMILY.replace("${ResourcePrefix}-shelf", "shelf"))
    with pytest.raises(NotWatchable, match="ShelfTable needs a name of the form"):
        plan(root)


def test_an_alarm_in_a_stack_that_no_rule_knows_is_refused(root: Path) -> None:
    named = "{AlarmName: !Sub 'ona-mine-${Environment}'}"
    alarm = f"  MyAlarm: {{Type: AWS::CloudWatch::Alarm, Properties: {named}}}\n"
    (root / "stacks" / "tidy.yaml").write_text(FAMILY + alarm)
    with pytest.raises(
        ValueError, match=r"tidy.yaml: MyAlarm: no rule makes ona-mine; name it under `written`"
    ):
        plan(root)


def test_an_alarm_whose_page_is_missing_is_refused(root: Path) -> None:
    (root / "docs" / "operations" / "symptoms" / "api-slow.md").unlink()
    with pytest.raises(
        ValueError, match=r"its runbook page docs/operations/symptoms/api-slow.md is missing"
    ):
        outputs(root)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("statistic: p95", "statistic: P95%", "String should match pattern"),
        ("share_of_timeout: 0.75", "share_of_timeout: 75", "less than 1"),
        ("    bad: 2\n    above: 0", "    bad: 4\n    above: 0", "bad: 4 is more than periods: 3"),
        ("severity: critical", "severity: fatal", "'critical', 'high', 'medium' or 'low'"),
        (
            "    page: function-slow\n",
            "    page: function-slow\n    paeg: x\n",
            "Extra inputs are not permitted",
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(root: Path, old: str, new: str, said: str) -> None:
    path = root / "configs" / "operations" / "alarms.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InvalidConfiguration, match=said):
        plan(root)
