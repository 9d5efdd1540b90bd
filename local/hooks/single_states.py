"""Step Functions: TestState runs one state with a role, and keeps nothing of it.

AWS Step Functions API reference, TestState: it takes the definition of a single state, executes it with
the role's rights, and makes no execution. Activities, `.sync`, `.waitForTaskToken`, Map and Parallel need
a mock there. Mocks, variables, retries, catchers and Choice are refused here by name.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from local.hooks import executions
from local.hooks.base import private, replace
from local.hooks.definitions import problems

NAME = "TestState"
_NEEDS_MOCK = (".sync", ".sync:2", ".waitForTaskToken")
_TYPES = ("Task", "Pass", "Wait", "Succeed", "Fail")
_NOT_HERE = ("mock", "variables", "context", "stateName", "stateConfiguration")
Json = dict[str, Any]


def install() -> None:
    """Apply the hook, after that of executions."""
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.backend import execution as moto_execution

    now_iso = private(stepfunctions, "now_iso")
    region, account = private(stepfunctions, "get_region"), private(stepfunctions, "get_account_id")
    private(stepfunctions, "_test_state")  # ministack's own, weaker interpreter

    def run(data: Json) -> Any:
        try:
            state = json.loads(data.get("definition") or "")
        except ValueError:
            return error_response_json("InvalidDefinition", "the definition is no JSON", 400)
        if refused := _refused(data, state):
            return error_response_json(*refused, 400)
        whole = json.dumps(_machine(state))
        if errors := problems(whole):
            return error_response_json("InvalidDefinition", "; ".join(errors), 400)
        place = f"{region()}:{account()}"
        machine = {
            "definition": whole,
            "type": "STANDARD",
            "roleArn": data.get("roleArn", ""),
            "name": NAME,
            "stateMachineArn": f"arn:aws:states:{place}:stateMachine:{NAME}",
        }
        arn = f"arn:aws:states:{place}:execution:{NAME}:{uuid.uuid4()}"
        record = {"name": arn.rpartition(":")[2], "input": data.get("input"), "startDate": now_iso()}
        try:
            running = executions.begin(moto_execution.SyncExecution, arn, record, machine)
        finally:
            executions.RUNNING.pop(arn, None)
        end = executions.end_of(running, now_iso())
        return json_response({name: value for name, value in end.items() if name != "stopDate"})

    replace(stepfunctions, "_test_state", run)


def _refused(data: Json, state: Any) -> tuple[str, str] | None:
    """The error's code and text for what AWS refuses, and for what is not done here."""
    kind, resource = (
        (state.get("Type"), str(state.get("Resource", ""))) if isinstance(state, dict) else ("", "")
    )
    if kind in ("Map", "Parallel") or resource.endswith(_NEEDS_MOCK) or ":activity:" in resource:
        return "ValidationException", f"{kind or resource} can be tested with a mock only"
    there = [name for name in _NOT_HERE if data.get(name)]
    there += [name for name in ("Retry", "Catch") if isinstance(state, dict) and name in state]
    if there or kind not in _TYPES:
        what = ", ".join(there) or f"a state of the type {kind}"
        return "NotSupported", f"the embedded cloud's TestState cannot do {what}"
    return None


def _machine(state: Json) -> Json:
    """A machine of this state alone."""
    last = {name: value for name, value in state.items() if name not in ("Next", "QueryLanguage")}
    ends = {} if state["Type"] in ("Succeed", "Fail") else {"End": True}
    language = {"QueryLanguage": state["QueryLanguage"]} if "QueryLanguage" in state else {}
    return {**language, "StartAt": NAME, "States": {NAME: {**last, **ends}}}
