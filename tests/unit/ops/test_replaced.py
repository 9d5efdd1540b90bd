"""A rejected file leads to an end: what a newer version replaced, or a person dismissed, is no work."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from ona.runtime.identity import file_id
from ona.store.s3 import write_json
from ops import accounting, cli, deadletters, dismissal
from ops.cli import dlq as dlq_commands
from ops.cli import files as file_commands
from ops.messages import DeadLetter
from ops.target import OpsError, Target
from tests.fakes import on_moto
from tests.fakes.tables import IN, OUT
from tests.paths import ROOT

KEY, OTHER = "observations/2026/06/10/a.csv", "observations/2026/06/10/b.csv"
IN_FILE = {"reason": "no_power", "message": "no power", "where": KEY, "remedy": "export the power column"}
OUTSIDE = {
    "reason": "unknown_asset",
    "message": "not in assets.json: A",
    "where": KEY,
    "remedy": "add the asset to assets.json, then `./ona dlq redrive`",
}


class World:
    """Files that are put one after the other, and what became of each."""

    def __init__(self, target: Target) -> None:
        self.target, self.s3 = target, boto3.client("s3")
        self.s3.put_bucket_versioning(Bucket=IN, VersioningConfiguration={"Status": "Enabled"})

    def put(self, state: str, key: str = KEY, rejection: dict[str, str] = IN_FILE) -> str:
        """A file whose state becomes so; its version id."""
        version = str(self.s3.put_object(Bucket=IN, Key=key, Body=b"x")["VersionId"])
        if state in ("done", "quarantined"):
            document: dict[str, Any] = {"outcome": "nothing_found"}
            if state == "quarantined":
                document = {"outcome": "quarantined", "rejection": rejection}
            write_json(OUT, f"outcomes/{file_id(IN, key, version)}.json", document)
        if state in ("quarantined", "dead letter"):
            self.letter(key, version, "quarantine" if state == "quarantined" else "execution", rejection)
        return version

    def letter(self, key: str, version: str, kind: str, rejection: dict[str, str]) -> None:
        """What the workflow writes into the queue."""
        body = {
            "kind": kind,
            "state": "Detect",
            "error": "InvalidTelemetry" if kind == "quarantine" else "States.Timeout",
            "cause": json.dumps(rejection) if kind == "quarantine" else "too slow",
            "execution": "e",
            "at": "2026-06-10T08:00:00Z",
            "input": accounting.FileAccount(key, version, 1, "lost").event(IN),
        }
        url = self.target.outputs[deadletters.WORKFLOWS]
        self.target.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))

    def states(self) -> dict[tuple[str, str], str]:
        """What accounting tells of each version."""
        return {(item.key, item.version_id): item.state for item in accounting.account(self.target)}

    def letters(self) -> list[DeadLetter]:
        return deadletters.look(self.target).letters

    def started(self) -> list[str]:
        """Executions that were started."""
        machine = next(iter(self.target.machines.values()))
        found = self.target.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        return [item["name"] for item in found]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """A platform on moto with a bucket of versions."""
    with on_moto.platform(monkeypatch, tmp_path, (file_commands, dlq_commands)) as target:
        monkeypatch.setattr(accounting, "EVENT_DELAY_EMBEDDED", -accounting.EVENT_DELAY_EMBEDDED)
        monkeypatch.setattr(deadletters, "_PAUSES_S", (0.0,))
        yield World(target)


def _run(*command: str) -> str:
    result = CliRunner().invoke(cli.app, list(command))
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(result.output.split())


def _listed(told: str, key: str = KEY) -> int:
    return told.count(key)


CASES: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "quarantined, then done": ([(KEY, "quarantined"), (KEY, "done")], ["replaced", "done"]),
    "failed, then done": ([(KEY, "dead letter"), (KEY, "done")], ["replaced", "done"]),
    "lost, then done": ([(KEY, "lost"), (KEY, "done")], ["replaced", "done"]),
    "two bad ones, then done": (
        [(KEY, "quarantined"), (KEY, "quarantined"), (KEY, "done")],
        ["replaced", "replaced", "done"],
    ),
    "bad again after done": (
        [(KEY, "quarantined"), (KEY, "done"), (KEY, "quarantined")],
        ["replaced", "done", "quarantined"],
    ),
    "distractor: the newer one is bad too": (
        [(KEY, "quarantined"), (KEY, "quarantined")],
        ["quarantined", "quarantined"],
    ),
    "distractor: done under another key": (
        [(KEY, "quarantined"), (OTHER, "done")],
        ["quarantined", "done"],
    ),
    "distractor: the older one is done": ([(KEY, "done"), (KEY, "quarantined")], ["done", "quarantined"]),
    "distractor: the newer one failed": (
        [(KEY, "quarantined"), (KEY, "dead letter")],
        ["quarantined", "dead letter"],
    ),
    "distractor: the newer one runs": (
        [(KEY, "quarantined"), (KEY, "running")],
        ["quarantined", "running"],
    ),
}
"""What is put, as key and what becomes of it, and what accounting tells of each."""


@pytest.mark.parametrize("case", CASES)
def test_what_a_newer_version_replaced_is_counted_and_no_work(
    world: World, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, expected = CASES[case]
    versions = [(key, world.put(state, key)) for key, state in files]
    running = {one for one, (_, state) in zip(versions, files, strict=True) if state == "running"}
    really = accounting._running
    monkeypatch.setattr(accounting, "_running", lambda target: running | really(target))
    states = world.states()
    assert [states[one] for one in versions] == expected
    told = _run("status")
    assert f"put │ {len(files)}" in told, "every version is accounted for"
    work = [state for state in expected if state in ("quarantined", "dead letter", "lost")]
    assert _listed(told) == len(work)
    before = {
        letter.body["input"]["detail"]["object"]["version-id"]: letter.message_id
        for letter in world.letters()
    }
    gone = {
        before[version]
        for (_, version), state in zip(versions, expected, strict=True)
        if state == "replaced" and version in before
    }
    listed = _run("dlq", "list")
    assert listed.count("replaced: a newer version of the file is done") == len(gone)
    redriven = _run("dlq", "redrive")
    assert redriven.count("taken out: ") == len(gone)
    assert redriven.count("started again: ") == len(work)
    assert len(world.started()) == len(work), "no old version of a replaced file runs"
    assert not world.letters()


def test_what_was_taken_out_stays_replaced_and_its_outcome_stays(world: World) -> None:
    old = world.put("quarantined")
    failed = world.put("dead letter")
    world.put("done")
    _run("dlq", "redrive")
    assert (world.states()[KEY, old], world.states()[KEY, failed]) == ("replaced", "replaced")
    kept = boto3.client("s3").get_object(Bucket=OUT, Key=f"outcomes/{file_id(IN, KEY, old)}.json")
    assert json.loads(kept["Body"].read())["rejection"] == IN_FILE
    assert "nothing to start" in _run("dlq", "redrive")


def test_a_letter_of_another_bucket_is_about_no_file_of_this_one(world: World) -> None:
    """Distractor: same key and version id, and it is not taken out."""
    letter = DeadLetter("m", "r", {"kind": "quarantine", "input": {"detail": {}}})
    event = accounting.FileAccount(KEY, "1", 1, "lost").event("another")
    assert not deadletters.is_about(world.target, letter, {(KEY, "1"), ("", "")})
    assert not deadletters.is_about(world.target, DeadLetter("m", "r", {"input": event}), {(KEY, "1")})


@pytest.mark.parametrize("state", ["quarantined", "dead letter"])
def test_a_file_whose_letter_a_person_removes_is_dismissed(world: World, state: str) -> None:
    version = world.put(state)
    [letter] = world.letters()
    assert f"dismissed: {KEY}" in _run("dlq", "remove", letter.message_id)
    assert world.states()[KEY, version] == "dismissed"
    told = _run("status")
    assert ("dismissed │ 1" in told, _listed(told)) == (True, 0)
    assert "nothing to start" in _run("dlq", "redrive")
    assert not world.started()


def test_the_other_letters_that_a_person_removes_dismiss_nothing(world: World) -> None:
    """Distractor: an order's letter of a file that is done, a foreign message, a file beside it."""
    done, bad = world.put("done"), world.put("quarantined", OTHER)
    world.letter(KEY, done, "order", IN_FILE)
    [order] = [letter for letter in world.letters() if letter.kind == "order"]
    assert "dismissed" not in _run("dlq", "remove", order.message_id)
    assert world.states() == {(KEY, done): "done", (OTHER, bad): "quarantined"}
    assert dismissal.dismiss(world.target, DeadLetter("m", "r", {"kind": "foreign"})) == ""


