"""May this checkout use the home: kind, owner, permissions, format, checkout?"""

from __future__ import annotations

from collections.abc import Iterator

from local import home as homes
from local.errors import CloudError
from ops.doctor.finding import Finding, Subject

TITLE = "home"
ORDER = 10


def examine(subject: Subject) -> Iterator[Finding]:
    """The folder as such."""
    if subject.home is None:
        return
    home = subject.home
    try:
        homes.check(home)
    except CloudError as error:
        yield Finding.problem(str(error), where=str(home), mend="as it says; `ona doctor` looks again")
        return
    if not home.exists():
        yield Finding.note(f"{home} does not exist yet", mend="`ona up` makes it")
        return
    number = homes.settings(home).get("format", 0)
    if number < homes.FORMAT and homes.is_home(home):
        yield Finding.note(
            f"format {number}, this version writes {homes.FORMAT}",
            where=str(home),
            mend="`ona up` brings it forward",
        )
        return
    yield Finding.good(f"{home}, format {number}")
