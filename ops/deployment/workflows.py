"""Whether a workflow works, tried state by state without beginning an execution.

Step Functions runs one state by itself with the workflow's role, and keeps nothing of it (AWS Step
Functions API reference, TestState). A state that calls a function gets a probe instead of its own input:
the function reads, and writes nothing (`ona.runtime.probe`). A state that calls another service would
write there; of it IAM is asked whether the role may, where the definition names on what
(SimulatePrincipalPolicy).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ona.runtime import probe
from ona.runtime.words import counted
from ops.deployment.finding import Finding
from ops.deployment.versions import Ask, Published

_UNFILLED = re.compile(r"\$\{[A-Za-z][A-Za-z0-9]*\}")
"""A substitution of the template that nobody filled in."""
_INVOKE = "arn:aws:states:::lambda:invoke"
_OF_ITS_OWN = ("Type", "Resource", "TimeoutSeconds")
"""What a state's trial keeps of its definition, beside the function that it calls."""
_DENIED = ("explicitDeny", "implicitDeny")
_OBJECTS = {
    "s3:putObject": "s3:PutObject",
    "s3:getObject": "s3:GetObject",
    "s3:deleteObject": "s3:DeleteObject",
    "s3:copyObject": "s3:PutObject",
}
"""Calls on one object, with the action that each needs on the object that it names."""
_BEGINS = re.compile(r"\{%\s*'([^']+/)'\s*&")
_CANNOT_TRY = ("NotSupported", "AccessDeniedException", "UnknownOperationException")
Json = dict[str, Any]
Sample = Callable[[str], Any]
"""The sample event of a function, by its deployed name; None where it has none."""


@dataclass
class _Seen:
    """What was tried of one workflow."""

    tried: dict[str, str] = field(default_factory=dict)
    """What is wrong with each function, by ARN; empty where it answered."""
    not_tried: str = ""
    allowed: int = 0


def finding(client: Ask, item: Published, sample: Sample) -> Finding:
    """What is wrong with a workflow's live version, or what of it was tried."""
    states = client("stepfunctions")
    live = states.describe_state_machine(stateMachineArn=f"{item.arn}:{item.live}")
    definition, role = live["definition"], live["roleArn"]
    if found := sorted(set(_UNFILLED.findall(definition))):
        return _wrong(item, f"nothing was put in for {', '.join(found)}")
    checked = states.validate_state_machine_definition(definition=definition)
    if checked["result"] != "OK":
        said = "; ".join(one["message"] for one in checked["diagnostics"] if one["severity"] == "ERROR")
        return _wrong(item, f"its definition is refused: {said}")
    seen = _Seen()
    whole = json.loads(definition)
    language, place = whole.get("QueryLanguage", "JSONPath"), ":".join(item.arn.split(":")[3:5])
    for name, state in tasks(whole):
        if problem := _try(client, state, role, sample, seen, language, place):
            return _wrong(item, f"state {name}: {problem}")
    if seen.not_tried:
        return Finding("not asked", item.short, f"version {item.live}: {seen.not_tried}")
    answered, others = counted(len(seen.tried), "function"), counted(seen.allowed, "other call")
    text = f"{answered} answered through its role, {others} allowed; no execution was begun"
    return Finding("ok", item.short, f"version {item.live}: {text}")


def _wrong(item: Published, text: str) -> Finding:
    return Finding("wrong", item.short, f"version {item.live}: {text}")


def tasks(definition: Json) -> Iterator[tuple[str, Json]]:
    """Every Task of a definition with its name, also those within maps and branches."""
    for name, state in definition.get("States", {}).items():
        if state["Type"] == "Task":
            yield name, state
        inner = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
        for part in [*inner, *state.get("Branches", [])]:
            yield from tasks(part)


