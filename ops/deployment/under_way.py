"""Who deploys just now, and whether a way back would meet that deployment between two of its shifts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from local import lock
from local.errors import CloudError
from operations.reading import deployments
from operations.reading.deployments import NOBODY, Book, Deployer
from operations.reading.inventory import Inventory
from ops.target import OpsError, Target


def deployer(target: Target) -> Deployer | None:
    """Who deploys now, as the lock of the embedded cloud says; None for an account, and without locks."""
    if target.embedded is None:
        return None
    path = Path(target.embedded.home) / lock.CHANGE
    try:
        if not lock.is_held(path):
            return NOBODY
        return Deployer(datetime.fromtimestamp(path.stat().st_mtime, UTC))  # its holder wrote its name
    except (CloudError, OSError):
        return None


def refuse(target: Target, book: Book, found: Inventory, now: datetime) -> str:
    """Raise OpsError while a deployment changes stacks: its next stack would go on and leave half.

    Where an alias shifts, stopping the shift ends all of it; where none does, nobody can stop it so.
    Answers a warning where a deployment may be at work whose stacks are at rest: it moves all forward.
    """
    home = Path(target.embedded.home) if target.embedded else None
    who = deployer(target)
    told = next((one for one, outcome in book.judged(found, now, who) if outcome == "under way"), None)
    held = who is not None and who.since is not None
    if told is None and not held:
        return ""
    by = f" by {told.by} since {told.began_at:%Y-%m-%d %H:%M} UTC" if told else ""
    if not held and not deployments.changing(found):
        what = "a deployment, which may build or upload, and then moves forward again what goes back now"
        return (
            f"{what}, has no end yet{by}"
            if told and told.kind == "deployment"
            else f"a way back is at work{by}"
        )
    if home:
        end = f"end it there with Ctrl-C ({lock.holder(home / lock.CHANGE)})"
    else:
        command = f"aws cloudformation cancel-update-stack --stack-name {target.stack}"
        end = f"`{command}` takes all of it back"
    text = f"a deployment is under way{by}, and no alias shifts just now"
    raise OpsError(f"{text}; give this again in a moment, or {end}")
