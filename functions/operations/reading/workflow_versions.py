"""Which version of each workflow is live, and whether it belongs to the release that the functions are of.

A workflow's version names no release, and a release publishes one only where the definition changed. Which
one the last deployment made or left, the stack says (its `AWS::StepFunctions::StateMachineVersion`); when
one was published, Step Functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from operations.reading.deployments import Book
from operations.reading.finding import Client
from operations.reading.inventory import Inventory


@dataclass(frozen=True)
class Routed:
    """A workflow with the version that its alias names; that with the most executions, where it shifts."""

    workflow: str
    """The short name."""
    live: int
    deployed: int
    """The version that the last deployment made or left."""
    published: datetime
    """When the live one was published."""

    @property
    def text(self) -> str:
        """In words."""
        deployed = f", deployed is version {self.deployed}" if self.live != self.deployed else ""
        return f"workflow {self.workflow} is at version {self.live}{deployed}"


def routed(client: Client, found: Inventory) -> Iterator[Routed]:
    """Each workflow that has an alias and a version in its stack. Raises botocore's errors."""
    states = client("stepfunctions")
    deployed: dict[str, int] = {}
    for arn in found.of("AWS::StepFunctions::StateMachineVersion"):
        machine, _, number = arn.rpartition(":")
        deployed[machine] = max(int(number), deployed.get(machine, 0))
    for alias in found.of("AWS::StepFunctions::StateMachineAlias"):
        machine = alias.rpartition(":")[0]
        if machine not in deployed:
            continue
        routes = states.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"]
        version = max(routes, key=lambda route: route["weight"])["stateMachineVersionArn"]
        # of a version, creationDate is when it was published (API reference, DescribeStateMachine)
        made = states.describe_state_machine(stateMachineArn=version)["creationDate"].astimezone(UTC)
        name = machine.rpartition(":")[2].removeprefix("ona-").rpartition("-")[0]
        yield Routed(name, int(version.rpartition(":")[2]), deployed[machine], made)


def apart(workflows: Iterable[Routed], release: str, found: Inventory, book: Book) -> list[Routed]:
    """The workflows that are not at `release`, which all functions are of, and that nobody moved alone.

    Where no deployment followed the release, each has the version of its stack. Else none has a version
    that a later deployment published, also one that was cut short and left its versions in some stacks; the
    first version of a workflow has nothing to go back to.
    """
    moved = {name for record in book.backs(found.changed) for name in record.moved}
    here = [one for one in workflows if one.workflow not in moved]
    later = _followed(release, found, book) if release else None
    if later is not None:
        return [one for one in here if one.live > 1 and one.published >= later]
    return [one for one in here if release == found.release and one.live != one.deployed]


def _followed(release: str, found: Inventory, book: Book) -> datetime | None:
    """When the deployment began that followed a release; None where no record says it.

    The newest record of what the root's stack is of is the last one's, also before its end is written.
    """
    later: datetime | None = None
    for record in book.records:
        if record.kind != "deployment":
            continue
        if record.release == release and (record.outcome == "succeeded" or release == found.release):
            break
        if release == record.before or release in record.was:
            later = record.began_at
    return later