def _try(
    client: Ask, state: Json, role: str, sample: Sample, seen: _Seen, language: str, place: str
) -> str:
    """Why a state would fail; empty where nothing speaks against it."""
    given = state.get("Arguments", state.get("Parameters", {}))
    if state["Resource"] == _INVOKE:
        arn = given.get("FunctionName", "") if isinstance(given, dict) else ""
        if not arn or not _is_text(arn):
            return ""
        if arn not in seen.tried and not seen.not_tried:
            event = probe.asking(sample(_named(arn)))
            kept = {**_kept(state), "QueryLanguage": language}
            seen.tried[arn] = _answer(client, kept, role, arn, event, seen)
        return seen.tried.get(arn, "")
    for action, resource in _demands(state["Resource"], given, place):
        try:
            answer = client("iam").simulate_principal_policy(
                PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
            )
        except Exception as error:
            seen.not_tried = seen.not_tried or f"IAM was not asked: {error}"
            return ""
        known = [one for one in answer["EvaluationResults"] if not one.get("MissingContextValues")]
        if any(one["EvalDecision"] in _DENIED for one in known):
            return f"its role may not {action} on {resource}"
        seen.allowed += len(known)
    return ""


def _kept(state: Json) -> Json:
    return {name: state[name] for name in _OF_ITS_OWN if name in state}


def _answer(client: Ask, state: Json, role: str, arn: str, event: Any, seen: _Seen) -> str:
    """Let Step Functions run the state with a probe; why that failed, empty where it answered."""
    where = "Arguments" if state["QueryLanguage"] == "JSONata" else "Parameters"
    trial = {**state, where: {"FunctionName": arn, "Payload": event}, "End": True}
    try:
        answer = client("stepfunctions").test_state(definition=json.dumps(trial), roleArn=role, input="{}")
    except Exception as error:
        code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        if code in _CANNOT_TRY:
            seen.not_tried = f"no state was tried: {code}: {error}"
            return ""
        return f"cannot be tried: {error}"
    if answer["status"] != "SUCCEEDED":
        return f"{answer.get('error', '')}: {' '.join(str(answer.get('cause', '')).split())[:300]}"
    payload = json.loads(answer["output"]).get("Payload")
    if probe.told(payload) is None:
        return f"{_named(arn)} answered as if it were no probe"
    return ""  # whether the function is well is its own line


def _named(arn: str) -> str:
    """The name of a function in its ARN, without the alias."""
    return arn.split(":")[6] if len(arn.split(":")) > 6 else arn


def _demands(resource: str, given: Any, place: str) -> Iterator[tuple[str, str]]:
    """Action and ARN of a call of another service, where its arguments name on what. `place`: region and
    account. Of a key that is reckoned, the text with which it begins is taken."""
    call = resource.removeprefix("arn:aws:states:::").removeprefix("aws-sdk:").partition(".")[0]
    if not isinstance(given, dict):
        return
    queue, table, bucket = given.get("QueueUrl"), given.get("TableName"), given.get("Bucket")
    if call == "sqs:sendMessage" and _is_text(queue):
        region = place.partition(":")[0]
        yield "sqs:SendMessage", f"arn:aws:sqs:{region}:" + ":".join(str(queue).rstrip("/").split("/")[-2:])
    elif call == "dynamodb:putItem" and _is_text(table):
        yield "dynamodb:PutItem", f"arn:aws:dynamodb:{place}:table/{table}"
    elif call == "events:putEvents":
        yield "events:PutEvents", f"arn:aws:events:{place}:event-bus/default"
    elif call == "s3:listObjectsV2" and _is_text(bucket):
        yield "s3:ListBucket", f"arn:aws:s3:::{bucket}"
    elif call in _OBJECTS and _is_text(bucket) and (key := _key(given.get("Key"))):
        yield _OBJECTS[call], f"arn:aws:s3:::{bucket}/{key}"


def _key(given: Any) -> str:
    """A key of the kind that a call's argument makes; empty where nothing says of which kind it is.

    >>> _key("assets.json"), _key("{% 'outcomes/' & $file_id & '.json' %}"), _key("{% $key %}")
    ('assets.json', 'outcomes/example', '')
    """
    if _is_text(given):
        return str(given)
    begins = _BEGINS.match(str(given))
    return f"{begins[1]}example" if begins else ""


def _is_text(value: Any) -> bool:
    """Whether an argument is a text as it stands, no expression."""
    return isinstance(value, str) and "{%" not in value and not value.startswith("$")
