"""CloudFormation: a stack that was deployed below a root can go back as long as the root is not done.

On AWS a nested stack removes what it no longer needs only when the whole operation of its root succeeded;
until then it can go back, and does when another stack of the same root fails (CloudFormation User Guide,
"View stack events", UPDATE_COMPLETE_CLEANUP_IN_PROGRESS; "Embed stacks within other stacks using nested
stacks"). The embedded cloud's stacks stand side by side. The tag `ona:root` names the root, and the
ClientRequestToken of a deployment of all begins with `ona-deployment-` (`local.deploy`).

- Of such a stack the removal of old resources waits for the root's end.
- Until then RollbackStack takes it back: an update ends as UPDATE_ROLLBACK_COMPLETE, a creation as
  ROLLBACK_COMPLETE. Any other stack is refused as AWS refuses it: only CREATE_FAILED and UPDATE_FAILED.
- RollbackStack of the root, after one stack below it was refused, writes the root's events.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from local.descriptions import OPERATION, ROOT_TAG
from local.hooks.base import private, replace

Json = dict[str, Any]
_STACK = "AWS::CloudFormation::Stack"
_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_WAITING = "_removals"
"""The field of a stack's record with what is to be removed when the root is done: it outlives a restart."""


@dataclass
class _Operation:
    """What one stack's part of a deployment did, for the way back."""

    root: str
    template: Json
    parameters: Json
    previous: Json | None
    tags: list[Json]
    replaced: list[str] = field(default_factory=list)
    predecessors: list[Any] = field(default_factory=list)
    """Calls that delete what a replacement left."""


_operations: dict[str, _Operation] = {}
"""By the stack's id; until the root is done, or the server ends."""
_refused: dict[str, tuple[str, str]] = {}
"""By the root's name: the stack below it that failed, and why."""


def application(root: str, stack: str) -> str:
    """The application of a stack: its logical id in the root.

    >>> application("ona-platform-dev", "ona-platform-dev-forecast-training")
    'ForecastTraining'
    """
    return "".join(part.capitalize() for part in stack.removeprefix(f"{root}-").split("-"))


def _root_of(stack: Json | None) -> str:
    tags = (stack or {}).get("Tags") or []
    return next((str(tag["Value"]) for tag in tags if tag.get("Key") == ROOT_TAG), "")


def _nothing() -> None:
    """Stands for a deletion that waits."""


def _goes_back(status: str) -> bool:
    return "ROLLBACK" in status


def _made(template: Json, conditions: Json, there: Json) -> list[str]:
    """The resources that an operation made or updated, in their order."""
    from ministack.services.cloudformation import engine

    order = private(engine, "_topological_sort")(template.get("Resources", {}), conditions)
    return [name for name in order if name in there]


async def _remove(stacks: Any, stack: Json) -> None:
    """Remove what a stack no longer needs. What cannot be removed stays, and an event says so: as on AWS
    the deployment has succeeded all the same."""
    from ministack.core.concurrency import run_reentrant
    from ministack.services.cloudformation import provisioners

    operation = _operations.pop(stack["StackId"], None)
    drop = private(provisioners, "_delete_resource")
    waiting: list[Any] = [(drop, tuple(item), {}, item) for item in stack.pop(_WAITING, [])]
    of_replaced = [(*call, ()) for call in operation.predecessors] if operation else []
    for call, given, named, item in [*of_replaced, *waiting]:
        kind, physical, logical = (item[0], item[1], item[4]) if item else ("", "", "")
        try:
            if kind and private(stacks, "_runs_on_worker_thread")(kind):
                await run_reentrant(call, *given, **named)
            else:
                call(*given, **named)
        except Exception as error:
            kind, physical = kind or _STACK, physical or stack["StackId"]
            name = stack["StackName"]
            private(stacks, "_add_event")(
                stack["StackId"], name, logical or name, kind, "DELETE_FAILED", str(error), physical
            )


async def _take_back(stacks: Any, stack: Json, operation: _Operation) -> None:
    name, ident = stack["StackName"], stack["StackId"]
    update = operation.previous is not None
    conditions = stack.get("_conditions") or {}
    stack.pop(_WAITING, None)
    given = private(stacks, "_failed_operation")(
        update,
        operation.previous,
        _made(operation.template, conditions, stack.get("_resources") or {}),
        None,
        None,
        operation.replaced,
        False,
        operation.template,
        operation.parameters,
        False,
        operation.tags,
        (operation.previous or {}).get("Tags") or [],
    )
    why = f"The root stack {operation.root} is rolled back"
    await private(stacks, "_roll_back_operation")(name, ident, stack, given, why)
    if operation.previous is not None:
        stack["_conditions"] = operation.previous.get("_conditions") or {}


