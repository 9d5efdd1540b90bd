"""One cause rings once, whichever of its alarms goes on first, and goes off last.

The metrics of a fault are written here minute by minute; `tests/fakes/cloudwatch.py` and, once more, the
embedded cloud's evaluator (which looks further back) say which alarms are on. The composite alarms' rules
are read from the deployed template by a reader of this file. Whoever listens does what the catalogue says:
`settle_s` after an alarm went on he tells of it, if none of its causes was on meanwhile or in the `lasts_s`
before. Where one was, he tells of it when the alarm is still on and the cause has been off for `lasts_s`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml

from local.alarms.evaluate import FURTHER_BACK, judged
from tests.builders.deployed import STACKS
from tests.fakes import cloudwatch
from tests.paths import ROOT

UNTIL, REPEAT = 360, 60
"""Minutes that are played, and minutes in which the same alarm is not told of again."""
RESOURCES = {
    name: item for name, item in STACKS["watch"]["Resources"].items() if item["Type"].endswith("Alarm")
}
SINGLE = {name: item["Properties"] for name, item in RESOURCES.items() if item["Type"].endswith("::Alarm")}
COMPOSITE = {
    name: item["Properties"] for name, item in RESOURCES.items() if item["Type"].endswith("CompositeAlarm")
}
CATALOGUE = {
    entry["name"]: entry
    for entry in yaml.safe_load((ROOT / "configs" / "operations" / "catalogue.yaml").read_text())["alarms"]
}
Key = tuple[str, str, str]
"""Namespace, metric, the name that its dimension has."""
Fault = dict[Key, cloudwatch.Series]


def named(logical: str) -> str:
    return str(RESOURCES[logical]["Properties"]["AlarmName"]["Fn::Sub"]).replace("${", "{").lower()


BY_LOGICAL = {logical: named(logical) for logical in RESOURCES}
BY_NAME = {name.lower(): entry for name, entry in CATALOGUE.items()}


def key_of(alarm: dict[str, Any]) -> Key:
    """Which metric an alarm looks at, as the faults below name it."""
    names = [item["Value"] for item in alarm["Dimensions"]]
    texts = [value if isinstance(value, str) else str(value.get("Fn::Sub", "")) for value in names]
    about = next((text for text in texts if text), "").rpartition(":")[2]
    return (
        alarm["Namespace"],
        alarm["MetricName"],
        about.removeprefix("ona-").removesuffix("-${Environment}"),
    )


def by_fake(alarm: dict[str, Any], values: cloudwatch.Series, known: dict[int, int]) -> list[bool]:
    return [state == "ALARM" for state in cloudwatch.states(alarm, values, UNTIL, known)]


def by_evaluator(alarm: dict[str, Any], values: cloudwatch.Series, known: dict[int, int]) -> list[bool]:
    """The embedded cloud's: it keeps an alarm on for two periods more."""
    length, told = alarm["Period"] // 60, []
    reckon = {"Sum": sum, "Maximum": max, "Minimum": min, "Average": lambda v: sum(v) / len(v)}
    state = "OK"
    for minute in range(UNTIL + 1):
        periods: list[float | None] = []
        for place in range(alarm["EvaluationPeriods"] + FURTHER_BACK):
            end = minute + 1 - place * length
            found = [
                values[at]
                for at in range(end - length, end)
                if at in values and known.get(at, at) <= minute
            ]
            periods.append(reckon[alarm["Statistic"]](found) if found else None)
        state = judged(alarm, periods, state).state
        told.append(state == "ALARM")
    return told


def of_table(alarm: dict[str, Any]) -> dict[str, Any]:
    """An alarm on what a table refuses, as if reads and writes were one metric: `Throttles` in faults."""
    parts = [item["MetricStat"] for item in alarm["Metrics"] if "MetricStat" in item]
    assert alarm["Metrics"][0]["Expression"] == "FILL(reads, 0) + FILL(writes, 0)"
    [metric] = [part["Metric"] for part in parts if part["Metric"]["MetricName"] == "ReadThrottleEvents"]
    one = {"Namespace": "AWS/DynamoDB", "MetricName": "Throttles", "Dimensions": metric["Dimensions"]}
    return {**alarm, **one, "Statistic": "Sum", "Period": parts[0]["Period"]}


