"""Puts the correlation id into a workflow's definition, so that no file of `statemachines/` repeats it.

The first state takes it from the event. From there it goes into the payload of each function, into the
events of the platform, and into what is put into the outbox. A workflow that a Map starts in executions of
their own cannot read outer variables: each item brings the id, and `$states.context.Execution.Input` is the
item. Source: AWS Step Functions Developer Guide, "Passing data between states with variables" (scope of
variables in a Distributed Map) and "Accessing execution data from the Context object".
"""

from __future__ import annotations

from typing import Any

KEY = "correlation_id"
FIRST = (
    "{% $type($states.input.correlation_id) = 'string' ? $states.input.correlation_id"
    " : $type($states.input.detail.correlation_id) = 'string' ? $states.input.detail.correlation_id"
    " : $type($states.input.id) = 'string' ? $states.input.id"
    " : $states.context.Execution.Name %}"
)
"""Whose id it is: an event's that one of ours passed on; else the bus event's own (an S3 event is one);
else the execution's, for a timer's input has none. No part fails, whatever the event is."""
VARIABLE = "$correlation_id"
OF_ITEM = "$states.context.Execution.Input.correlation_id"
"""The id in an execution that a Distributed Map has started: its input is the item."""
SOURCE = "ona.platform"
OUTBOX = "${OutboxTable}"


def with_correlation(definition: dict[str, Any]) -> dict[str, Any]:
    """The same workflow, where each function, event and outbox item gets the id.

    >>> task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"Payload": {}}}
    >>> made = with_correlation({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": task}})
    >>> made["States"]["A"]["Assign"] == {"correlation_id": FIRST}
    True
    >>> made["States"]["B"]["Arguments"]
    {'Payload': {'correlation_id': '{% $correlation_id %}'}}

    Raises ValueError where the first state is none that can take the id before it works: a Pass can.
    """
    first = definition["States"][definition["StartAt"]]
    if first["Type"] != "Pass":
        raise ValueError(
            f"{definition['StartAt']} must be a Pass: it takes the correlation id from the event"
        )
    complete = _carried(definition, VARIABLE)
    begin = complete["States"][definition["StartAt"]]
    begin["Assign"] = {**begin.get("Assign", {}), KEY: FIRST}
    return complete


def _carried(machine: dict[str, Any], own: str) -> dict[str, Any]:
    """A machine, or the one inside a Map; `own`: the expression for the id in it."""
    return {**machine, "States": {name: _state(state, own) for name, state in machine["States"].items()}}


def _state(state: dict[str, Any], own: str) -> dict[str, Any]:
    if state["Type"] == "Map":
        inner = state["ItemProcessor"]
        if inner["ProcessorConfig"]["Mode"] != "DISTRIBUTED":
            return {**state, "ItemProcessor": _carried(inner, own)}
        items = {**state["ItemSelector"], KEY: _written(own)}
        return {**state, "ItemSelector": items, "ItemProcessor": _carried(inner, OF_ITEM)}
    if state["Type"] != "Task":
        return dict(state)
    resource, arguments = str(state["Resource"]), state["Arguments"]
    if resource.endswith(":lambda:invoke"):
        return {**state, "Arguments": {**arguments, "Payload": _with(arguments["Payload"], own)}}
    if ":events:putEvents" in resource:
        entries = [
            {**entry, "Detail": _with(entry["Detail"], own)} if entry["Source"] == SOURCE else entry
            for entry in arguments["Entries"]
        ]
        return {**state, "Arguments": {**arguments, "Entries": entries}}
    if resource.endswith(":dynamodb:putItem") and arguments["TableName"] == OUTBOX:
        return {
            **state,
            "Arguments": {**arguments, "Item": {**arguments["Item"], KEY: {"S": _written(own)}}},
        }
    return dict(state)


def _written(expression: str) -> str:
    return "{% " + expression + " %}"


def _with(value: Any, own: str) -> Any:
    """An object, written out or as one expression, with the id as a field of it; one that it has stays.

    >>> _with("{% $states.input %}", "$correlation_id")
    "{% $merge([{'correlation_id': $correlation_id}, $states.input]) %}"
    """
    if isinstance(value, dict):
        return {KEY: _written(own), **value}
    inner = str(value).strip().removeprefix("{%").removesuffix("%}").strip()
    return _written(f"$merge([{{'{KEY}': {own}}}, {inner}])")
