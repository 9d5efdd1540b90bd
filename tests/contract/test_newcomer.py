"""What a newcomer types works with the README's needs: no AWS command line, the Python that is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli
from tests.contract.test_docs import WRITTEN
from tests.paths import ROOT

AWS = re.compile(r"(?:^|[\s`(;|])aws (?:[a-z0-9]+) [a-z]+(?:-[a-z]+)*")
"""A command of the AWS command line."""
NAMED = re.compile(r"\[AWS command line\]\((?:[\w./]*aws\.md)?#the-aws-command-line\)")
FIRST_PAGES = {"README.md", "docs/tutorial.md", "examples/README.md"}
NO_INSTRUCTIONS = {"CHANGELOG.md"}
TOOLS = ("bash", "sh", "env", "make", "dirname", "rm", "mkdir", "touch", "grep", "awk")
"""What `make` and `scripts/build` need before they look for Python."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in WRITTEN if "decisions" not in page.parts], ids=name)
def test_a_page_that_uses_the_aws_command_line_says_so(page: Path) -> None:
    text = page.read_text("utf-8")
    used = AWS.findall(text)
    if name(page) in FIRST_PAGES:
        assert used == []
    elif used and name(page) not in {*NO_INSTRUCTIONS, "docs/operations/aws.md"}:
        assert NAMED.search(text), used


def test_the_pattern_knows_a_command_from_a_word() -> None:
    assert AWS.search("`aws s3 cp s3://bucket/key -`")
    assert AWS.search("aws ssm put-parameter --name x")
    assert not AWS.search("the laws of physics; AWS SAM application; on aws.md; `aws` is a tool")


def test_pages_and_samconfig_name_the_same_way_to_deploy() -> None:
    page = (ROOT / "docs" / "operations" / "aws.md").read_text()
    config = (ROOT / "samconfig.toml").read_text()
    for command in ("make deploy ENV=dev",):
        assert command in page
        assert command in config
    assert not re.search(r"(?<![/\w`])sam (?:build|deploy) ?(?:&&|--)", page + config)
    regions = [line for line in config.splitlines() if line.startswith("region")]
    assert f"there are {['', 'one', 'two', 'three', 'four', 'five'][len(regions)]}" in page
    assert len({part["parameters"]["region"] for part in _with_region(tomllib.loads(config))}) == 1


def _with_region(config: dict) -> list[dict]:  # type: ignore[type-arg]
    parts = [part for env in config.values() if isinstance(env, dict) for part in env.values()]
    return [part for part in parts if "region" in part.get("parameters", {})]


def test_the_import_without_a_profile_says_what_to_type(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli.app, ["deploy", "import", str(tmp_path), "--env", "prod"], env={"COLUMNS": "300"}
    )
    assert done.exit_code == 1
    assert f"`ona deploy import {tmp_path} --profile <profile> --env prod`" in done.output
    assert "no account was named" in done.output


@pytest.mark.parametrize("there", [False, True], ids=["no 3.13", "3.13"])
def test_make_build_asks_for_its_python_before_it_sets_anything_up(there: bool, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "bin").mkdir()
    for file in ("Makefile", "scripts/build", "requirements/sam.txt", "requirements/dev.txt"):
        shutil.copy(ROOT / file, tmp_path / file)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    python = f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncase "$*" in *venv*) exit 9;; esac\n'
    for version in ("3.12", *(["3.13"] if there else [])):
        (tmp_path / "bin" / f"python{version}").write_text(python)
        (tmp_path / "bin" / f"python{version}").chmod(0o755)
    environment = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    make = tmp_path / "bin" / "make"
    done = subprocess.run(
        [make, "build"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    calls = tmp_path / "calls"
    begun = calls.exists() and "venv" in calls.read_text()
    assert begun == there, "an environment is begun only where the build can work"
    assert ("needs python3.13" in done.stderr) != there
    assert ("Setting up .venv-sam" in done.stdout) == there


def test_objects_are_read_without_the_aws_command_line() -> None:
    """The script's own words when nothing was said to it: how it is called."""
    python = ROOT / ".venv" / "bin" / "python"
    done = subprocess.run(
        [python if python.exists() else "python3", ROOT / "samples" / "objects.py"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert done.returncode == 1
    assert 'eval "$(./ona env)"' in done.stderr