def test_an_outcome_that_is_written_meanwhile_keeps_the_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("quarantined")
    [letter] = world.letters()
    monkeypatch.setattr(dismissal, "_outcome", lambda *_: ({"outcome": "quarantined"}, {"IfMatch": '"0"'}))
    with pytest.raises(OpsError, match="written just now"):
        deadletters.remove(
            world.target, letter.message_id, lambda one: print(dismissal.dismiss(world.target, one))
        )
    left = int(
        boto3.client("sqs").get_queue_attributes(
            QueueUrl=world.target.outputs[deadletters.WORKFLOWS],
            AttributeNames=["ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]["ApproximateNumberOfMessagesNotVisible"]
    )
    assert left == 1


REMEDIES: dict[str, tuple[dict[str, str], str, bool]] = {
    "the file itself": (IN_FILE, "mend: export the power column; then put the mended file again", False),
    "something outside": (OUTSIDE, "mend: add the asset to assets.json, then `ona dlq redrive`", True),
    "an old letter without one": (
        {"reason": "r", "message": "m"},
        "mend: put the mended file again",
        False,
    ),
}


@pytest.mark.parametrize("case", REMEDIES)
def test_a_rejected_file_is_told_with_its_remedy(world: World, case: str) -> None:
    rejection, remedy, redrive = REMEDIES[case]
    world.put("quarantined", rejection=rejection)
    assert remedy in _run("status")
    told = _run("dlq", "list")
    assert remedy in told
    assert ("when the cause is mended: ona dlq redrive" in told) == redrive


def test_a_failed_step_is_for_a_redrive_beside_a_file_that_is_not(world: World) -> None:
    """Distractor: its letter has a cause and no remedy."""
    world.put("quarantined")
    world.put("dead letter", OTHER)
    told = _run("dlq", "list")
    assert "when the cause is mended: ona dlq redrive" in told
    assert told.count("mend: ") == 1


def _texts(node: ast.expr) -> str:
    return "".join(str(item.value) for item in ast.walk(node) if isinstance(item, ast.Constant))


def test_each_remedy_that_lies_in_the_registry_names_the_redrive() -> None:
    """`ona dlq list` offers the redrive by the remedy's own words."""

    def wanting(text: str) -> bool:
        return "assets.json" in text and "`./ona dlq redrive`" not in text

    found = []
    for path in (ROOT / "functions").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "remedy" and wanting(_texts(node.value)):
                found.append(f"{path.name}:{node.value.lineno}")
    from ona.telemetry.collecting import _REMEDIES

    assert not found
    assert not [reason for reason, remedy in _REMEDIES.items() if wanting(remedy)]
