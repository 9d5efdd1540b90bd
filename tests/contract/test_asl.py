"""What is deployed is what people wrote, with the retries that are declared once."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from ops import asl
from tests.builders.deployed import STACKS
from tests.paths import ROOT

RULE = re.compile(r"ErrorEquals: \[[^\]]*\]\s+IntervalSeconds: \d+\s+MaxAttempts: \d+")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of `statemachines/` that may be spoiled."""
    return Path(shutil.copytree(asl.FOLDER, tmp_path / "statemachines"))


def test_no_expanded_workflow_is_stale() -> None:
    assert asl.stale() == [], "run `make asl`"


def test_a_changed_source_a_changed_output_and_an_extra_output_are_stale(copy: Path) -> None:
    source = copy / "ooda" / "ooda.asl.yaml"
    source.write_text(source.read_text().replace("TimeoutSeconds: 10800", "TimeoutSeconds: 7200"))
    output = copy / "expanded" / "ooda" / "fleet_history.asl.json"
    output.write_text(output.read_text().replace("JSONata", "JSONPath"))
    (copy / "expanded" / "ooda" / "gone.asl.json").write_text("{}")
    assert [name.rpartition("/")[2] for name in asl.stale(copy)] == [
        "fleet_history.asl.json",
        "gone.asl.json",
        "ooda.asl.json",
    ]


def test_a_changed_retry_reaches_every_workflow_that_uses_it(copy: Path) -> None:
    retries = copy / "retries.yaml"
    retries.write_text(retries.read_text().replace("MaxAttempts: 6", "MaxAttempts: 7"))
    assert len(asl.stale(copy)) == len(asl.sources()), "each workflow has dead letters"


def test_every_stack_deploys_the_expanded_file() -> None:
    uris = {
        (ROOT / "stacks" / item["Properties"]["DefinitionUri"]).resolve()
        for stack in STACKS.values()
        for item in stack["Resources"].values()
        if item["Type"] == "AWS::Serverless::StateMachine"
    }
    assert uris == set(asl.outputs())


def test_a_retry_rule_is_written_out_once() -> None:
    """A rule that two states have stands in `retries.yaml`; only rules of a single state stand there."""
    texts = [asl.FOLDER / "retries.yaml", *asl.sources()]
    rules = Counter(
        re.sub(r"\s+", " ", rule)
        for path in texts
        for rule in re.findall(
            r"ErrorEquals: \[[^\]]*\]\s+IntervalSeconds: \d+\s+MaxAttempts: \d+", path.read_text()
        )
    )
    written_twice = [rule for rule, count in rules.items() if count > 1 and "States.TaskFailed" not in rule]
    assert written_twice == []
    in_workflows = [path.name for path in asl.sources() if "[States.TaskFailed" in path.read_text()]
    assert in_workflows == [], "`*service` and `*dead-letter` are these"
