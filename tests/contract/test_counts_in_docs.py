"""What pages of docs/ count, as `ona ops health` prints it, is what the templates have.

A page's numbers are not compared when its commands are run (tests/builders/runbook.py): they would grow
old unseen.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.builders.deployed import ROOT_TEMPLATE, of_type
from tests.paths import ROOT

LINE = re.compile(r"^(?P<check>[a-z]+): (?P<counts>\d+ (?:ok|warning|critical)(?:, \d+ [a-z]+)*)$", re.M)
ALARMS = {
    f"ona-{name.removeprefix('ona-').removesuffix('-${Environment}')}-dev": item["Properties"]
    for item in of_type("AWS::CloudWatch::Alarm").values()
    if (name := str(item["Properties"]["AlarmName"].get("Fn::Sub", "")))
}
REASON = re.compile(r"^ {4}reason: .*\[(?P<points>.+)\] .* the threshold \((?P<threshold>[\d.-]+)\)")
FAULT = re.compile(r"UTC: (?P<metric>\w+) [\d.]+; ")
PAGES = sorted((ROOT / "docs" / "operations").rglob("*.md"))


def always(kind: str) -> int:
    """How many resources of a kind every deployment has, whatever its parameters."""
    return sum("Condition" not in item for item in of_type(kind).values())


def wanted() -> dict[str, int]:
    """How many things of a kind the templates have; the APIs and /health, the stacks and their root."""
    stacks = ROOT_TEMPLATE["Resources"].values()
    nested = [item for item in stacks if item.get("Condition") in (None, "HasApiDomain")]  # it has one here
    return {
        "stacks": len(nested) + 1,
        "functions": always("AWS::Serverless::Function"),
        "workflows": always("AWS::Serverless::StateMachine"),
        "buckets": always("AWS::S3::Bucket"),
        "tables": always("AWS::DynamoDB::Table"),
        "queues": always("AWS::SQS::Queue"),
        "apis": always("AWS::Serverless::Api") + 1,
    }


def old(text: str) -> list[str]:
    """The lines of a page whose numbers, added up, are not those of the templates."""
    right = wanted()
    return [
        line[0]
        for line in LINE.finditer(text)
        if line["check"] in right
        and sum(int(number) for number in re.findall(r"\d+", line["counts"])) != right[line["check"]]
    ]


def made_up(text: str) -> list[str]:
    """Reasons of alarms in a page that their alarm could never give: another threshold, another metric, or
    points that do not cross it."""
    wrong, alarm = [], {}
    for line in text.splitlines():
        named = re.match(r"(?: {4}alarms: )?(ona-[\w-]+-dev)\b", line)
        if named:
            alarm = ALARMS.get(named[1], {})
        reason = REASON.match(line)
        if reason and float(reason["threshold"]) != float(alarm.get("Threshold", "nan")):
            wrong.append(line)
        elif reason:
            points = [float(point) for point in reason["points"].split(",")]
            beyond = max(points) > float(reason["threshold"]) or min(points) < float(reason["threshold"])
            wrong += [] if beyond else [line]
        fault = FAULT.search(line)
        if fault and alarm and fault["metric"] != alarm.get("MetricName", "value"):
            wrong.append(line)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_counts_what_the_templates_have(page: Path) -> None:
    text = page.read_text("utf-8")
    assert old(text) == []
    assert made_up(text) == []


def test_old_counts_and_made_up_reasons_are_found_and_right_ones_are_not() -> None:
    right = wanted()
    health = (
        f"functions: {right['functions'] - 2} ok, 2 critical\nrules: 7 ok\nqueues: {right['queues']} ok\n"
    )
    assert old(health) == []
    assert old("functions: 3 ok\n" + health) == ["functions: 3 ok"]
    of = "ona-ooda-unwell-dev since 2026-11-28 11:39 UTC: x\n    alarms: ona-ooda-executions-failed-dev\n"
    told = "    reason: Threshold Crossed: of the last data points [{}] greater than the threshold ({}): 1"
    assert made_up(of + told.format("1", "0")) == []
    assert made_up(of + told.format("7, 9", "5")) != []
    assert made_up(of + told.format("0", "0")) != []
    assert made_up(f"{of}    now: newest fault 2026-11-28 11:44 UTC: Errors 6; nothing") != []
