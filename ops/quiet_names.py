"""What a maintenance window can be about: names that alerts have, and near ones where nobody has a name.

An alert is of a window by its family, its kind, what it is about, or its alarm's name without the
environment (`operations.alerting.quiet`). A name that no alert can have would keep nothing quiet.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import get_args

from operations.config.catalogue import FILE as CATALOGUE
from operations.config.routines import Kind
from ops.target import OpsError

_ENDING = "-{environment}"
EVENTS = {
    "Platform Stopped": ["platform-stopped"],
    "Platform Resumed": ["platform-stopped"],
    "Deployment Finished": ["deployment-failed"],
    "Routine Finished": [f"routine-{kind}" for kind in get_args(Kind)],
}
"""The platform's events of which alerts are made, and the kinds of these (`operations.alerting.events`)."""
_MORE = ("operations", "platform", "test", "other")
"""Family and thing of the platform's events; the kinds of a trial and of an alarm not catalogued."""
_NEAR = 3
"""So many near names are told (ours)."""
_LIKE = 0.5
"""From this likeness on (difflib's ratio, 0 to 1; ours)."""


def known() -> set[str]:
    """Every family, kind, thing and alarm's name that an alert can have."""
    names = set(_MORE).union(*EVENTS.values())
    for alarm in CATALOGUE.read().alarms:
        names |= {alarm.family, alarm.kind, alarm.about, alarm.name.removesuffix(_ENDING)}
    return names


def checked(only: Iterable[str], environment: str) -> list[str]:
    """The names as alerts have them: alarms without the environment, events as the kind of their alerts.

    Raises OpsError for a name that no alert has, with those that are near it.
    """
    there, found = known(), list[str]()
    for given in only:
        bare = given.removesuffix(f"-{environment}")
        if given in EVENTS:
            found += EVENTS[given]
        elif given in there or bare in there:
            found.append(given if given in there else bare)
        else:
            raise OpsError(f"--only {given}: no alert has this name{near(bare, there)}")
    return list(dict.fromkeys(found))


def near(given: str, there: set[str]) -> str:
    """What a message adds where nobody has a name: names that are near it, and where all are listed."""
    by_letters = {name.lower(): name for name in sorted([*there, *EVENTS])}
    wanted = given.lower()
    found = difflib.get_close_matches(wanted, by_letters, _NEAR, _LIKE)
    found += [name for name in by_letters if name.removeprefix("ona-") == wanted and name not in found]
    told = ", ".join(by_letters[name] for name in found)
    all_of_them = "families, kinds and names: configs/operations/catalogue.yaml"
    return f"; near it: {told}; {all_of_them}" if told else f"; {all_of_them}"
