"""Which damaged files did the server set aside when it started?"""

from __future__ import annotations

from collections.abc import Iterator

from local import home as homes
from ops.doctor.finding import Finding, Subject

TITLE = "damage"
ORDER = 70


def examine(subject: Subject) -> Iterator[Finding]:
    """`damage.json` of the home; it stays until somebody has read it and removes it."""
    home = subject.folder
    if home is None:
        return
    for item in homes.damage(home):
        used = item.get("used_instead") or "nothing"
        lost = item.get("lost") or "nothing"
        yield Finding.problem(
            f"{item.get('file')} was damaged ({item.get('time')}); used instead: {used}; lost: {lost}",
            where=str(home / str(item.get("set_aside") or homes.DAMAGE)),
            mend="`ona status` names files to send again; when you have read this, remove "
            f"{home / homes.DAMAGE}",
        )
