"""Is the platform deployed, is every stack sound, and is what runs what this checkout holds?"""

from __future__ import annotations

from collections.abc import Iterator

from local import drift
from ops.doctor.finding import Finding, Subject
from ops.target import TEMPLATE

TITLE = "deployment"
ORDER = 80


def examine(subject: Subject) -> Iterator[Finding]:
    """The stacks of the embedded cloud, compared with template.yaml and the functions' code."""
    target = subject.target
    if target is None or target.embedded is None:
        return
    behind = drift.behind(target.client, TEMPLATE, target.stack)
    if behind is None:
        yield Finding.problem(
            f"stack {target.stack} is not deployed", where=target.name, mend="`ona up` deploys it"
        )
        return
    for stack, why in behind.items():
        yield Finding.problem(f"stack {stack} {why}", where=target.name, mend="`ona up` deploys it again")
    if not behind:
        yield Finding.good(f"stack {target.stack}: templates and functions are those of this checkout")
