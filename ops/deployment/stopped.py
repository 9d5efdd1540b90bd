"""Whether the platform that would be deployed over is stopped, or in maintenance mode.

A deployment puts back the targets of every rule that it changes, and turns timers on: it would undo a part
of the stop, and nobody would be told. So `ona deploy check` refuses, unless somebody says that it is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from local import deploy
from ops.deployment.finding import Finding
from ops.deployment.names import Ask
from ops.emergency import documents, doors
from ops.target import Target, use_configs

ABOUT = "stop"
MEANT = "--while-stopped"
"""The option that says so."""


def findings(client: Ask, stack: str, *, meant: bool) -> Iterator[Finding]:
    """One finding; `meant`: the deployment is wanted although the platform is stopped."""
    if deploy.find(client("cloudformation"), stack) is None:
        yield Finding("ok", ABOUT, "nothing is deployed yet")
        return
    use_configs()
    target = Target("the account", stack, client)
    stop = documents.current(target)
    if stop is None and "Flags" in target.outputs and doors.in_maintenance(target):
        text = "maintenance mode is on: `ona flags set maintenance_mode off` first"
        yield Finding("ok" if meant else "wrong", ABOUT, f"{text}, or deploy with {MEANT}")
    elif stop is None:
        yield Finding("ok", ABOUT, "the platform is not stopped")
    elif meant:
        again = "give `ona stop` again after the deployment: it holds what this one puts back"
        yield Finding("ok", ABOUT, f"{stop.in_words}; {again}")
    else:
        way = "`ona deploy rollback` needs no deployment; else `ona resume` first"
        yield Finding("wrong", ABOUT, f"{stop.in_words}; {way}, or deploy with {MEANT}")