SINGLE |= {name: of_table(alarm) for name, alarm in SINGLE.items() if name.endswith("TableThrottled")}
Judge = Callable[[dict[str, Any], cloudwatch.Series, dict[int, int]], list[bool]]


def played(fault: Fault, judge: Judge) -> dict[str, list[bool]]:
    """By alarm, whether it is on at the end of each minute."""
    on: dict[str, list[bool]] = {}
    for logical, alarm in SINGLE.items():
        values = fault.get(key_of(alarm), {}) if "Statistic" in alarm else {}
        late = {at: max(at, min(values) + cloudwatch.LATE_MINUTES) for at in values}
        known = late if alarm.get("Namespace") == "AWS/SQS" else {}
        on[logical] = judge(alarm, values, known) if values else [False] * (UNTIL + 1)
    waiting = dict(COMPOSITE)
    while waiting:
        for logical, alarm in list(waiting.items()):
            rule = alarm["AlarmRule"]["Fn::Sub"]
            parts = re.findall(r'ALARM\("\$\{(\w+)\}"\)', rule)
            if not set(parts) <= set(on):
                continue
            text = re.sub(r'ALARM\("\$\{(\w+)\}"\)', r'now("\1")', rule)
            text = text.replace(" AND NOT ", " and not ").replace(" OR ", " or ")
            assert not re.search(r"[A-Z]{2,}", re.sub(r'"\w+"', "", text)), text
            code = compile(text, logical, "eval")
            heard = any(any(on[part]) for part in parts)
            on[logical] = [
                heard and bool(eval(code, {"now": lambda part, at=minute: on[part][at]}))
                for minute in range(UNTIL + 1)
            ]
            del waiting[logical]
    return on


def told(fault: Fault, judge: Judge) -> list[tuple[str, int]]:
    """Of what a listener tells, and in which minute."""
    on = {BY_LOGICAL[logical]: states for logical, states in played(fault, judge).items()}
    heard: list[tuple[str, int]] = []
    for name, states in on.items():
        entry = BY_NAME[name]
        if not entry["rings"]:
            continue
        settle, lasts = entry["settle_s"] // 60, entry["lasts_s"] // 60
        causes = [on[cause.lower()] for cause in entry["causes"]]
        starts = [at for at in range(UNTIL) if states[at] and not (at and states[at - 1])]
        last = -REPEAT
        for start in starts:
            end = next((at for at in range(start, UNTIL) if not states[at]), UNTIL)
            for minute in [start + settle, *range(start + settle + 1, end)]:
                since = (start if minute == start + settle else minute) - lasts
                if any(
                    cause[at] for cause in causes for at in range(max(0, since), min(minute + 1, UNTIL))
                ):
                    continue  # it is the cause's, or what the cause left behind
                if start - last >= REPEAT:
                    heard.append(
                        (entry["name"].removeprefix("ona-").removesuffix("-{environment}"), minute)
                    )
                last = end
                break
    return sorted(heard, key=lambda item: item[1])


def every(start: int, end: int, value: float = 1.0, step: int = 1) -> cloudwatch.Series:
    return dict.fromkeys(range(start, end, step), value)


def errors(function: str, series: cloudwatch.Series) -> Fault:
    return {("AWS/Lambda", "Errors", function): series}


def failed(workflow: str, series: cloudwatch.Series) -> Fault:
    """What a workflow's failures leave behind: the metric, the letter."""
    return {
        ("AWS/States", "ExecutionsFailed", workflow): series,
        ("AWS/SQS", "NumberOfMessagesSent", "ooda-dead-letters"): series,
    }


