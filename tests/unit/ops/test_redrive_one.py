"""One letter is done again by its id; a letter without an event is said, kept, and never started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from ops import cli, deadletters
from ops.cli import dlq as commands
from ops.target import Target
from tests.fakes import on_moto

FILE = {"detail": {"bucket": {"name": "in"}, "object": {"key": "observations/2026/06/10/a.csv"}}}
OTHER = {"detail": {"bucket": {"name": "in"}, "object": {"key": "observations/2026/06/10/b.csv"}}}


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    with on_moto.platform(monkeypatch, tmp_path, [commands]) as made:
        yield made


def letter(target: Target, body: Any) -> str:
    """What somebody put into the queue of failed work; its message id."""
    text = body if isinstance(body, str) else json.dumps(body)
    url = target.outputs[deadletters.WORKFLOWS]
    return str(boto3.client("sqs").send_message(QueueUrl=url, MessageBody=text)["MessageId"])


def failed(event: Any) -> dict[str, Any]:
    return {"kind": "execution", "state": "Detect", "error": "E", "execution": "arn:x", "input": event}


def redrive(*words: str) -> tuple[int, str]:
    done: Any = CliRunner().invoke(cli.app, ["dlq", "redrive", *words], env={"COLUMNS": "200"})
    return done.exit_code, " ".join(done.output.split())


def started() -> list[str]:
    states = boto3.client("stepfunctions")
    [machine] = states.list_state_machines()["stateMachines"]
    runs = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    return sorted(
        json.loads(states.describe_execution(executionArn=run["executionArn"])["input"])["detail"][
            "object"
        ]["key"]
        for run in runs
    )


def left(target: Target) -> set[str]:
    return {one.message_id for one in deadletters.look(target).letters}


def test_one_letter_is_done_again_and_the_others_stay(target: Target) -> None:
    one, other = letter(target, failed(FILE)), letter(target, failed(OTHER))
    code, said = redrive(one[:12])
    assert (code, "1 piece of work started" in said) == (0, True), said
    assert started() == ["observations/2026/06/10/a.csv"]
    assert left(target) == {other}
    assert redrive()[0] == 0
    assert len(started()) == 2
    assert left(target) == set()


@pytest.mark.parametrize("word", ["", "1234567", "12345678-none"])
def test_a_slip_starts_nothing(target: Target, word: str) -> None:
    one = letter(target, failed(FILE))
    assert redrive(word)[0] == 1
    assert started() == []
    assert left(target) == {one}


@pytest.mark.parametrize(
    "body",
    [
        "no JSON at all",
        {"a": 1},
        failed({}),
        failed([1, 2]),
        {"kind": "execution", "input": {"hello": "world"}},  # no workflow wrote it
    ],
)
def test_a_letter_without_an_event_is_said_and_kept(target: Target, body: Any) -> None:
    garbage, sound = letter(target, body), letter(target, failed(FILE))
    code, said = redrive()
    assert code == 0
    assert f"left message {garbage}" in said
    assert "it has no event that could be run again, and is kept" in said
    assert sound not in said
    assert started() == ["observations/2026/06/10/a.csv"], "the sound one beside it is done"
    assert left(target) == {garbage}
