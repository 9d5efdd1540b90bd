"""Which release is live: the one that the functions' aliases name, which is what callers get.

The workflows' aliases belong to it too (workflow_versions.py). The root's stack says what was deployed
last, which is another thing after a way back, and after a deployment that was cut short. Whoever tells or
judges what is live asks here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ona.runtime.words import counted
from operations.reading import deployments, workflow_versions
from operations.reading.deployments import Book, Deployer, Record
from operations.reading.finding import Client, Finding, code_of
from operations.reading.inventory import Inventory
from operations.reading.workflow_versions import Routed

CHECK = "release"
VARIABLE = "ONA_RELEASE"
"""The variable of a function's version that names its release (docs/decisions/0046-release.md)."""
AGAIN = "`ona up` deploys it whole (on AWS `make deploy`)"
MEND = ". Mend: "
"""Stands in a text before what to type."""


def short(function: str) -> str:
    """A function's name without `ona-` and environment.

    >>> short("ona-detect-dev")
    'detect'
    """
    return function.removeprefix("ona-").rpartition("-")[0]


def live(client: Client, found: Inventory) -> dict[str, str]:
    """The release behind each function's alias, by the function's short name. One without is left out."""
    lambdas, releases = client("lambda"), {}
    for arn in found.of("AWS::Lambda::Alias"):
        name, alias = arn.split(":")[-2:]
        try:
            version = lambdas.get_function_configuration(FunctionName=name, Qualifier=alias)
        except Exception as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            continue
        variables = (version.get("Environment") or {}).get("Variables") or {}
        releases[short(name)] = str(variables.get(VARIABLE, ""))
    return releases


def astray(releases: dict[str, str], found: Inventory, book: Book, now: datetime) -> dict[str, str]:
    """The functions whose live release is not the deployed one, and that no way back took there.

    A way back of all leads to no release that was refused or cut short.
    """
    backs = book.backs(found.changed)
    if any(not record.moved for record in backs):
        refused = book.refused(found, now)
        return {name: one for name, one in releases.items() if one != found.release and one in refused}
    went = {name for record in backs for name in record.moved}
    return {
        name: release for name, release in releases.items() if release != found.release and name not in went
    }


def apart(client: Client, releases: dict[str, str], found: Inventory, book: Book) -> list[Routed]:
    """The workflows that are of another release than the functions, where these are of one. Raises
    botocore's errors."""
    if len(of_all := set(releases.values())) != 1:
        return []
    return workflow_versions.apart(workflow_versions.routed(client, found), of_all.pop(), found, book)


def findings(
    client: Client, found: Inventory, bucket: str, now: datetime, deployer: Deployer | None = None
) -> Iterator[Finding]:
    """Did the last deployment end, and is one release live, whole? `now` is UTC; `deployer`: who deploys,
    where that is known."""
    book = deployments.newest(client, bucket)
    yield from _ended(found, book, now, deployer)
    releases = live(client, found)
    at_work = [one for one in book.records if one.outcome == "under way"]
    busy = deployments.changing(found) or (deployer is not None and any(map(deployer.gave, at_work)))
    whole = _whole(releases, found, astray(releases, found, book, now), book, busy)
    yield whole
    if whole.state != "critical" and (others := apart(client, releases, found, book)):
        yield _half(others, releases, found, busy)


def _ended(found: Inventory, book: Book, now: datetime, deployer: Deployer | None) -> Iterator[Finding]:
    """What has no end since the last deployment that has one. A way back of all ends those before it."""
    backs_end = False
    for record, outcome in book.judged(found, now, deployer):
        if record.kind == "deployment" and outcome in ("succeeded", "failed"):
            return
        if outcome == "under way":
            why = f"; {record.reason}" if record.reason else _at(record, found, deployer)
            text = f"is under way, by {record.by}{why}"
            yield Finding.warning(CHECK, _called(record), text, record.began_at)
        elif outcome == "cut short" and not (backs_end and record.kind == "rollback"):
            again = AGAIN if record.kind == "deployment" else "give it again"
            why = record.reason or "and never ended: it was killed, or the cloud was"
            text = f"begun by {record.by}, {why}{MEND}{again}"
            yield Finding.warning(CHECK, _called(record), text, record.began_at)
        backs_end = backs_end or (record.kind == "rollback" and not record.moved and outcome == "succeeded")


def _at(record: Record, found: Inventory, deployer: Deployer | None) -> str:
    """What a command without an end may be at that nobody sees at work; empty where somebody does."""
    if deployments.changing(found) or (deployer is not None and deployer.gave(record)):
        return ""
    doing = "builds or uploads" if record.kind == "deployment" else "moves aliases"
    killed = f"without an end by {deployments.until(record):%H:%M} UTC it counts as killed"
    return f"; no stack changes, so it {doing}, or was killed: {killed}"


def _called(record: Record) -> str:
    if record.kind == "deployment":
        return f"deployment of {record.release or 'an unnamed release'}"
    return f"way back of {', '.join(record.moved) or 'all'}"


def _mend(found: Inventory, book: Book) -> str:
    """What brings all functions to one release. What was deployed whole is not deployed again."""
    last = next((one for one in book.records if one.kind == "deployment"), None)
    if last and found.release and (last.release, last.outcome) == (found.release, "succeeded"):
        return f"`ona deploy rollback all --to {found.release}` moves them there, `rollback all` back"
    return AGAIN


def _whole(
    releases: dict[str, str], found: Inventory, wrong: dict[str, str], book: Book, busy: bool
) -> Finding:
    """`wrong`: the functions astray; `busy`: a deployment moves the aliases just now."""
    told = deployments.in_words(deployments.shares(releases))
    if not releases:
        return Finding.ok(CHECK, "live", "no function has an alias")
    if not wrong:
        back = " since a way back" if any(one != found.release for one in releases.values()) else ""
        return Finding.ok(CHECK, "live", f"{told}{back}: {counted(len(releases), 'function')}")
    if busy:
        return Finding.warning(CHECK, "live", f"{told}, while a deployment is under way")
    deployed, mend = f"deployed is {found.release or 'an unnamed release'}", _mend(found, book)
    if len(set(releases.values())) == 1:
        return Finding.warning(CHECK, "live", f"{told}, {deployed}{MEND}{mend}")
    return Finding.critical(CHECK, "live", f"half a release: {_named(releases)}; {deployed}{MEND}{mend}")


def _half(others: list[Routed], releases: dict[str, str], found: Inventory, busy: bool) -> Finding:
    """Workflows of another release than the functions."""
    release = next(iter(releases.values()))
    named = "; ".join(one.text for one in others)
    told = f"the functions are of {release or 'an unnamed release'}; {named}"
    if busy:
        return Finding.warning(CHECK, "workflows", f"{told}; a deployment is under way")
    mend = f"`ona deploy rollback all --to {release}` moves them there" if release else AGAIN
    return Finding.critical(CHECK, "workflows", f"half a release: {told}{MEND}{mend}")


def _named(releases: dict[str, str]) -> str:
    """Each release with all its functions.

    >>> _named({"detect": "b", "order": "a", "deliver": "a"})
    'a: deliver, order; b: detect'
    """
    there = deployments.shares(releases)
    return "; ".join(f"{release or 'unnamed'}: {', '.join(names)}" for release, names in there.items())
