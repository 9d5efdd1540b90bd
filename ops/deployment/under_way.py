"""Whether a deployment is under way that a way back would meet between two of its shifts."""

from __future__ import annotations

from pathlib import Path

from local import lock
from operations.reading.deployments import Book
from operations.reading.inventory import Inventory
from ops.target import OpsError, Target


def refuse(target: Target, book: Book, found: Inventory) -> None:
    """Raise OpsError while a deployment is under way: its next stack would go on, and leave half a release.

    Where an alias shifts, stopping the shift ends all of it; where none does, nobody can stop it so.
    """
    told = next((one for one, outcome in book.judged(found) if outcome == "under way"), None)
    home = Path(target.embedded.home) if target.embedded else None
    if told is None and not (home and lock.is_held(home / lock.CHANGE)):
        return
    by = f" by {told.by} since {told.began_at:%Y-%m-%d %H:%M} UTC" if told else ""
    if home:
        end = f"end it there with Ctrl-C ({lock.holder(home / lock.CHANGE)})"
    else:
        command = f"aws cloudformation cancel-update-stack --stack-name {target.stack}"
        end = f"`{command}` takes all of it back"
    text = f"a deployment is under way{by}, and no alias shifts just now"
    raise OpsError(f"{text}; give this again in a moment, or {end}")