DETECT: Fault = {
    **errors("detect", every(60, 90, 3.0)),
    ("AWS/Lambda", "Duration", "detect"): every(75, 90, 299_000.0),
    **failed("ooda", every(60, 92)),
    ("AWS/States", "ExecutionsTimedOut", "ooda"): every(70, 95, 1.0, 5),
    ("AWS/Events", "TriggeredRules", "ooda-executions-unfinished"): every(70, 95, 1.0, 5),
    ("Ona/Platform", "DetectionLatency", "detect"): every(62, 95, 9_000.0),
}
"""Detect fails for half an hour: three of its alarms, and five symptoms."""
CASES: dict[str, tuple[Fault, list[str]]] = {
    "a function, and five symptoms of it": (DETECT, ["detect-unwell"]),
    "the symptoms first: few errors, seen after ten minutes": (
        {
            **failed("ooda", every(60, 120)),
            **errors("detect", {**every(60, 120), **every(60, 120, 2.0, 4)}),
        },
        ["detect-unwell"],
    ),
    "the cause first: it is slow, and fails ten minutes later": (
        {("AWS/Lambda", "Duration", "detect"): every(60, 100, 299_000.0), **failed("ooda", every(70, 100))},
        ["detect-unwell"],
    ),
    "the symptoms stay on when the cause is over": (
        {**errors("detect", every(60, 80, 3.0)), **failed("ooda", every(60, 93))},
        ["detect-unwell"],
    ),
    "a workflow alone": (failed("ooda", every(60, 70)), ["ooda-unwell"]),
    "a letter alone": (
        {("AWS/SQS", "NumberOfMessagesSent", "ooda-dead-letters"): {60: 1.0}},
        ["ooda-dead-letters-unwell"],
    ),
    "a few errors that retries mend ring nobody, and their workflow's failure rings": (
        {**errors("detect", {60: 2.0}), **failed("ooda", {61: 1.0})},
        ["ooda-unwell"],
    ),
    "the authorizer, and with it the APIs of three families": (
        {
            **errors("apiAuthorizer", every(60, 90, 9.0)),
            ("AWS/ApiGateway", "5XXError", "api"): every(60, 91, 9.0),
            ("AWS/ApiGateway", "5XXError", "api-ops"): every(61, 92, 9.0),
            ("AWS/ApiGateway", "5XXError", "api-account"): every(60, 91, 4.0),
        },
        ["apiAuthorizer-unwell"],
    ),
    "an API whose functions are well": (
        {("AWS/ApiGateway", "5XXError", "api-ops"): every(60, 70, 9.0)},
        ["api-ops-unwell"],
    ),
    "one request that failed": ({("AWS/ApiGateway", "5XXError", "api"): {60: 1.0}}, ["api-one-unwell"]),
    "a timer's function, the old weather, and its letters": (
        {
            **errors("weatherCache", every(60, 300, 8.0, 5)),
            ("Ona/Platform", "WeatherStale", "weatherCache"): every(60, 310, 3.0, 15),
            ("AWS/SQS", "NumberOfMessagesSent", "function-dead-letters"): every(90, 300, 1.0, 15),
        },
        ["weatherCache-unwell"],
    ),
    "distractor: two causes of one workflow are two": (
        {**DETECT, **errors("schedule", every(65, 85, 4.0))},
        ["detect-unwell", "schedule-unwell"],
    ),
    "distractor: two causes far from each other are two": (
        {**DETECT, **errors("apiAuthorizer", every(60, 90, 9.0))},
        ["apiAuthorizer-unwell", "detect-unwell"],
    ),
    "distractor: a function of another workflow is no cause": (
        {
            **errors("globalTrainingService", every(60, 90, 3.0)),
            ("AWS/States", "ExecutionsFailed", "ooda"): every(60, 70),
        },
        ["globalTrainingService-unwell", "ooda-unwell"],
    ),
    "distractor: the workflow fails anew, two hours after its function was well again": (
        {**DETECT, ("AWS/States", "ExecutionsFailed", "ooda"): {**every(60, 92), **every(210, 220)}},
        ["detect-unwell", "ooda-unwell"],
    ),
    "a table that refuses, while all that use it are well": (
        {("AWS/DynamoDB", "Throttles", "${ResourcePrefix}-crews"): every(60, 90)},
        ["table-crews-unwell"],
    ),
    "a table that refuses, and a function that fails of it": (
        {
            ("AWS/DynamoDB", "Throttles", "${ResourcePrefix}-crews"): every(60, 90),
            **errors("schedule", every(65, 92, 4.0)),
            **failed("ooda", every(66, 94)),
        },
        ["schedule-unwell"],
    ),
    "distractor: a function that does not use the table fails at the same time": (
        {
            ("AWS/DynamoDB", "Throttles", "${ResourcePrefix}-locations"): every(60, 90),
            **errors("schedule", every(65, 92, 4.0)),
        },
        ["schedule-unwell", "table-locations-unwell"],
    ),
    "nothing": ({**errors("detect", every(0, 300, 0.0)), **failed("ooda", every(0, 300, 0.0))}, []),
}  # fmt: skip


