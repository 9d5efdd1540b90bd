"""Is the port that the home remembers free for it?"""

from __future__ import annotations

from collections.abc import Iterator

from local import home as homes
from local import ports
from ops.doctor.finding import Finding, Subject

TITLE = "port"
ORDER = 30


def examine(subject: Subject) -> Iterator[Finding]:
    """The port of the running server, or the one that `ona up` will try first."""
    if (home := subject.folder) is None:
        return
    if subject.cloud is not None:
        yield Finding.good(f"{subject.cloud.port}")
        return
    port = homes.last_port(home)
    if ports.is_free(port):
        yield Finding.good(f"{port} is free for `ona up`")
        return
    yield Finding.note(
        f"{port} is taken by {ports.listener(port)}",
        where=f"127.0.0.1:{port}",
        mend="`ona up` takes a free one; stop the other program to have this one again",
    )
