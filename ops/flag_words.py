"""A change of a flag in words, as AppConfig keeps it: nothing of it is cut."""

from __future__ import annotations

from collections.abc import Sequence

from ona.config.flags import FlagName
from ona.runtime.words import counted
from ops.target import OpsError

MOST_DESCRIBED = 1024
"""Characters of a description (AppConfig API, StartDeployment)."""


def described(name: FlagName, on: bool, customers: Sequence[str], why: str, by: str) -> str:
    """A change in words, as AppConfig keeps it. Raises OpsError where it has no room for the reason.

    >>> described("webhooks", False, ["acme"], "a trial", "thandi")
    'webhooks off for acme, by thandi: a trial'
    """
    told = f"{name} {'on' if on else 'off'}" + (f" for {', '.join(customers)}" if customers else "")
    text = f"{told}, by {by}: {why}"
    if len(text) > MOST_DESCRIBED:
        left = MOST_DESCRIBED - (len(text) - len(why))
        raise OpsError(
            f"--why has {counted(len(why), 'character')}, and AppConfig keeps {max(left, 0)} beside the "
            "flag and who set it: make it shorter; nothing was changed"
        )
    return text
