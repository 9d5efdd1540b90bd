"""`ona deploy check` refuses to deploy over a platform that somebody stopped, and over no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops.deployment import running, stopped
from ops.deployment.settings import Settings
from ops.emergency import doors

STACK = "ona-platform-prod"


class Account:
    """Two platforms: the one that is deployed over, and its neighbour in the same account."""

    def __init__(self) -> None:
        location = {"LocationConstraint": "af-south-1"}
        for name in ("prod", "staging"):
            self("s3").create_bucket(Bucket=f"{name}-out", CreateBucketConfiguration=location)
        self.there = ["prod", "staging"]

    def __call__(self, service: str) -> Any:
        if service == "cloudformation":
            return SimpleNamespace(describe_stacks=self._stacks)
        return boto3.client(service, region_name="af-south-1")

    def _stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        name = StackName.removeprefix("ona-platform-")
        if name not in self.there:
            raise RuntimeError(f"Stack with id {StackName} does not exist")
        given = {"OutputBucketName": f"{name}-out", "Flags": "a/b/c/d"}
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in given.items()]
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]}

    def stop(self, name: str, state: str, why: str = "a bad release") -> None:
        reasons = [{"by": "thandi", "at": "2026-11-28T03:00:00Z", "why": why}]
        body = {"stop_id": "1", "version": "1", "environment": name, "state": state, "reasons": reasons}
        self("s3").put_object(Bucket=f"{name}-out", Key="operations/stops/1.json", Body=json.dumps(body))

    def state(self, *, meant: bool = False) -> tuple[str, str]:
        [found] = stopped.findings(self, STACK, meant=meant)
        return found.state, found.text


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(doors, "in_maintenance", lambda _: False)
    with mock_aws():
        yield Account()


def test_a_platform_that_runs_is_deployed_over(account: Account) -> None:
    account.stop("staging", "stopped")
    assert account.state() == ("ok", "the platform is not stopped")
    account.stop("prod", "ended")
    assert account.state()[0] == "ok"
    account.there = ["staging"]
    assert account.state() == ("ok", "nothing is deployed yet")


@pytest.mark.parametrize("state", ["stopping", "stopped", "resuming"])
def test_a_stopped_one_is_not_and_the_way_is_told(account: Account, state: str) -> None:
    account.stop("prod", state)
    found, text = account.state()
    assert found == "wrong"
    for said in ("2026-11-28 03:00 UTC by thandi: a bad release", "`ona resume`", "--while-stopped"):
        assert said in text
    meant, text = account.state(meant=True)
    assert (meant, "`ona stop` again" in text) == ("ok", True)


def test_maintenance_mode_that_somebody_set_in_the_console_counts(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "in_maintenance", lambda target: target.stack == STACK)
    found, text = account.state()
    assert (found, "`ona flags set maintenance_mode off`" in text) == ("wrong", True)


@pytest.mark.parametrize("meant", [True, False])
def test_run_hands_it_on_to_check_and_to_nothing_else(meant: bool) -> None:
    chosen = Settings(STACK, "af-south-1", {"Environment": "prod"})
    todo = list(running.steps(chosen, "prod", "mine", "0123", yes=True, while_stopped=meant))
    with_it = [step.words[2] for step in todo if stopped.MEANT in step.words]
    assert with_it == (["check"] if meant else [])
