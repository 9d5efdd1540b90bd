"""Two hooks that replace the same private name: the later one goes on with what the earlier put there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

Steps = list[tuple[str, str, str]]

REPLACED_WHOLE = {
    "ministack.app.pin_request_origin": "a second name of iam_evaluator.pin_request_origin, which goes on",
}
"""Names whose later hook does not take what an earlier one put there, and why nothing is lost."""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """Every taking and replacing of a private name, in order."""
    home = tmp_path_factory.mktemp("home")
    path = os.pathsep.join([str(ROOT), str(ROOT / "functions")])
    done = subprocess.run(
        [sys.executable, "-m", "tests.fakes.hook_order", str(home)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(step[0], step[1], step[2]) for step in json.loads(done.stdout.splitlines()[-1])]


def lost(steps: Steps) -> list[str]:
    """Names that a hook replaced without having taken what was there, after another had replaced them."""
    found = []
    fresh: dict[str, bool] = {}
    """Whether a replaced name was taken since."""
    for what, name, by in steps:
        if what == "private":
            fresh[name] = True
        else:
            if fresh.get(name) is False:
                found.append(f"{name}, by {by}")
            fresh[name] = False
    return found


def stale(steps: Steps) -> list[str]:
    """Names that a hook took to call them, and that another replaced afterwards: it calls the old one."""
    found = []
    for place, (what, name, by) in enumerate(steps):
        later = [who for how, which, who in steps[place + 1 :] if (how, which) == ("replace", name)]
        if what == "private" and by not in later and later:
            found.append(f"{name}, taken by {by}, then replaced by {later[0]}")
    return found


def test_no_hook_calls_what_another_has_replaced(steps: Steps) -> None:
    assert stale(steps) == []


def test_a_hook_that_calls_the_old_one_is_named() -> None:
    early: Steps = [("private", "a.b", "one"), ("private", "a.b", "two"), ("replace", "a.b", "two")]
    assert stale(early) == ["a.b, taken by one, then replaced by two"]
    assert stale(early[1:]) == []


def test_no_hook_throws_away_what_another_put_there(steps: Steps) -> None:
    assert [name for name in lost(steps) if name.split(",")[0] not in REPLACED_WHOLE] == []


def test_a_hook_that_throws_away_is_named() -> None:
    twice: Steps = [("replace", "a.b", "one"), ("replace", "a.b", "two"), ("private", "a.b", "three")]
    assert lost(twice) == ["a.b, by two"]
    assert lost([*twice[::2], ("replace", "a.b", "three")]) == []


def test_names_are_replaced_in_this_order(steps: Steps) -> None:
    """Where the order matters: the last one is called first."""
    by: dict[str, list[str]] = {}
    for what, name, who in steps:
        if what == "replace":
            by.setdefault(name.removeprefix("ministack.services."), []).append(who.split(".", 1)[1])
    stepfunctions = ["hooks.creation", "hooks.roles_trust", "limits.refusal"]
    expected = {
        # a limit stands before the check of the role, which stands before the work
        "stepfunctions._create_state_machine": ["hooks.traces", *stepfunctions],
        # what runs keeps its definition where the update is done, after all who may refuse it
        "stepfunctions._update_state_machine": ["hooks.machine_versions", "hooks.traces", *stepfunctions],
        "lambda_svc._create_function": ["hooks.roles_trust", "limits.refusal"],
        # an integration's time runs from when it is asked for; refused calls have none, and no kept answer
        "apigateway_v1._invoke_lambda_proxy_v1": [
            "hooks.api_cache",
            "hooks.roles_services",
            "limits.gateway",
        ],
        # who may invoke is asked before the event is queued
        "sns._deliver_to_lambda": ["hooks.asynchronous", "hooks.roles_services"],
        "lambda_svc.invoke_async_with_retry": ["hooks.asynchronous"],
        # an execution's end is marked after all that writes it
        "stepfunctions._run_execution": ["hooks.executions", "hooks.durable_stepfunctions"],
    }
    assert {name: by.get(name) for name in expected} == expected
