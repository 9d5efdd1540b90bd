"""What somebody turned off by hand, of which CloudFormation may say nothing.

A rule without a State in its template, and a function without reserved concurrency, have drifted in no
property when somebody turns them off (API reference, DetectStackDrift: "only resource properties explicitly
defined in the stack template are checked"). A deployment of the same template does not turn them on.
"""

from __future__ import annotations

from collections.abc import Iterator

from operations.reading import flow, inventory, services, stops
from ops.deployment.finding import Finding
from ops.deployment.names import Ask
from ops.target import Target


def findings(client: Ask, stack: str, about: str) -> Iterator[Finding]:
    """A note for each rule, timer and function that is off; what a stop turned off is the stop's."""
    try:
        found = inventory.read(client, stack)
    except inventory.NotDeployed:
        return
    stop = stops.current(client, Target("the account", stack, client).output_bucket)
    for one in (*flow.rules(client, found, stop), *services.functions(client, found)):
        if one.state == "ok" or not one.text.startswith((flow.OFF, services.SHUT)):
            continue
        since = f" (since {one.since:%Y-%m-%d %H:%M} UTC)" if one.since else ""
        text = f"{one.about}: {one.text}{since}; a deployment does not turn it on: {one.page}"
        yield Finding("note", about, text)
