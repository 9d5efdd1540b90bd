"""Is each stack what its last deployment meant it to be? A refusal is one finding, whoever went back."""

from __future__ import annotations

from collections.abc import Iterator

from ona.runtime.words import counted
from operations.reading import refusals
from operations.reading.finding import Client, Finding
from operations.reading.inventory import GOOD, Inventory

CHECK = "stacks"
WENT_BACK = "UPDATE_ROLLBACK_COMPLETE"
"""It is what it was before the last deployment (CloudFormation user guide, "Stack status codes")."""


def stacks(client: Client, found: Inventory) -> Iterator[Finding]:
    """A finding each stack: the root with all that went back with it, and why."""
    for name, status in sorted(found.stacks.items()):
        if status in GOOD:
            yield Finding.ok(CHECK, name, status)
        elif status == WENT_BACK and found.reasons.get(name):
            yield Finding.warning(CHECK, name, f"half updated: {found.reasons[name]}; deploy again")
        elif status == WENT_BACK and name == found.root:
            yield Finding.warning(CHECK, name, refusal(client, found))
        elif status == WENT_BACK:
            yield Finding.ok(CHECK, name, f"{status}: it is what it was before, and whole")
        elif status.endswith("IN_PROGRESS") and "ROLLBACK" not in status:
            yield Finding.warning(CHECK, name, f"{status}: it is being deployed just now")
        elif status.endswith("IN_PROGRESS"):
            yield Finding.warning(CHECK, name, f"{status}: it goes back just now")
        else:
            yield Finding.critical(CHECK, name, f"{status}: the last deployment failed")


def refusal(client: Client, found: Inventory) -> str:
    """What refused the last deployment, and where the whole stands; empty where the root went not back."""
    back = [name for name, status in sorted(found.stacks.items()) if status == WENT_BACK]
    if found.root not in back:
        return ""
    try:
        last = refusals.of(client, found.root, back)
    except Exception as error:
        told: list[refusals.Refusal] = []
        why = f"its events cannot be read: {' '.join(str(error).split())}"
    else:
        told, back = list(last.refusals), list(last.stacks)
        why = "its events do not say what"
    whole = f"all {counted(len(back), 'stack')} of it went back, and what was deployed before runs"
    if not told:
        return f"the last deployment was refused; {why}; {whole}"
    return f"the last deployment was refused by {told[0].stack}: {told[0].text}{_more(told)}; {whole}"


def _more(told: list[refusals.Refusal]) -> str:
    """What was refused beside the first, by name."""
    others = list(dict.fromkeys(f"{one.stack} {one.resource}" for one in told[1:]))
    return f"; also {', '.join(others)}" if others else ""
