"""`ona deploy run`: its steps, what it hands to sam, what it asks for and keeps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.cli import deploying
from ops.deployment import running
from ops.deployment.settings import Settings, parse
from ops.target import TEMPLATE, OpsError

GIVEN = {"Environment": "dev", "LossFunctionWeights": '{"w": 1}'}
CHOSEN = Settings("ona-platform-dev", "af-south-1", GIVEN)


def words(profile: str = "mine", *, yes: bool = False) -> list[str]:
    return [str(step) for step in running.steps(CHOSEN, "dev", profile, "0123456789ab", yes=yes)]


def test_the_steps_are_what_a_person_would_type() -> None:
    build, check, sam, validate = words()
    assert build == "make build"
    assert check.startswith("./ona deploy check --profile mine --env dev -p Environment=dev")
    assert sam.startswith(".venv-sam/bin/sam deploy --config-env dev --profile mine")
    assert validate == "./ona deploy validate --profile mine --env dev"
    assert "--no-confirm-changeset" not in sam
    assert "--no-confirm-changeset" in words(yes=True)[2]
    assert "--profile" not in words("environment")[2], "sam takes the shell's own credentials by itself"


def test_sam_gets_every_parameter_and_the_release() -> None:
    """What `--parameter-overrides` is given replaces samconfig.toml's whole list (SAM CLI)."""
    todo = running.steps(CHOSEN, "dev", "mine", "0123456789ab", yes=True)
    [sam] = [step for step in todo if step.changes]
    given = sam.words[sam.words.index("--parameter-overrides") + 1 :]
    assert parse(" ".join(given)) == {**CHOSEN.parameters, "Release": "0123456789ab"}


@pytest.mark.parametrize("fails", [None, 0, 1, 2])
def test_each_step_waits_for_the_one_before(fails: int | None) -> None:
    called: list[str] = []

    def call(given: list[str], **_: Any) -> int:
        called.append(given[0])
        return int(len(called) - 1 == fails)

    todo = list(running.steps(CHOSEN, "dev", "mine", "0123456789ab", yes=True))
    if fails is None:
        running.run(todo, Path(), dry=False, say=lambda _: None, call=call)
        assert len(called) == 4
    else:
        with pytest.raises(OpsError, match="status 1; nothing after it was done"):
            running.run(todo, Path(), dry=False, say=lambda _: None, call=call)
        assert len(called) == fails + 1


def test_a_dry_run_calls_nobody() -> None:
    said: list[str] = []
    todo = list(running.steps(CHOSEN, "dev", "mine", "0123456789ab", yes=True))

    def call(*_: Any, **__: Any) -> int:
        raise AssertionError("a dry run called")

    running.run(todo, Path(), dry=True, say=said.append, call=call)
    assert [line[:6] for line in said] == ["$ make", "$ ./on", "$ .ven", "$ ./on"]


def test_what_was_asked_for_is_kept_as_it_was(tmp_path: Path) -> None:
    assert running.kept(tmp_path, "prod") == {}
    answers = {"AlertEmail": "a@b.c", "LossFunctionWeights": '{"w": "\\\\ 1"}'}
    running.keep(tmp_path, "prod", answers)
    assert running.kept(tmp_path, "prod") == answers
    assert running.kept(tmp_path, "dev") == {}, "each environment has its own"


def test_a_release_is_known_by_what_is_deployed() -> None:
    one = running.release_of(TEMPLATE, {"Environment": "dev"})
    assert re.fullmatch(r"[0-9a-f]{12}(-[0-9a-f]{7,40})?", one)
    assert running.release_of(TEMPLATE, {"Environment": "dev"}) == one
    other = running.release_of(TEMPLATE, {"Environment": "dev", "ApiRate": "100"})
    assert other[:12] != one[:12], "a parameter is part of it"
    assert running.refused(TEMPLATE, {"Environment": "dev", "Release": one}) == ""


def ona(*given: str) -> Any:
    return CliRunner().invoke(cli.app, ["deploy", *given], env={"COLUMNS": "300"})


def test_production_asks_for_its_address_and_never_deploys_unheard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_path", lambda folder, environment: tmp_path / f"{environment}.toml")
    run = ("run", "--env", "prod", "--profile", "environment", "--dry-run")
    refused = ona(*run)
    assert refused.exit_code == 1
    assert "AlertEmail" in refused.output
    assert "sam deploy" not in refused.output
    assert "Set it: `-p Name=value`" in refused.output
    monkeypatch.setenv(deploying.MADE_BY, "make deploy")
    assert "Set it: `make deploy … PARAMETERS=Name=value`" in ona(*run).output
    monkeypatch.delenv(deploying.MADE_BY)
    taken = ona(*run, "-p", "AlertEmail=operator@example.com")
    assert taken.exit_code == 0, taken.output
    assert "AlertEmail=operator@example.com" in taken.output
    assert "Rollout=Canary10Percent10Minutes" in taken.output
    running.keep(tmp_path, "prod", {"AlertEmail": "kept@example.com"})
    assert "AlertEmail=kept@example.com" in ona(*run).output


def test_nothing_is_built_for_an_account_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr(running, "run", run)
    done = ona("run", "--profile", "nobody-has-this-profile")
    assert done.exit_code == 1
    assert "nobody-has-this-profile" in done.output


def test_the_embedded_cloud_is_deployed_by_another_command() -> None:
    done = ona("run", "--profile", "embedded")
    assert done.exit_code == 1
    assert "`ona up`" in done.output
    assert TEMPLATE.parent == deploying.FOLDER
