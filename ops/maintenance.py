"""Maintenance mode: the APIs are closed by a flag, and what files would start waits in the holding queue.

The files' events are held before the APIs are closed, and the APIs are opened before they are taken up: at
no moment is somebody told that all is well while work that came is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ona.config.flags import MAINTENANCE
from ona.runtime.words import counted
from operations.reading import stops
from ops.emergency import documents, holding
from ops.flags import Deployment, Flags
from ops.target import Target

OURS = stops.MAINTENANCE
"""How the reasons of a stop begin that maintenance mode made."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Done:
    """What a change of maintenance mode did: the change of the flag, and what became of the events."""

    change: Deployment
    events: str


def begin(target: Target, why: str, by: str) -> Done:
    """Hold what would start work, then close the APIs. May be given again. Raises OpsError."""
    stop = holding.hold(target, f"{OURS}{why}", by)
    change = Flags(target).change(MAINTENANCE, True, gradually=False, why=why, by=by)
    held = f"{counted(len(stop.rules), 'rule')} of events and {counted(len(stop.timers), 'timer')}"
    return Done(change, f"held: {held}; what runs goes on to its end")


def end(target: Target, why: str, by: str, tell: Tell) -> Done:
    """Open the APIs, then take up what came meanwhile; nothing of it where `ona stop` holds it too."""
    change = Flags(target).change(MAINTENANCE, False, gradually=False, why=why, by=by)
    stop = documents.current(target)
    if stop is None:
        return Done(change, "no event was held")
    others = [reason for reason in stop.reasons if not reason.why.startswith(OURS)]
    if others:
        return Done(change, f"events still wait: {others[0].why} (by {others[0].by}); see `ona resume`")
    progress = holding.release(target, tell, by)
    came = counted(progress.came, "event")
    taken = f"{came} came meanwhile: {progress.started} started, {progress.repeated} had begun already"
    left = f"; left in the queue: {'; '.join(progress.left)}" if progress.left else ""
    return Done(change, taken + left)