@pytest.mark.parametrize("judge", [by_fake, by_evaluator])
@pytest.mark.parametrize("case", CASES)
def test_one_cause_rings_once(case: str, judge: Judge) -> None:
    fault, wanted = CASES[case]
    heard = told(fault, judge)
    assert sorted(name for name, _ in heard) == wanted, heard


@pytest.mark.parametrize("judge", [by_fake, by_evaluator])
def test_this_test_sees_what_would_ring_without_composite_alarms(judge: Judge) -> None:
    on = played(DETECT, judge)
    assert sum(any(on[logical]) for logical in SINGLE) >= 7, "so many alarms of one fault"


def test_a_cause_waits_for_nobody_and_a_symptom_for_a_quarter_of_an_hour_at_most() -> None:
    for entry in CATALOGUE.values():
        assert bool(entry["causes"]) == bool(entry["settle_s"]), entry["name"]
        assert entry["settle_s"] <= 900


def names(entries: Iterable[dict[str, Any]]) -> set[str]:
    return {entry["name"] for entry in entries}


def test_who_rings_for_whom_is_the_same_in_catalogue_and_template() -> None:
    for logical, item in RESOURCES.items():
        entry, properties = BY_NAME[BY_LOGICAL[logical]], item["Properties"]
        if "AlarmActions" in properties:
            assert entry["rings"], entry["name"]
        assert entry["composite"] == (logical in COMPOSITE)
        if entry["told_by"]:
            assert entry["name"] in CATALOGUE[entry["told_by"]]["children"]
        if logical in COMPOSITE:
            quiet, _, loud = properties["AlarmRule"]["Fn::Sub"].partition(" AND NOT ")
            parts = re.findall(r"\$\{(\w+)\}", quiet)
            causes = re.findall(r"\$\{(\w+)\}", loud)
            assert {BY_LOGICAL[part] for part in parts} == {name.lower() for name in entry["children"]}
            assert {BY_LOGICAL[part] for part in causes} == {name.lower() for name in entry["causes"]}
            order = ["low", "medium", "high", "critical"]
            most = max(order.index(CATALOGUE[child]["severity"]) for child in entry["children"])
            assert entry["severity"] == order[most]


def test_the_alarms_of_what_tells_go_to_the_topic_by_themselves() -> None:
    """Those that fail with whatever would tell of them; every other one would be told twice."""
    alone = {BY_LOGICAL[name] for name, item in RESOURCES.items() if item["Properties"].get("AlarmActions")}
    for thing in ("alerts-unwell", "alertprocessor-unwell", "deliver-unwell", "rule-dead-letters"):
        assert f"ona-{thing}-{{environment}}" in alone
    assert not any(name.startswith(("ona-detect", "ona-ooda", "ona-api")) for name in alone)


def test_every_alarm_rings_or_has_one_that_rings_for_it() -> None:
    for entry in CATALOGUE.values():
        if entry["kind"] == "live_errors":
            assert not entry["rings"], "a deployment listens, and nobody else"
            continue
        ringer = CATALOGUE[entry["told_by"]] if entry["told_by"] else entry
        assert ringer["rings"], entry["name"]
        assert entry["rings"] == (entry["told_by"] is None)
