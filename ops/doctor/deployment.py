"""Is the platform deployed, is every stack sound, and is what runs what this checkout holds?"""

from __future__ import annotations

from collections.abc import Iterator

from local import drift
from ona.runtime.clock import utc_now
from operations.reading import inventory, released
from operations.reading.released import MEND
from ops.deployment import under_way
from ops.doctor.finding import Finding, Subject
from ops.target import TEMPLATE, Target

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
    yield from _released(target)


def _released(target: Target) -> Iterator[Finding]:
    """Which release is live, and whether the last deployment ended: as `ona ops health` judges it."""
    found = inventory.read(target.client, target.stack)
    who = under_way.deployer(target)
    for one in released.findings(target.client, found, target.output_bucket, utc_now(), who):
        what = f"{one.about}: {one.text.partition(MEND)[0]}"
        if one.state == "ok":
            yield Finding.good(what)
        elif MEND not in one.text:
            yield Finding.note(what, where=target.name)
        else:
            yield Finding.problem(what, where=target.name, mend=one.text.partition(MEND)[2])
