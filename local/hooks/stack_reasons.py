"""CloudFormation: every failure has its resource and its reason in the stack's events.

- A failure without words says `Internal Failure`, as AWS does, and what was raised.
- A create that is rolled back names the resources that failed, as an update does.
- A nested stack that fails says so in its own events, and its parent names it.
- A deployment or deletion that breaks outside of a resource ends as failed. ministack leaves such a stack
  in progress for ever, with a traceback in its log.

Source: CloudFormation user guide, "View stack events", "Troubleshooting CloudFormation".
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

from local.hooks.base import private, replace

_BUGS = (KeyError, TypeError, AttributeError, IndexError)
"""Errors whose text alone says nothing."""
_STACK = "AWS::CloudFormation::Stack"


def reason_of(error: BaseException) -> str:
    """The reason of a failure, in words.

    >>> reason_of(ValueError("The role cannot be assumed."))
    'The role cannot be assumed.'
    >>> reason_of(KeyError("Name")), reason_of(AssertionError())
    ("Internal Failure (KeyError: 'Name')", 'Internal Failure (AssertionError)')
    """
    text = str(error).strip()
    if text and not isinstance(error, _BUGS):
        return text
    name = type(error).__name__
    return f"Internal Failure ({name}: {text})" if text else f"Internal Failure ({name})"


def install() -> None:
    """Apply the hooks."""
    from ministack.services.cloudformation import changesets, handlers, stacks

    modules = (stacks, handlers, changesets)
    _events_have_reasons(modules)
    _rollbacks_name_resources(stacks, handlers)
    for name in ("_deploy_stack_async", "_delete_stack_async"):
        _ends(modules, name)
    _nested()


def _everywhere(modules: tuple[Any, ...], name: str, value: Any) -> None:
    """Replace a function of the first module, and its names in the others that have it."""
    for module in modules:
        if module is modules[0] or hasattr(module, name):
            replace(module, name, value)


def _events_have_reasons(modules: tuple[Any, ...]) -> None:
    add = private(modules[0], "_add_event")

    def added(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        *rest: Any,
        **named: Any,
    ) -> Any:
        error = sys.exception() if sys.version_info >= (3, 12) else sys.exc_info()[1]
        if status.endswith("_FAILED") and error is not None and reason.strip() == str(error).strip():
            reason = reason_of(error)
        return add(stack_id, stack_name, logical_id, resource_type, status, reason, *rest, **named)

    _everywhere(modules, "_add_event", added)


def _rollbacks_name_resources(*modules: Any) -> None:
    roll_back = private(modules[0], "_roll_back_operation")

    async def rolled_back(
        name: str,
        stack_id: str,
        stack: dict[str, Any],
        operation: dict[str, Any],
        reason_override: str = "",
    ) -> Any:
        if stack.pop("_cancel_requested", False):  # while a resource was on its way
            reason_override = reason_override or "User Initiated"
        failed = operation.get("failed_logical_id")
        if not reason_override and failed and not operation.get("is_update"):
            made = f"The following resource(s) failed to create: [{failed}]."
            reason_override = f"{made} Rollback requested by user."
        return await roll_back(name, stack_id, stack, operation, reason_override)

    _everywhere(modules, "_roll_back_operation", rolled_back)


def _ends(modules: tuple[Any, ...], name: str) -> None:
    run = private(modules[0], name)

    async def ended(stack_name: str, stack_id: str, *rest: Any, **named: Any) -> Any:
        try:
            return await run(stack_name, stack_id, *rest, **named)
        except Exception as error:  # of whatever kind: somebody waits for the stack's end
            traceback.print_exc()
            _fail(stack_name, error)

    _everywhere(modules, name, ended)


def _fail(stack_name: str, error: BaseException) -> None:
    """End a stack that is in progress."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import stacks

    stack = private(cloudformation, "_stacks").get(stack_name)
    if stack is None or not str(stack.get("StackStatus")).endswith("_IN_PROGRESS"):
        return
    doing = str(stack["StackStatus"]).removesuffix("_IN_PROGRESS")
    known = ("CREATE", "UPDATE", "DELETE", "ROLLBACK", "UPDATE_ROLLBACK", "IMPORT_ROLLBACK")
    status = f"{doing if doing in known else 'UPDATE'}_FAILED"
    stack["StackStatus"], stack["StackStatusReason"] = status, reason_of(error)
    private(stacks, "_add_event")(
        stack["StackId"], stack_name, stack_name, _STACK, status, reason_of(error), stack["StackId"]
    )


def _nested() -> None:
    from ministack.services import cloudformation
    from ministack.services.cloudformation import provisioners

    deploy, stacks = private(provisioners, "_cfn_nested_stack_deploy"), private(cloudformation, "_stacks")

    def deployed(
        logical_id: str, props: Any, parent: str, *, previous_physical_id: str | None = None, **named: Any
    ) -> Any:
        before = set(stacks)
        try:
            return deploy(logical_id, props, parent, previous_physical_id=previous_physical_id, **named)
        except Exception as error:
            made = [name for name in stacks if name not in before and name.startswith(f"{parent}-")]
            child = previous_physical_id if previous_physical_id in stacks else next(iter(made), None)
            if child is None:
                raise
            _fail(child, error)
            stack = stacks[child]
            verb = "update" if previous_physical_id else "create"
            raise ValueError(
                f"Embedded stack {stack['StackId']} was not successfully {verb}d: "
                f"{stack.get('StackStatusReason') or reason_of(error)}"
            ) from error

    replace(provisioners, "_cfn_nested_stack_deploy", deployed)
