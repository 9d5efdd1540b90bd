"""CloudFormation's stack refactor, as much of it as `local.moving` needs; ministack has none.

`CreateStackRefactor` reads the mappings, `ExecuteStackRefactor` hands the resources' records over.
No resource is created, changed or deleted.
AWS also takes the new templates; here the next update brings them.
"""

from __future__ import annotations

import copy
from typing import Any

from local.hooks.base import private

_LIVE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
"""States in which a stack may give or take."""

Mapping = tuple[str, str, str]
"""Source stack, logical id, destination stack."""


def mappings(form: dict[str, list[str]]) -> list[Mapping]:
    """The request's mappings; a resource keeps its logical id. Raises ValueError for one that does not.

    >>> mappings({
    ...     "ResourceMappings.member.1.Source.StackName": ["a"],
    ...     "ResourceMappings.member.1.Source.LogicalResourceId": ["Bucket"],
    ...     "ResourceMappings.member.1.Destination.StackName": ["b"],
    ...     "ResourceMappings.member.1.Destination.LogicalResourceId": ["Bucket"],
    ... })
    [('a', 'Bucket', 'b')]
    """
    read: list[Mapping] = []
    while True:
        start = f"ResourceMappings.member.{len(read) + 1}"
        if f"{start}.Source.StackName" not in form:
            return read
        source, name, destination, renamed = (
            form[f"{start}.{field}"][0]
            for field in (
                "Source.StackName",
                "Source.LogicalResourceId",
                "Destination.StackName",
                "Destination.LogicalResourceId",
            )
        )
        if renamed != name:
            raise ValueError(f"the embedded cloud cannot rename {name} to {renamed}")
        read.append((source, name, destination))


def hand_over(stacks: Any, wanted: list[Mapping], new_stack: Any) -> None:
    """Move the records. `stacks` has a stack's record by name; `new_stack` makes one like another's.

    Raises ValueError, before anything moved, for a stack or resource that is not there or is being changed.
    """
    for source, name, destination in wanted:
        if name not in stacks.get(source, {}).get("_resources", {}):
            raise ValueError(f"stack {source} has no resource {name}")
        for stack in (source, destination):
            status = stacks.get(stack, {}).get("StackStatus", "CREATE_COMPLETE")
            if status not in _LIVE | {"DELETE_COMPLETE"}:
                raise ValueError(f"stack {stack} is {status}")
        if name in stacks.get(destination, {}).get("_resources", {}):
            raise ValueError(f"stack {destination} has a resource {name} already")
    for source, name, destination in wanted:
        giver = stacks[source]
        if stacks.get(destination, {"StackStatus": "DELETE_COMPLETE"})["StackStatus"] == "DELETE_COMPLETE":
            stacks[destination] = new_stack(giver, destination)
        taker = stacks[destination]
        taker["_resources"][name] = giver["_resources"].pop(name)
        definition = giver["_template"].get("Resources", {}).pop(name, None)
        if definition is not None:
            taker["_template"]["Resources"][name] = definition


def _new_stack(giver: dict[str, Any], name: str) -> dict[str, Any]:
    from ministack.core.responses import get_account_id, new_uuid, now_iso

    region = giver["_region"]
    kept = ("Tags", "Capabilities", "_region", "_resolved_params", "_conditions", "DisableRollback")
    return {
        **{field: copy.deepcopy(giver[field]) for field in kept if field in giver},
        "StackName": name,
        "StackId": f"arn:aws:cloudformation:{region}:{get_account_id()}:stack/{name}/{new_uuid()}",
        "StackStatus": "CREATE_COMPLETE",
        "StackStatusReason": "",
        "CreationTime": now_iso(),
        "LastUpdatedTime": now_iso(),
        "Description": "",
        "Parameters": [],
        "Outputs": [],
        "EnableTerminationProtection": False,
        "_stack_policy": "",
        "_resources": {},
        "_template": {"Resources": {}},
        "_template_body": "{}",
    }


def install() -> None:
    """Apply the hook."""
    from ministack.core.responses import new_uuid
    from ministack.services import cloudformation
    from ministack.services.cloudformation import handlers, helpers

    stacks = private(cloudformation, "_stacks")
    xml, refuse = private(helpers, "_xml"), private(helpers, "_error")
    actions: dict[str, Any] = private(handlers, "_ACTION_HANDLERS")
    planned: dict[str, list[Mapping]] = {}

    def create(form: dict[str, list[str]]) -> Any:
        try:
            wanted = mappings(form)
        except ValueError as error:
            return refuse("ValidationError", str(error))
        name = new_uuid()
        planned[name] = wanted
        inner = f"<StackRefactorId>{name}</StackRefactorId>"
        answer = f"<CreateStackRefactorResult>{inner}</CreateStackRefactorResult>"
        return xml(200, "CreateStackRefactorResponse", answer)

    def execute(form: dict[str, list[str]]) -> Any:
        name = form.get("StackRefactorId", [""])[0]
        if name not in planned:
            return refuse("StackRefactorNotFoundException", f"no stack refactor {name}", 404)
        try:
            hand_over(stacks, planned.pop(name), _new_stack)
        except ValueError as error:
            return refuse("ValidationError", str(error))
        return xml(200, "ExecuteStackRefactorResponse", "")

    actions.update(CreateStackRefactor=create, ExecuteStackRefactor=execute)
