"""A deployment that one nested stack refuses is taken back whole, as the root's stack does it on AWS.

There the stacks before it are part of the root's update: they go back to what they were, and those that the
update made are deleted (AWS CloudFormation User Guide, "Embed stacks within other stacks using nested
stacks": a stack operation is that of the root and of all below it; "Stack failure options"). Here the
stacks stand side by side, so `local.deploy` asks each to go back (RollbackStack), in the reverse order of
their dependencies, as CloudFormation does: what needs another stack goes before it.
`local/hooks/nested_rollbacks.py` is the server's half.

What a stack refactor moved before (`local.moving`) stays moved: on AWS, too, it is an operation of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local import descriptions, reasons
from local.packaging import DeployError
from local.readiness import NOTHING_TO_TAKE_BACK

LONGEST = 400
"""Characters of a reason in a record (ours): the stack's events have all of it."""


def is_gone(error: Exception) -> bool:
    """Whether the cloud ended during the deployment: it does not answer, or the connection broke."""
    from botocore.exceptions import ConnectionError, HTTPClientError

    return isinstance(error, (ConnectionError, HTTPClientError))


def take_back(
    cloudformation: Any, root: str, order: Sequence[str], done: list[str], refusing: str, error: Exception
) -> DeployError:
    """Take back all that belongs to a deployment that one stack refused; what to tell of it.

    `order`: all stacks below the root, what others need first; `done`: those that were deployed;
    `refusing`: the one that refused; `error`: what it said. What an earlier deployment made or began and
    never ended goes back too. CloudFormation refuses the rest, which nothing changed.
    """
    back, gone, stuck = [], [], []
    for stack in reversed(order):
        try:
            try:
                cloudformation.rollback_stack(StackName=stack)
            except Exception as refused:
                if stack not in done and any(words in str(refused) for words in NOTHING_TO_TAKE_BACK):
                    continue
                raise
            there = descriptions.settled(cloudformation, stack)
            if there["StackStatus"] == "ROLLBACK_COMPLETE":
                descriptions.delete(cloudformation, stack)
                gone.append(stack)
            elif there["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE":
                back.append(stack)
            else:
                stuck.append(reasons.of(cloudformation, there))
        except Exception as trouble:  # of whatever kind: the others go back all the same
            stuck.append(f"stack {stack} does not go back: {' '.join(str(trouble).split())}")
    _drop(cloudformation, refusing, stuck)
    there_is_root = _close_root(cloudformation, root, stuck, refusing == root)
    refusal = DeployError("\n".join([str(error), *_told(refusing, back, gone, stuck, there_is_root)]))
    refusal.summary = _summary(str(error), stuck)
    return refusal


def _summary(why: str, stuck: list[str]) -> str:
    """Who refused and why, and where the whole stands, for the record.

    >>> _summary("stack p-top is UPDATE_ROLLBACK_COMPLETE:\\nLast (AWS::SQS::Queue): bad name", [])
    'stack p-top is UPDATE_ROLLBACK_COMPLETE: Last (AWS::SQS::Queue): bad name; all of it was taken back'
    """
    whole = f"NOT taken back: {_line(stuck)}" if stuck else "all of it was taken back"
    return f"{_line(why.splitlines()[:2])}; {whole}"


def _line(texts: list[str]) -> str:
    told = " ".join(" ".join(texts).split())
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"


def _drop(cloudformation: Any, refusing: str, stuck: list[str]) -> None:
    """The stack that refused and was never whole goes, as what the root made does."""
    there = descriptions.find(cloudformation, refusing)
    if there is not None and there["StackStatus"] == "ROLLBACK_COMPLETE":
        try:
            descriptions.delete(cloudformation, refusing)
        except Exception as trouble:
            stuck.append(f"stack {refusing} cannot be deleted: {' '.join(str(trouble).split())}")


def _close_root(cloudformation: Any, root: str, stuck: list[str], itself: bool) -> bool:
    """Let the root's stack tell of it in its events; whether there is one. A first deployment has none."""
    if descriptions.find(cloudformation, root) is None:
        return False
    if itself:
        return True
    try:
        cloudformation.rollback_stack(StackName=root)
        descriptions.settled(cloudformation, root)
    except Exception as trouble:
        stuck.append(f"stack {root} does not tell of it: {' '.join(str(trouble).split())}")
    return True


def _told(refusing: str, back: list[str], gone: list[str], stuck: list[str], earlier: bool) -> list[str]:
    """Lines for a person: who refused, what went back, what to do.

    >>> for line in _told("p-top", ["p-base"], [], [], True): print(line)
    stack p-top refused this deployment, so all of it was taken back:
      went back to what it was before: p-base
    Every stack is as the last deployment that ended left it. Mend what is named above, then `ona up` again.
    """
    lines = [f"stack {refusing} refused this deployment, so all of it was taken back:"]
    if back:
        lines.append(f"  went back to what it was before: {', '.join(back)}")
    if gone:
        lines.append(f"  made by this deployment, and deleted again: {', '.join(gone)}")
    if not (back or gone or stuck):
        lines.append("  no other stack was changed yet")
    if stuck:
        lines += ["  NOT taken back:", *(f"  {text}" for text in stuck)]
        lines.append("Mend what is named above, then `ona up` again: it deploys what is left.")
        return lines
    whole = "Every stack is as the last deployment that ended left it"
    state = whole if earlier else "The platform is not there, as before"
    lines.append(f"{state}. Mend what is named above, then `ona up` again.")
    return lines
