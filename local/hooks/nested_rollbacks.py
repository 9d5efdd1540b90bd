"""CloudFormation: a stack that was deployed below a root can go back as long as the root is not done.

On AWS a nested stack removes what it no longer needs only when the whole operation of its root succeeded;
until then it can go back, and does when another stack of the same root fails (CloudFormation User Guide,
"View stack events", UPDATE_COMPLETE_CLEANUP_IN_PROGRESS; "Embed stacks within other stacks using nested
stacks"). The embedded cloud's stacks stand side by side. The tag `ona:root` names the root, and the
ClientRequestToken of a deployment of all begins with `ona-deployment-` (`local.deploy`).

- Of such a stack the removal of old resources waits for the root's end.
- Until then RollbackStack takes it back: an update ends as UPDATE_ROLLBACK_COMPLETE, a creation as
  ROLLBACK_COMPLETE. Any other stack is refused as AWS refuses it: only CREATE_FAILED and UPDATE_FAILED.
- It is taken back to what it was when the root was done last, also after a restart
  (`local/hooks/open_operations.py`). RollbackStack with the token of a deployment that begins takes back
  only what another one updated and did not end.
- RollbackStack of the root, after one stack below it was refused, writes the root's events.
"""

from __future__ import annotations

from typing import Any

from local.descriptions import OPERATION, ROOT_TAG
from local.hooks import open_operations
from local.hooks.base import private, replace
from local.hooks.open_operations import FIELD, WAITING

Json = dict[str, Any]
_STACK = "AWS::CloudFormation::Stack"
_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
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


def _order(template: Json, conditions: Json) -> list[str]:
    """The resources of a template as CloudFormation makes them: what they depend on first."""
    from ministack.services.cloudformation import engine

    order: list[str] = private(engine, "_topological_sort")(template.get("Resources", {}), conditions)
    return order


async def _remove(stacks: Any, stack: Json) -> None:
    """Remove what a stack no longer needs. What cannot be removed stays, and an event says so: as on AWS
    the deployment has succeeded all the same."""
    from ministack.core.concurrency import run_reentrant
    from ministack.services.cloudformation import provisioners

    drop = private(provisioners, "_delete_resource")
    while waiting := stack.get(WAITING):
        item = waiting.pop(0)
        kind, physical, logical = _STACK, stack["StackId"], stack["StackName"]
        try:
            if isinstance(item, dict):
                open_operations.called(item)
                continue
            kind, physical, logical = item[0], item[1], item[4]
            if private(stacks, "_runs_on_worker_thread")(kind):
                await run_reentrant(drop, *item)
            else:
                drop(*item)
        except Exception as error:
            add, name = private(stacks, "_add_event"), stack["StackName"]
            add(stack["StackId"], name, logical, kind, "DELETE_FAILED", str(error), physical)
    stack.pop(WAITING, None)


async def _take_back(stacks: Any, stack: Json) -> None:
    """Take a stack back to what it was. What is open ends with it: a kill meanwhile leaves it open."""
    name, ident, operation = stack["StackName"], stack["StackId"], stack[FIELD]
    kept = open_operations.was(stack)
    previous, template = kept["previous"], kept["template"]
    if operation["made"]:
        await _remove(stacks, stack)  # what it made and no longer needs goes with the rest
    stack.pop(WAITING, None)
    stack["StackStatusReason"] = ""  # that of what is taken back
    order = _order(template, stack.get("_conditions") or {})
    if not operation["ended"]:
        open_operations.take_as_done(stacks, stack, kept, order)
    there = stack.get("_resources") or {}
    given = private(stacks, "_failed_operation")(
        previous is not None,
        previous,
        [one for one in order if one in there],
        None,
        None,
        operation["replaced"],
        False,
        template,
        kept["parameters"],
        False,
        kept["tags"],
        (previous or {}).get("Tags") or [],
    )
    why = f"The root stack {operation['root']} is rolled back"
    await private(stacks, "_roll_back_operation")(name, ident, stack, given, why)
    stack.pop(FIELD, None)
    if previous is not None:
        stack["_conditions"] = previous.get("_conditions") or {}