def _tell_root(stacks: Any, stack: Json, refusing: str, why: str) -> None:
    """The root's events of an update that one stack below it refused."""
    name, ident = stack["StackName"], stack["StackId"]
    add, logical = private(stacks, "_add_event"), application(name, refusing)
    add(ident, name, name, _STACK, "UPDATE_IN_PROGRESS", "User Initiated", ident)
    add(ident, name, logical, _STACK, "UPDATE_FAILED", why, refusing)
    back = f"The following resource(s) failed to update: [{logical}]. "
    add(ident, name, name, _STACK, "UPDATE_ROLLBACK_IN_PROGRESS", back, ident)
    add(ident, name, name, _STACK, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "", ident)
    add(ident, name, name, _STACK, "UPDATE_ROLLBACK_COMPLETE", "", ident)
    stack["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"


def install() -> None:
    """Apply the hooks, after that of the reasons."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import changesets, handlers, provisioners, stacks

    known = private(cloudformation, "_stacks")
    run = private(stacks, "_deploy_stack_async")
    token_of = private(stacks, "CLIENT_REQUEST_TOKEN")
    deferred = private(provisioners, "_DEFERRED_PREDECESSOR_DELETES")

    async def deployed(
        stack_name: str,
        stack_id: str,
        template: Json,
        param_values: Json,
        disable_rollback: bool,
        tags: list[Json],
        is_update: bool = False,
        previous_stack: Json | None = None,
        **named: Any,
    ) -> None:
        stack = known.get(stack_name)
        if stack is not None:
            stack["StackStatusReason"] = ""  # that of an operation before this one
        root = _root_of(stack)
        below = bool(root) and root != stack_name and token_of.get().startswith(OPERATION)
        if below and stack is not None:
            await _remove(stacks, stack)  # what an earlier deployment left, which nobody ended
            given = copy.deepcopy((template, param_values))
            _operations[stack_id] = _Operation(root, *given, previous_stack, list(stack.get("Tags") or []))
        await run(
            stack_name,
            stack_id,
            template,
            param_values,
            disable_rollback,
            tags,
            is_update=is_update,
            previous_stack=previous_stack,
            **named,
        )
        status = str((known.get(stack_name) or {}).get("StackStatus"))
        if below and status not in _WHOLE:
            _operations.pop(stack_id, None)
            (stack or {}).pop(_WAITING, None)
            said = f"Embedded stack {stack_id} was not successfully {'updated' if is_update else 'created'}"
            _refused[root] = (stack_name, f"{said}. Currently in {status}.")
        elif root == stack_name and status in _WHOLE:
            _refused.pop(root, None)
            for item in list(known.values()):
                if _root_of(item) == root and item["StackName"] != root:
                    await _remove(stacks, item)

    def updated(*given: Any) -> Any:
        """A replacement's predecessor stays until the root is done."""
        result = keep_seed(*given)
        pending = deferred.get()
        stack = known.get(given[4]) or {}
        if pending and (operation := _operations.get(stack.get("StackId", ""))):
            operation.replaced.append(str(given[5]))
            operation.predecessors += pending
            pending[:] = [(_nothing, (), {})]
        return result

    def removed(kind: str, physical: str, properties: Json, name: str, logical: str) -> Any:
        stack = known.get(name) or {}
        waits = stack.get("StackId") in _operations and stack.get("StackStatus") == "UPDATE_IN_PROGRESS"
        if not waits:
            return drop(kind, physical, properties, name, logical)
        _operations[stack["StackId"]].replaced.append(logical)
        stack.setdefault(_WAITING, []).append([kind, physical, properties, name, logical])
        return None

    def roll_back(form: Json) -> Any:
        stack = private(handlers, "_resolve_stack")(private(handlers, "_p")(form, "StackName"))
        if stack is None or stack.get("StackStatus") not in (*_WHOLE, "UPDATE_ROLLBACK_COMPLETE"):
            return refuse(form)
        ident = stack["StackId"]
        if operation := _operations.pop(ident, None):
            back = "ROLLBACK_IN_PROGRESS" if operation.previous is None else "UPDATE_ROLLBACK_IN_PROGRESS"
            stack["StackStatus"] = back
            task = _take_back(stacks, stack, operation)
            private(stacks, "_create_stack_task_in_region")(task, stack, ident)
        elif stack["StackName"] in _refused:
            _tell_root(stacks, stack, *_refused.pop(stack["StackName"]))
        else:
            return refuse(form)
        inner = f"<RollbackStackResult><StackId>{ident}</StackId></RollbackStackResult>"
        return private(handlers, "_xml")(200, "RollbackStackResponse", inner)

    def begun(action: str) -> Any:
        """A stack that is refused before anything is made refuses for the root, too."""
        original = actions[action]

        def asked(form: Json) -> Any:
            answer = original(form)
            tags = private(handlers, "_extract_members")(form, "Tags")
            root, name = _root_of({"Tags": tags}), private(handlers, "_p")(form, "StackName")
            token = private(handlers, "_p")(form, "ClientRequestToken") or ""
            if answer[0] >= 400 and root and root != name and token.startswith(OPERATION):
                _refused[root] = (name, f"{action} of the embedded stack {name} was refused")
            return answer

        return asked

    for module in (stacks, handlers, changesets):
        if hasattr(module, "_deploy_stack_async"):
            private(module, "_deploy_stack_async")
            replace(module, "_deploy_stack_async", deployed)
    keep_seed, drop = private(stacks, "_update_keeping_seed"), private(stacks, "_delete_resource")
    replace(stacks, "_update_keeping_seed", updated)
    replace(stacks, "_delete_resource", removed)
    actions: dict[str, Any] = private(handlers, "_ACTION_HANDLERS")
    refuse = actions["RollbackStack"]
    actions["RollbackStack"] = roll_back
    for action in ("CreateStack", "UpdateStack"):
        actions[action] = begun(action)
