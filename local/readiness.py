"""Before a deployment changes anything: does each stack take it, and what did a killed one leave?

CloudFormation updates no stack that is being changed or deleted, none of which only a change set was made,
and none that could not go back whole (AWS CloudFormation User Guide, "Stack status codes"). A stack that is
being updated by a command that was killed comes to its end by itself; here that is waited for.

On AWS a deployment goes on whatever becomes of the client, so what the next one meets is whole: deployed,
or taken back. Here the command itself asks for one stack after another, and a killed one leaves half. The
same again goes on with it. Any other deployment first takes it back, the last stack first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from local import descriptions, reasons
from local.packaging import DeployError

Say = Callable[[str], None]
Description = dict[str, Any]
_NOT_TAKEN = {
    "DELETE_IN_PROGRESS": "somebody deletes it; wait until it is gone, then `ona up` makes it anew",
    "DELETE_FAILED": "it was not deleted whole; mend what its events name, delete it with "
    "`aws cloudformation delete-stack --stack-name {}`, then `ona up`",
    "REVIEW_IN_PROGRESS": "somebody made a change set for it, which nobody carried out, and nothing is in "
    "it; delete it with `aws cloudformation delete-stack --stack-name {}`, then `ona up`",
    "UPDATE_FAILED": "its last update failed and was left so; take it back with "
    "`aws cloudformation rollback-stack --stack-name {}`, then `ona up`",
    "UPDATE_ROLLBACK_FAILED": "it did not go back whole; mend what its events name, then "
    "`aws cloudformation continue-update-rollback --stack-name {}`, then `ona up`",
}
"""Statuses in which CloudFormation takes no update, each with the way out."""
_MAY_BE_LEFT = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
"""Statuses of a stack that a killed deployment updated. One that it made is updated by the next."""
NOTHING_TO_TAKE_BACK = ("current stack status", "does not exist")
"""How RollbackStack says that a stack has nothing to take back, or is not there."""


def ready(cloudformation: Any, there: Description | None, say: Say) -> Description | None:
    """A stack as it is when nothing is under way; None where it is not there. Raises DeployError where it
    takes no deployment, with why and the way out."""
    if there is None:
        return None
    name, status = str(there["StackName"]), str(there["StackStatus"])
    if status == "DELETE_FAILED" and there.get("StackStatusReason") == descriptions.CUT_SHORT:
        say(f"{name} was being deleted when the embedded cloud ended; that goes on")
        descriptions.delete(cloudformation, name)
        return None
    if why := _NOT_TAKEN.get(status):
        raise DeployError(f"stack {name} is {status}, and takes no deployment: {why.format(name)}")
    if not status.endswith("IN_PROGRESS"):
        return there
    told = f"{name} is {status} since an earlier deployment; waiting for its end"
    say(f"{told} (`ona deploy history` says what is under way)")
    return ready(cloudformation, descriptions.settled(cloudformation, name), say)


def prepare(
    cloudformation: Any, root: str, stacks: list[str], token: str, say: Say, begin: Callable[[], None]
) -> list[str]:
    """Refuse what CloudFormation would not take, before anything changes, and take back what is left.

    `stacks`: those that are deployed below the root, in their order; `token`: that of the deployment;
    `begin` is called before the first that goes back. Returns those that went. Raises DeployError.
    """
    found = {str(one["StackName"]): one for one in descriptions.of_root(cloudformation, root)}
    for name in (*stacks, root):
        if (one := ready(cloudformation, found.pop(name, None), say)) is not None:
            found[name] = one
    went: list[str] = []
    for name in reversed(_sorted(found, root, stacks)):
        if not _takes_back(cloudformation, found[name], token):
            continue
        begin()
        say(f"{name} was changed by a deployment that was killed; it goes back first")
        back = descriptions.settled(cloudformation, name)
        if back["StackStatus"] != "UPDATE_ROLLBACK_COMPLETE":
            raise DeployError(reasons.of(cloudformation, back))
        went.append(name)
    return went


def in_order(cloudformation: Any, root: str, stacks: list[str]) -> list[str]:
    """The given stacks, and then those of applications that are gone from the template."""
    there = {str(one["StackName"]) for one in descriptions.of_root(cloudformation, root)}
    return [*stacks, *_sorted(there - set(stacks), root, stacks)]


def _sorted(names: Collection[str], root: str, stacks: list[str]) -> list[str]:
    """Stacks below the root in the order of their dependencies. Those of applications that are gone come
    last: they may need any other.

    >>> _sorted({"p", "p-gone", "p-b", "p-a"}, "p", ["p-b", "p-a"])
    ['p-b', 'p-a', 'p-gone']
    """
    return [
        *(name for name in stacks if name in names),
        *sorted(name for name in names if name != root and name not in stacks),
    ]


def _takes_back(cloudformation: Any, one: Description, token: str) -> bool:
    """Ask a stack to take back what another deployment updated and did not end; whether it does."""
    if one["StackStatus"] not in _MAY_BE_LEFT:
        return False
    try:
        cloudformation.rollback_stack(StackName=one["StackName"], ClientRequestToken=token)
    except Exception as error:
        if any(words in str(error) for words in NOTHING_TO_TAKE_BACK):
            return False
        raise
    return True
