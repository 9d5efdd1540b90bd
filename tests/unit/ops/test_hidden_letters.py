"""What another command reads of the dead-letter queue: nobody tells of it as lost, gone or not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from ona.runtime.identity import file_id
from ona.store.s3 import write_json
from ops import accounting, cli, deadletters
from ops.cli import dlq as dlq_commands
from ops.cli import files as file_commands
from ops.target import Target
from tests.fakes import on_moto, own_clock
from tests.fakes.tables import IN, OUT

KEY = "observations/2026/06/10/a.csv"


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Target]:
    """A platform on moto with one file whose work failed, and its dead letter."""
    with on_moto.platform(monkeypatch, tmp_path, (file_commands, dlq_commands)) as one:
        monkeypatch.setattr(accounting, "EVENT_DELAY_EMBEDDED", -accounting.EVENT_DELAY_EMBEDDED)
        monkeypatch.setattr(deadletters, "_PAUSES_S", (0.0,))
        boto3.client("s3").put_object(Bucket=IN, Key=KEY, Body=b"x")
        yield one


def _letter(target: Target) -> None:
    event = accounting.FileAccount(KEY, "", 1, "lost").event(IN)
    body = {"kind": "execution", "state": "Detect", "error": "E", "execution": "e", "input": event}
    url = target.outputs[deadletters.WORKFLOWS]
    target.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))


def _run(*command: str) -> str:
    result = CliRunner().invoke(cli.app, list(command))
    assert "Traceback" not in result.output, result.output
    return " ".join(result.output.split())


COMMANDS: dict[str, Callable[[Target], str]] = {
    "status": lambda _: _run("status"),
    "dlq list": lambda _: _run("dlq", "list"),
    "dlq redrive": lambda _: _run("dlq", "redrive"),
    "dlq remove": lambda _: _run("dlq", "remove", "0123456789"),
}
"""Each command that reads the queue."""


@pytest.mark.parametrize("name", COMMANDS)
def test_what_another_command_reads_is_told_as_such_and_never_as_lost(target: Target, name: str) -> None:
    _letter(target)
    held = deadletters.receive(target)
    told = COMMANDS[name](target)
    assert "1 message of the dead-letter queue is read by another command just now" in told
    assert "1 lost" not in told
    assert "lost │ 0" in told or name != "status"
    assert "started again" not in told
    assert "no failed work" not in told
    deadletters.put_back(target, held, deadletters.WORKFLOWS)
    assert "another command" not in COMMANDS[name](target)


def test_a_file_whose_letter_may_be_hidden_is_unknown_and_then_has_its_letter(target: Target) -> None:
    _letter(target)
    held = deadletters.receive(target)
    [file] = accounting.account(target)
    assert file.state == "unknown"
    deadletters.put_back(target, held, deadletters.WORKFLOWS)
    [file] = accounting.account(target)
    assert file.state == "dead letter"


def test_a_look_waits_for_one_who_is_done_in_a_moment(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    _letter(target)
    held = deadletters.receive(target)
    done = lambda _: deadletters.put_back(target, held, deadletters.WORKFLOWS)  # noqa: E731
    own_clock.give(monkeypatch, deadletters, sleep=done)
    assert [item.state for item in accounting.account(target)] == ["dead letter"]


def test_the_messages_of_deliveries_that_others_read_hide_no_file(target: Target) -> None:
    """Distractor: the other queue is in flight, and this file is lost."""
    url = target.outputs[deadletters.OUTBOX]
    target.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    deadletters.receive(target, deadletters.OUTBOX)
    assert [item.state for item in accounting.account(target)] == ["lost"]


def test_a_file_that_a_redrive_starts_between_two_looks_is_not_lost(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running work was looked for before the redrive started it, and letters after it had removed them."""
    _letter(target)
    running: list[set[tuple[str, str]]] = [set(), {(KEY, "")}]
    monkeypatch.setattr(accounting, "_running", lambda _: running.pop(0))
    look = deadletters.look

    def after_the_redrive(target: Target) -> deadletters.Look:
        for letter in deadletters.receive(target):
            deadletters._delete(target, letter, deadletters.WORKFLOWS)
        return look(target)

    monkeypatch.setattr(deadletters, "look", after_the_redrive)
    assert [item.state for item in accounting.account(target)] == ["running"]


def test_a_file_with_an_outcome_is_told_by_it_whoever_reads(target: Target) -> None:
    """Distractor: its outcome stands, and no letter says otherwise."""
    _letter(target)
    deadletters.receive(target)
    write_json(OUT, f"outcomes/{file_id(IN, KEY, '')}.json", {"outcome": "nothing_found"})
    assert [item.state for item in accounting.account(target)] == ["done"]
