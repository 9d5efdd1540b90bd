"""Every file under `events/` works by its documented command, on a platform that has nothing yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli, deadletters, samples
from ops.cli import executions
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


@pytest.fixture
def empty(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The platform as `ona up` leaves it: no crew and no file."""
    dynamodb, table = platform.target.client("dynamodb"), platform.target.outputs["CrewsTableName"]
    for crew in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"crew_id": crew["crew_id"]})
    platform.s3.delete_object(Bucket=platform.target.input_bucket, Key="assets.json")
    monkeypatch.setattr(executions, "resolve", lambda *_: platform.target)
    return platform


@pytest.mark.parametrize("path", samples.events(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sample_event_works_by_its_command(empty: Platform, path: Path) -> None:
    command = samples.command(path)
    assert f"`./{command}`" in (ROOT / "docs/operations/events.md").read_text()
    done = CliRunner().invoke(cli.app, command.removeprefix("ona ").split())
    if samples.is_workflow(path) and path.stem not in empty.target.machines:
        assert done.exit_code == 1
        assert f"workflow {path.stem} is not deployed here" in done.output
        return
    assert done.exit_code == 0, done.output


def test_an_event_that_fails_by_its_own_fault_says_so_in_one_line(empty: Platform, tmp_path: Path) -> None:
    event = json.loads((samples.EVENTS / "ooda/diagnose.json").read_text())
    event["detection"]["key"] = "detections/2025/01/15/det-0000000000000000.json"
    (tmp_path / "diagnose.json").write_text(json.dumps(event))
    done = CliRunner().invoke(cli.app, ["invoke", "diagnose", "-e", str(tmp_path / "diagnose.json")])
    assert done.exit_code == 1
    assert "ObjectMissing" in done.output
    assert "Traceback" not in done.output
    assert empty.s3.list_objects_v2(Bucket=empty.target.input_bucket)["KeyCount"] == 0, "not ours: alone"
    assert done.output.startswith("ObjectMissing: "), "no log, no second copy"
    assert len(done.output.splitlines()) == 1


def test_the_event_of_a_sites_day_finds_nothing_due(empty: Platform) -> None:
    done = CliRunner().invoke(cli.app, ["start", "ooda", "-e", "samples/site_day.json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["site_id"] == "", "nothing was due"
    assert deadletters.look(empty.target).letters == []


def test_an_answer_is_printed_alone_and_the_log_lies_in_the_home(empty: Platform) -> None:
    done = CliRunner().invoke(cli.app, ["invoke", "operations_api", "-e", "samples/verify.json"])
    assert set(json.loads(done.output)) == {"verified", "still_there", "waiting"}, "no log line before it"
    home = empty.target.embedded
    assert home is not None
    assert "_aws" in (Path(home.home) / executions.INVOKE_LOG).read_text()