def _tell_root(stacks: Any, stack: Json, refusing: str, why: str) -> None:
    """The root's events of an update that one stack below it refused."""
    from ministack.core.responses import now_iso

    name, ident = stack["StackName"], stack["StackId"]
    add, logical = private(stacks, "_add_event"), application(name, refusing)
    add(ident, name, name, _STACK, "UPDATE_IN_PROGRESS", "User Initiated", ident)
    add(ident, name, logical, _STACK, "UPDATE_FAILED", why, refusing)
    back = f"The following resource(s) failed to update: [{logical}]. "
    add(ident, name, name, _STACK, "UPDATE_ROLLBACK_IN_PROGRESS", back, ident)
    add(ident, name, name, _STACK, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "", ident)
    add(ident, name, name, _STACK, "UPDATE_ROLLBACK_COMPLETE", "", ident)
    stack["StackStatus"], stack["LastUpdatedTime"] = "UPDATE_ROLLBACK_COMPLETE", now_iso()


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
        earlier: Json | None = None
        waiting: list[Any] = []
        if below and stack is not None:
            earlier, what = stack.get(FIELD), open_operations.identity(token_of.get())
            if not earlier or earlier["what"] != what:
                await _remove(stacks, stack)  # what an earlier deployment left, which nobody ended
            open_operations.begin(stack, root, what, template, param_values, previous_stack)
            waiting = list(stack.get(WAITING, []))
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
            for field, value in ((FIELD, earlier), (WAITING, waiting)):
                (stack or {}).pop(field, None)
                if stack is not None and earlier:
                    stack[field] = value
            said = f"Embedded stack {stack_id} was not successfully {'updated' if is_update else 'created'}"
            _refused[root] = (stack_name, f"{said}. Currently in {status}.")
        elif below and stack is not None:
            stack[FIELD]["ended"] = True
        elif root == stack_name and status in _WHOLE:
            _refused.pop(root, None)
            nested = [one for one in known.values() if _root_of(one) == root and one["StackName"] != root]
            for item in nested:  # all at once: none of it goes back any more
                item.pop(FIELD, None)
            for item in nested:
                await _remove(stacks, item)

    def updated(*given: Any) -> Any:
        """A replacement's predecessor stays until the root is done."""
        result = keep_seed(*given)
        pending = deferred.get()
        stack = known.get(given[4]) or {}
        if pending and (operation := stack.get(FIELD)):
            operation["replaced"].append(str(given[5]))
            for call in pending:
                noted = open_operations.call(*call)
                stack.setdefault(WAITING, []).append(noted or [given[0], given[1], given[2], *given[4:6]])
            pending[:] = [(_nothing, (), {})]
        return result

    def removed(kind: str, physical: str, properties: Json, name: str, logical: str) -> Any:
        stack = known.get(name) or {}
        operation = stack.get(FIELD)
        if not operation or stack.get("StackStatus") != "UPDATE_IN_PROGRESS":
            return drop(kind, physical, properties, name, logical)
        operation["replaced"].append(logical)
        stack.setdefault(WAITING, []).append([kind, physical, properties, name, logical])
        return None

    def roll_back(form: Json) -> Any:
        stack = private(handlers, "_resolve_stack")(private(handlers, "_p")(form, "StackName"))
        if stack is None or stack.get("StackStatus") not in (*_WHOLE, "UPDATE_ROLLBACK_COMPLETE"):
            return refuse(form)
        ident, token = stack["StackId"], private(handlers, "_p")(form, "ClientRequestToken") or ""
        if token.startswith(OPERATION) and not open_operations.left(stack, token):
            return refuse(form)
        if operation := stack.get(FIELD):
            back = "ROLLBACK_IN_PROGRESS" if operation["made"] else "UPDATE_ROLLBACK_IN_PROGRESS"
            stack["StackStatus"] = back
            task = _take_back(stacks, stack)
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
            refusal = answer[0] >= 400 and b"No updates are to be performed" not in answer[2]
            if refusal and root and root != name and token.startswith(OPERATION):
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
