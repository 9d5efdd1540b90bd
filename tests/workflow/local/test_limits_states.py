"""Limits of running workflows: what states pass on, the history, variables."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from local.limits import histories, payloads
from local.limits.values import HISTORY_EVENTS, STATE_BYTES
from tests.fakes.lab import Lab, task

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

LIMIT = "States.DataLimitExceeded"
PAD = "$join([1..{n}].'x')"
"""JSONata for a text of n letters."""


def machine(**states: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def grown(size: int) -> str:
    """JSONata for a text that is, as JSON, so many bytes long: `$given` has 1 024 letters."""
    whole, rest = divmod(size - 2, 1024)
    return "{% $join([1..WHOLE].$given) & $substring($given, 0, REST) %}".replace(
        "WHOLE", str(whole)
    ).replace("REST", str(rest))


def seeded(**states: Any) -> dict[str, Any]:
    first = {"Type": "Pass", "Assign": {"given": "x" * 1024}, "Output": {}, "Next": next(iter(states))}
    return machine(Seed=first, **states)


def test_a_state_passes_on_256_kib(lab: Lab) -> None:
    for size, status in ((STATE_BYTES, "SUCCEEDED"), (STATE_BYTES + 1, "FAILED")):
        done = lab.run(seeded(A={"Type": "Pass", "Output": grown(size), "End": True}))
        assert done["status"] == status, size
        assert (done.get("error") == LIMIT) == (status == "FAILED")


def test_it_is_measured_in_bytes_of_compact_json() -> None:
    assert payloads.fits("ü" * (STATE_BYTES // 2 - 1))
    assert not payloads.fits("ü" * (STATE_BYTES // 2))
    assert payloads.json_bytes({"a": [1, 2]}) == len('{"a":[1,2]}')


def test_a_functions_result_is_limited_and_only_its_name_catches_it(lab: Lab) -> None:
    function = lab.function("def handler(e, c): return 'x' * e['n']\n")
    for names, status in (
        (["States.ALL"], "FAILED"),
        (["States.TaskFailed"], "FAILED"),
        ([LIMIT], "SUCCEEDED"),
    ):
        definition = task(
            "arn:aws:states:::lambda:invoke",
            {"FunctionName": function, "Payload": {"n": STATE_BYTES}},
            Output="{% 1 %}",
            Catch=[{"ErrorEquals": names, "Output": "{% $states.errorOutput %}", "Next": "Seen"}],
        )
        definition["States"]["Seen"] = {"Type": "Succeed"}
        done = lab.run(definition)
        assert done["status"] == status, names
    assert json.loads(done["output"])["Error"] == LIMIT
    small = task(
        "arn:aws:states:::lambda:invoke",
        {"FunctionName": function, "Payload": {"n": 200_000}},
        Output="{% 1 %}",
    )
    assert lab.run(small)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("kind", ["Map", "Parallel", "Distributed"])
def test_the_raw_result_of_many_is_limited_before_it_is_made_smaller(lab: Lab, kind: str) -> None:
    """Nine results of 30 000 bytes are more than 256 KiB, eight are less."""
    for count, status in ((8, "SUCCEEDED"), (9, "FAILED")):
        one = {"StartAt": "One", "States": {"One": {"Type": "Pass", "Output": "x" * 30_000, "End": True}}}
        outer: dict[str, Any] = {"Type": "Map", "Items": list(range(count)), "ItemProcessor": one}
        if kind == "Parallel":
            state = one["States"]["One"]  # type: ignore[index]
            names = [f"One{index}" for index in range(count)]
            outer = {"Type": "Parallel", "Branches": [{"StartAt": n, "States": {n: state}} for n in names]}
        if kind == "Distributed":
            outer["ItemProcessor"] = {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **one,
            }
        done = lab.run(machine(Many={**outer, "Output": "{% $count($states.result) %}", "End": True}))
        assert done["status"] == status, (count, done.get("cause"))
        assert (done.get("error") == LIMIT) == (status == "FAILED")


def test_the_input_of_a_task_is_limited_after_its_arguments(lab: Lab) -> None:
    function = lab.function("def handler(e, c): return 1\n")
    text = "{% $join([1..250].$given) %}"
    for extra, status in ((1_000, "SUCCEEDED"), (10_000, "FAILED")):
        arguments = {"FunctionName": function, "Payload": {"a": text, "b": "x" * extra}}
        state = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": arguments,
            "Output": "{% 1 %}",
            "End": True,
        }
        done = lab.run(seeded(A=state))
        assert done["status"] == status
        assert (done.get("error") == LIMIT) == (status == "FAILED")


def test_variables_are_limited(lab: Lab) -> None:
    for size, status in ((STATE_BYTES, "SUCCEEDED"), (STATE_BYTES + 1, "FAILED")):
        done = lab.run(
            seeded(A={"Type": "Pass", "Assign": {"big": grown(size)}, "Output": {}, "End": True})
        )
        assert done["status"] == status, size


def test_a_history_ends_at_25_000_events_and_the_execution_fails(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counter by itself: 25 000 real events take a minute here."""
    from moto.stepfunctions.parser.api import HistoryEventType
    from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager

    from local.hooks.base import private

    original = private(EventManager, "add_event")
    monkeypatch.setattr(EventManager, "add_event", histories.counted(original))
    manager, context = EventManager(), EventHistoryContext.of_program_start()
    manager.ona_limited = True
    for _ in range(HISTORY_EVENTS - 1):
        manager.add_event(context, HistoryEventType.PassStateEntered)
    with pytest.raises(histories.HistoryFull, match=r"maximum number of history events \(25000\)"):
        manager.add_event(context, HistoryEventType.PassStateEntered)
    assert manager.add_event(context, HistoryEventType.ExecutionFailed) == HISTORY_EVENTS


@pytest.mark.soak
@pytest.mark.parametrize("where", ["alone", "iteration", "branch"])
def test_an_execution_of_too_many_events_fails(lab: Lab, where: str) -> None:
    """Two states in a circle; nothing catches it."""
    circle = {
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}},
    }
    if where == "alone":
        definition: dict[str, Any] = {"QueryLanguage": "JSONata", **circle}
    else:
        outer: dict[str, Any] = {"Type": "Parallel", "Branches": [circle]}
        if where == "iteration":
            outer = {"Type": "Map", "Items": [1], "ItemProcessor": circle}
        catch = [{"ErrorEquals": ["States.ALL"], "Next": "Seen"}]
        definition = machine(Outer={**outer, "Catch": catch, "End": True}, Seen={"Type": "Succeed"})
    done = lab.run(definition)
    assert (done["status"], done["error"]) == ("FAILED", "States.Runtime")
    assert done["cause"].endswith("The execution reached the maximum number of history events (25000).")


def test_an_express_execution_lasts_five_minutes_at_most() -> None:
    """What moto's program is given as its time-out; nobody waits for it here."""
    seen: list[int | None] = []

    class Program:
        """A program with or without a time-out of its own."""

        def __init__(self, own: int | None) -> None:
            self.timeout_seconds = SimpleNamespace(timeout_seconds=own) if own else None

        def eval(self, _env: Any) -> None:
            seen.append(self.timeout_seconds.timeout_seconds if self.timeout_seconds else None)

    histories._express(Program)
    for own, standard in ((None, False), (600, False), (60, False), (600, True), (None, True)):
        env = SimpleNamespace(
            is_frame=lambda: False, is_standard_workflow=lambda standard=standard: standard
        )
        Program(own).eval(env)
    assert seen == [300, 300, 60, 600, None]
